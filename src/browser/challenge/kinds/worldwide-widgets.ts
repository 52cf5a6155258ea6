/** Widgets in a page, most of them in a frame of the vendor's: checkboxes, picture tasks, proofs of work. */
import { GONE, kind } from "./kind.ts";

export const WORLDWIDE_WIDGETS = [
  kind({
    kind: "arkose",
    vendor: "Arkose Labs (FunCaptcha)",
    source: "public code",
    selectors: [
      'iframe[data-e2e="enforcement-frame"]',
      'iframe[title="arkose-enforcement"]',
      "#FunCaptcha iframe",
      "#funcaptcha iframe",
      "#arkoseFrame",
      "#arkose iframe",
    ],
    frame_urls: ["arkoselabs.com/", "funcaptcha.com/", "octocaptcha.com"],
    // No value: its fields hold a session's token from the start.
    done: GONE,
  }),
  kind({
    kind: "recaptcha-v2",
    vendor: "Google (checkbox, invisible, enterprise)",
    source: "https://developers.google.com/recaptcha/docs/invisible and /docs/verify",
    selectors: [
      'iframe[src*="/recaptcha/"][src*="/bframe"]',
      'iframe[src*="/recaptcha/"][src*="/anchor"]:not([src*="size=invisible"])',
      ".g-recaptcha",
    ],
    frame_urls: [
      "/recaptcha/api2/bframe",
      "/recaptcha/enterprise/bframe",
      "/recaptcha/api2/anchor",
      "/recaptcha/enterprise/anchor",
    ],
    // Score only (v3), or invisible until its task opens; or another vendor's widget in this one's place.
    not_when: {
      selectors: [
        ".grecaptcha-badge",
        ":is(button, input).g-recaptcha",
        '.g-recaptcha[data-size="invisible"]',
        '.g-recaptcha:has(input[name="cf-turnstile-response"], .frc-captcha, iframe.frc-i-widget)',
      ],
      frame_urls: ["/anchor & size=invisible"],
    },
    // The ids from 100000 on are those of v3. hCaptcha fills a field of this name too.
    done: [
      { value: 'textarea[name="g-recaptcha-response"]:not([id^="g-recaptcha-response-10000"], .h-captcha textarea)' },
    ],
  }),
  kind({
    kind: "hcaptcha",
    vendor: "hCaptcha (Intuition Machines)",
    source: "https://docs.hcaptcha.com/invisible and https://docs.hcaptcha.com/",
    selectors: [
      'iframe[src*="hcaptcha.com"][src*="frame=challenge"]',
      'iframe[src*="hcaptcha.com"][src*="frame=checkbox"]:not([src*="frame=checkbox-invisible"])',
      ".h-captcha",
    ],
    // A frame's role is in its fragment.
    frame_urls: [
      "hcaptcha.com/captcha/ & frame=challenge",
      "hcaptcha.com/captcha/ & frame=checkbox",
      "hcaptcha.com/captcha/",
    ],
    not_when: {
      selectors: [
        ":is(button, input).h-captcha",
        '.h-captcha[data-size="invisible"]',
        'iframe[src*="frame=checkbox-invisible"]',
        ".h-captcha:has(.frc-captcha, iframe.frc-i-widget)",
      ],
      frame_urls: ["frame=checkbox-invisible"],
    },
    done: [{ value: '[name="h-captcha-response"]' }],
  }),
  kind({
    kind: "turnstile",
    vendor: "Cloudflare Turnstile",
    source:
      "https://developers.cloudflare.com/turnstile/concepts/widget-types and .../client-side-rendering/widget-configurations",
    // Drawn by a script, it has no class of its own. Its frame is in a closed shadow root, its field beside that.
    selectors: [
      ".cf-turnstile",
      'div:has(> input[name="cf-turnstile-response"]):not(:has(input[type="password"]))',
      'div:has(> div > input[name="cf-turnstile-response"]):not(:has(input[type="password"]))',
    ],
    frame_urls: ["challenges.cloudflare.com"],
    not_when: { selectors: ['.cf-turnstile[data-size="invisible"]'], frame_urls: ["/invisible/"] },
    // Whether the box wants a click cannot be told from outside: most pass by themselves.
    working: {
      selectors: [
        ".cf-turnstile",
        'div:has(> input[name="cf-turnstile-response"])',
        'div:has(> div > input[name="cf-turnstile-response"])',
        'iframe[src*="challenges.cloudflare.com"]',
      ],
      frame_urls: ["challenges.cloudflare.com"],
    },
    done: [{ value: '[name="cf-turnstile-response"]' }, { value: 'input[id^="cf-chl-widget-"][id$="_response"]' }],
  }),
  kind({
    kind: "friendly-captcha",
    vendor: "Friendly Captcha (v1, v2)",
    source:
      "https://github.com/FriendlyCaptcha/friendly-challenge (src/dom.ts), https://github.com/FriendlyCaptcha/friendly-captcha-sdk (src/types/sentinel.ts)",
    selectors: ["iframe.frc-i-widget", ".frc-captcha"],
    frame_urls: ["frcapi.com/api/v2/captcha/widget"],
    not_when: {
      selectors: ["iframe.frc-i-agent", ".frc-captcha:has(.frc-success)"],
      frame_urls: ["captcha/agent"],
    },
    working: {
      selectors: [
        '.frc-captcha:has(input:is([value=".FETCHING"], [value=".UNFINISHED"]))',
        '.frc-captcha:has(input:is([value=".REQUESTING"], [value=".SOLVING"], [value=".VERIFYING"]))',
      ],
    },
    // The field is never empty: before the answer it has the state, with a dot in front.
    done: [
      { visible: ".frc-captcha .frc-success" },
      { value: "input.frc-captcha-solution", no_answer: "^\\.", name: "frc-captcha-solution" },
      { value: 'input[name="frc-captcha-response"]', no_answer: "^\\." },
    ],
  }),
  kind({
    kind: "altcha",
    vendor: "ALTCHA",
    source: "https://github.com/altcha-org/altcha (src/Widget.svelte)",
    selectors: ['.altcha[data-state="code"]', "altcha-widget", ".altcha"],
    not_when: {
      selectors: [
        '.altcha[data-state="verified"]',
        '.altcha[data-display="invisible"]',
        'altcha-widget:has(.altcha[data-state="verified"])',
        'altcha-widget[display="invisible"]',
      ],
    },
    working: {
      selectors: [
        '.altcha[data-state="verifying"]',
        'altcha-widget:has(.altcha[data-state="verifying"])',
        'altcha-widget[auto="onload"]:has(.altcha[data-state="unverified"])',
      ],
    },
    // The field alone proves nothing: it is filled before the code is typed. A floating box hides after success.
    done: [
      { visible: '.altcha[data-state="verified"]' },
      { value: 'altcha-widget:has(.altcha[data-state="verified"]) input[type="hidden"]' },
    ],
  }),
  kind({
    kind: "cap",
    vendor: "Cap.js (tiagozip)",
    source: "https://github.com/tiagozip/cap (widget/src/src/cap.js)",
    selectors: ["cap-widget"],
    done: [{ value: 'cap-widget input[type="hidden"]', name: "cap-token" }],
  }),
  kind({
    kind: "mcaptcha",
    vendor: "mCaptcha",
    source: "https://github.com/mCaptcha/glue (packages/vanilla/src/widget.ts)",
    selectors: ["#mcaptcha__widget-container", "iframe#mcaptcha-widget__iframe"],
    frame_urls: ["/widget/?sitekey="],
    done: [{ value: 'input[name="mcaptcha__token"]' }],
  }),
  kind({
    kind: "mtcaptcha",
    vendor: "MTCaptcha",
    source: "public code; vendor https://www.mtcaptcha.com",
    selectors: ['iframe[id^="mtcaptcha-iframe"]', ".mtcaptcha"],
    frame_urls: ["mtcaptcha.com/"],
    done: [{ value: 'input[name="mtcaptcha-verifiedtoken"]' }],
  }),
  kind({
    kind: "procaptcha",
    vendor: "Prosopo Procaptcha",
    source: "https://docs.prosopo.io/en/basics/captcha-types/, https://docs.prosopo.io (client side rendering)",
    // The names inside of the checkbox and of the dialog are random.
    selectors: [".procaptcha", ".prosopo-checkbox", ".procaptcha-checkbox"],
    not_when: { selectors: ["button.procaptcha", '.procaptcha[data-size="invisible"]'] },
    done: [{ value: 'input[name="procaptcha-response"]' }],
  }),
  kind({
    kind: "captchafox",
    vendor: "CaptchaFox",
    source: "https://npmjs.com/package/@captchafox/react (modes, events)",
    selectors: [".captchafox"],
    frame_urls: ["captchafox.com/"],
    done: [{ value: '[name="cf-captcha-response"]' }],
  }),
  kind({
    kind: "private-captcha",
    vendor: "Private Captcha",
    source:
      "https://github.com/PrivateCaptcha/PrivateCaptcha (widget/js/html.js) and https://docs.privatecaptcha.com/docs/tutorials/invisible-captcha",
    selectors: [
      "private-captcha:not(.hidden)",
      '.private-captcha:not([data-display-mode="hidden"], [data-display-mode="popup"])',
    ],
    not_when: { selectors: ["private-captcha.hidden", '.private-captcha[data-display-mode="hidden"]'] },
    done: [{ value: 'input[name="private-captcha-solution"]' }],
  }),
  kind({
    kind: "yandex-smartcaptcha",
    vendor: "Yandex SmartCaptcha (widget)",
    source: "https://yandex.cloud/en/docs/smartcaptcha/concepts/widget-methods, .../invisible-captcha",
    selectors: [
      ".SmartCaptcha-Overlay.SmartCaptcha-Overlay_visible",
      'iframe[title="SmartCaptcha advanced widget"]',
      'iframe[title="SmartCaptcha checkbox"]',
      'iframe[data-testid="checkbox-iframe"]',
      ".smart-captcha",
    ],
    frame_urls: [
      "smartcaptcha.yandexcloud.net/advanced",
      "smartcaptcha.cloud.yandex.ru/advanced",
      "smartcaptcha.yandexcloud.net/checkbox",
      "smartcaptcha.cloud.yandex.ru/checkbox",
    ],
    not_when: {
      selectors: [".SmartCaptcha-Shield", 'iframe[title="SmartCaptcha backend"]'],
      frame_urls: ["/backend."],
    },
    working: { selectors: [".SmartCaptcha-Overlay_show_spinner"] },
    done: [{ value: 'input[name="smart-token"]' }],
  }),
  // The same class names are inside of SmartCaptcha's frames, so it comes after.
  kind({
    kind: "yandex-showcaptcha",
    vendor: "Yandex (search and services wall)",
    source: "public code",
    selectors: ["#checkbox-captcha-form", "#advanced-captcha-form", ".AdvancedCaptcha", ".CheckboxCaptcha"],
    frame_urls: ["/showcaptcha"],
    page_urls: ["/showcaptcha"],
    not_when: { frame_urls: ["smartcaptcha.yandexcloud.net", "smartcaptcha.cloud.yandex.ru"] },
    done: GONE,
  }),
  kind({
    kind: "vk",
    vendor: "VK ID",
    source: "public code",
    selectors: ['iframe[src*="not_robot_captcha"]'],
    frame_urls: ["id.vk.com/not_robot_captcha", "id.vk.ru/not_robot_captcha"],
    page_urls: ["/id.vk.com/not_robot_captcha", "/id.vk.ru/not_robot_captcha"],
    done: GONE,
  }),
  kind({
    kind: "kakao",
    vendor: "Kakao (DKAPTCHA)",
    source: "public code",
    selectors: ['iframe[src*="dkaptcha.kakao.com"]'],
    frame_urls: ["dkaptcha.kakao.com"],
    done: GONE,
  }),
  kind({
    kind: "keycaptcha",
    vendor: "KeyCAPTCHA",
    source: "public code",
    selectors: ["#div_for_keycaptcha"],
    frame_urls: ["keycaptcha.com/"],
    done: [{ value: 'input[name="capcode"]' }],
  }),
  kind({
    kind: "capy",
    vendor: "Capy Puzzle",
    source: "public code",
    selectors: [".capy-captcha", "#capy-captcha"],
    frame_urls: ["capy.me/"],
    // Its other fields are filled from the start.
    done: [{ value: 'input[name="capy_answer"]' }],
  }),
  kind({
    kind: "lemin",
    vendor: "Lemin (cropped captcha)",
    source: "public code",
    selectors: [".lemin-captcha-popup", 'div[id*="lemin-captcha-popup"]', "#lemin-cropped-captcha"],
    frame_urls: ["leminnow.com/"],
    done: [{ value: 'input[name="lemin_answer"]' }],
  }),
];
