/** Pictures with text, one-time codes, approvals: signs that ordinary pages carry too, so a widget beside them comes first. */
import { GONE, kind } from "./kind.ts";

/** The page that comes next judges them. Gone within the same page, another way may have been chosen. */
const weak = (entry: Parameters<typeof kind>[0]) => kind({ role: "weak", closes: true, ...entry });

const TEXT_PICTURE = 'img[src*="captcha" i]:not([src*="recaptcha" i], [src*="hcaptcha" i], [src*="logo" i])';
const ONE_CHARACTER = 'input[maxlength="1"]';

export const WEAK_KINDS = [
  weak({
    kind: "botdetect",
    vendor: "BotDetect",
    source: "public code (vendor PHP library)",
    selectors: [".BDC_CaptchaDiv", '[id^="BDC_CaptchaComponent"]', ".BDC_CaptchaImageDiv"],
    // No value: its hidden fields are filled from the start.
    done: GONE,
  }),
  weak({
    kind: "securimage",
    vendor: "Securimage",
    source: "public code",
    selectors: ['img[src*="securimage_show"]', "#siimage"],
    done: GONE,
  }),
  weak({
    kind: "amazon",
    vendor: "Amazon shop and sign-in",
    source: "public code",
    selectors: [
      'form[action*="validateCaptcha"]',
      "#captchacharacters",
      "#auth-captcha-image-container",
      "#auth-captcha-image",
      'input[name="cvf_captcha_input"]',
      "#aa-challenge-page-captcha-container",
    ],
    frame_urls: ["/ax/aaut/verify/ap/challenge"],
    page_urls: ["/errors/validateCaptcha"],
    done: GONE,
  }),
  weak({
    kind: "image-text",
    vendor: "picture or sum to type, any site",
    source: "public code",
    selectors: [
      `form:has(${TEXT_PICTURE}):has(input:is([type="text" i], :not([type])))`,
      'img[src*="captcha" i]',
      'img[id*="captcha" i]',
      'img[alt*="captcha" i]',
      'img[class*="captcha" i]',
    ],
    not_when: {
      selectors: [
        'img[src^="data:image/svg"]:not([id*="captcha" i])',
        'img:is([src*="recaptcha" i], [src*="hcaptcha" i], [src*="logo" i])',
        'img:is([alt*="recaptcha" i], [alt*="hcaptcha" i], [alt*="logo" i])',
      ],
    },
    done: GONE,
    min_width: 60,
    min_height: 20,
  }),
  weak({
    kind: "code",
    vendor: "one-time code (SMS, e-mail, authenticator)",
    source:
      "https://github.com/whatwg/html/pull/4573 (one-time-code), https://guide.services.gov.gr/docs/patterns/one-time-password (split boxes)",
    selectors: [
      // One field a character: their parent is the box. Few tags, as a browser looks into each of them.
      `:is(div, fieldset, form):has(> ${ONE_CHARACTER}:nth-of-type(4))`,
      `:is(div, fieldset, form):has(> :nth-child(4) > ${ONE_CHARACTER})`,
      'input[autocomplete~="one-time-code" i]',
      "#idTxtBx_SAOTCC_OTC",
      'input[name="otc"]',
      'input[name="totpPin"]',
      'input[name="app_otp"]',
      "#app_totp",
      "#auth-mfa-otpcode",
      'input[name*="otp" i]:not([type="hidden"])',
      'input[inputmode="numeric"][maxlength="6"]',
      'input[maxlength="1"][inputmode="numeric"]',
    ],
    not_when: {
      selectors: [
        "input:disabled",
        'input[type="password"][autocomplete*="current-password"]',
        'input:is([name*="captcha" i], [name*="card" i], [name*="footprint" i])',
        'input:is([autocomplete^="cc-"], [autocomplete^="postal"], [autocomplete^="bday"], [autocomplete^="tel"])',
        'input:is([name*="zip" i], [name*="postal" i], [name*="postcode" i], [name*="pincode" i], [name*="phone" i])',
        'input:is([name*="voucher" i], [name*="coupon" i], [name*="promo" i], [name*="gift" i], [name*="pairing" i])',
        'input[name*="pin" i][autocomplete="off"][maxlength="4"]',
      ],
    },
    // No value: a code that is typed is not yet accepted.
    done: GONE,
  }),
  weak({
    kind: "approve",
    vendor: "approval on another device, number match, QR sign-in",
    source: "common knowledge, not confirmed",
    selectors: [
      "#idRichContext_DisplaySign",
      "#idDiv_SAOTCAS_Title",
      '[data-viewtype="authenticator"]',
      'img[alt*="QR" i][src^="data:"]',
    ],
    done: GONE,
  }),
];
