/**
 * Walls: they stand in place of the whole page, or over it. A wall may carry another vendor's widget, and is judged by
 * itself all the same: it lets the person through by loading the page again, which takes the widget's token with it.
 */
import { GONE, kind } from "./kind.ts";

/** A Cloudflare page loads this script. Its own ids are random; older pages have the ids below. */
const CLOUDFLARE_PAGE = 'html:has(script[src*="/challenge-platform/"][src*="chl_page"])';

export const WALLS = [
  kind({
    kind: "cloudflare-challenge",
    vendor: "Cloudflare",
    source: "https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages",
    role: "wall",
    selectors: [
      "#challenge-stage",
      "#challenge-form",
      "#challenge-running",
      "#cf-challenge-running",
      `${CLOUDFLARE_PAGE} .main-content`,
      `${CLOUDFLARE_PAGE} .main-wrapper`,
      `${CLOUDFLARE_PAGE} body > div`,
    ],
    // Most pages pass by themselves after some 5 s. Only an older page's own button or checkbox is there to be pressed.
    working: {
      selectors: [
        'html:not(:has(.h-captcha, .g-recaptcha, #challenge-stage :is(button, [type="button"], [type="checkbox"])))',
      ],
    },
    done: GONE,
  }),
  kind({
    kind: "datadome",
    vendor: "DataDome",
    source: "public code (frame addresses and roles)",
    role: "wall",
    selectors: [
      'iframe[src*="captcha-delivery.com/captcha"]',
      "#ddv1-captcha-container",
      'iframe[src*="captcha-delivery.com/interstitial"]',
    ],
    frame_urls: ["captcha-delivery.com/captcha", "captcha-delivery.com/interstitial"],
    // The device check. It may turn into the captcha.
    working: {
      selectors: ['iframe[src*="captcha-delivery.com/interstitial"]'],
      frame_urls: ["captcha-delivery.com/interstitial"],
    },
    done: GONE,
  }),
  kind({
    kind: "perimeterx",
    vendor: "HUMAN (PerimeterX)",
    source: "public code",
    role: "wall",
    selectors: [
      "#px-captcha",
      "#px-captcha-wrapper",
      ".px-captcha-container",
      "iframe#px-captcha-modal",
      'iframe[title*="Human verification" i]',
    ],
    done: GONE,
  }),
  kind({
    kind: "akamai-challenge",
    vendor: "Akamai Bot Manager",
    source: "public code",
    role: "wall",
    selectors: ["iframe#sec-cpt-if", "#sec-if-cpt-container", "#sec-overlay #sec-container"],
    frame_urls: ["/_sec/cp_challenge/"],
    // Proof of work, and a fixed wait. The frame's class is the provider's name.
    working: {
      selectors: [
        "iframe#sec-cpt-if:is(.crypto, .adaptive)",
        'iframe#sec-cpt-if:is([provider="crypto"], [provider="adaptive"])',
        "#sec-if-cpt-container:has(iframe:is(.crypto, .adaptive))",
        "#sec-overlay:has(iframe:is(.crypto, .adaptive))",
      ],
      frame_urls: ["/_sec/cp_challenge/crypto"],
    },
    done: GONE,
  }),
  kind({
    kind: "imperva",
    vendor: "Imperva (Incapsula)",
    source: "public code",
    role: "wall",
    selectors: ['iframe#main-iframe[src*="_Incapsula_Resource"]'],
    frame_urls: ["_Incapsula_Resource?CWUDNSAI"],
    // The sensor's address.
    not_when: { frame_urls: ["_Incapsula_Resource?SWJIYLWA"] },
    done: GONE,
  }),
  kind({
    kind: "aws-waf",
    vendor: "Amazon (AWS WAF)",
    source: "https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html",
    role: "wall",
    selectors: [
      ".amzn-captcha-modal",
      ".amzn-captcha-state-container",
      "#amzn-captcha-verify-button",
      "awswaf-captcha",
      "#aws-captcha",
      // Many other sites use this id.
      "#captcha-container:has(canvas)",
      "#challenge-container",
    ],
    // The silent check draws in here.
    working: { selectors: ["#challenge-container"] },
    done: GONE,
  }),
  kind({
    kind: "aliyun-punish",
    vendor: "Alibaba (x5sec, baxia)",
    source: "public code",
    role: "wall",
    selectors: [
      'iframe[src*="_____tmd_____/punish"]',
      'iframe[src*="x5secdata="]',
      "#baxia-punish",
      "iframe#baxia-dialog-content",
      "#baxia-dialog",
      ".J_MIDDLEWARE_FRAME_WIDGET",
    ],
    frame_urls: ["_____tmd_____/punish", "x5secdata="],
    page_urls: ["/_____tmd_____/punish"],
    // The same dialog carries sign-in forms.
    not_when: {
      selectors: [
        'iframe#baxia-dialog-content[src*="login"]',
        '#baxia-dialog:has(iframe#baxia-dialog-content[src*="login"])',
      ],
      frame_urls: ["mini_login.htm", "login.taobao.com/member/login"],
    },
    done: GONE,
    closes: true,
  }),
  kind({
    kind: "google-sorry",
    vendor: "Google",
    source: "public code (address only)",
    role: "wall",
    // Other sites name a form so too.
    selectors: [
      'form#captcha-form:has(.g-recaptcha, iframe[src*="/recaptcha/"])',
      'form[action="index"]:has(.g-recaptcha)',
    ],
    page_urls: ["/sorry/index & continue=", ".google. & /sorry/"],
    done: GONE,
  }),
  kind({
    kind: "radware",
    vendor: "Radware Bot Manager",
    source: "public code (address only)",
    role: "wall",
    selectors: [],
    page_urls: ["/validate.perfdrive.com/", "/captcha.perfdrive.com/"],
    done: GONE,
  }),
];
