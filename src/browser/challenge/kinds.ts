/** The known kinds of challenges as data: where their box is and how "done" looks. Nothing here finds an answer. */
import type { ChallengeKind } from "../../config.ts";

/** `generic` boxes smaller than this are labels and hidden fields, not challenges (CSS px, both ways). */
export const GENERIC_MIN_SIZE = 100;
export const GENERIC = "generic";

/**
 * In order of preference: the first kind with a visible match wins, and within a kind its first selector.
 * `frame_urls` are parts of a frame's URL: a visible frame with such a URL is the challenge's box.
 * `done` rules are alternatives. `gone`: the kind was visible once, and none of its matches is visible now.
 */
export const KNOWN_KINDS: readonly ChallengeKind[] = [
  {
    kind: "scratch-card",
    selectors: [".scratch-captcha-container", "#scratch-captcha-btn", ".scratch-captcha-slider"],
    frame_urls: [],
    done: [{ gone: true }],
  },
  {
    kind: "nocaptcha",
    selectors: ["#nocaptcha", ".nc-container", "#nc_1_n1z"],
    frame_urls: ["/nocaptcha/"],
    done: [{ gone: true }, { visible: ".nc-container .btn_ok" }],
  },
  {
    kind: "geetest-v4",
    selectors: [".geetest_box_wrap .geetest_box", ".geetest_captcha .geetest_box", ".geetest_captcha"],
    frame_urls: [],
    done: [{ gone: true }, { visible: ".geetest_captcha.geetest_lock_success" }],
  },
  {
    kind: "geetest-v3",
    selectors: [".geetest_panel_box", ".geetest_widget", ".geetest_holder"],
    frame_urls: [],
    done: [{ gone: true }, { value: 'input[name="geetest_validate"]' }, { visible: ".geetest_radar_success" }],
  },
  {
    kind: "tencent",
    selectors: ["#tcaptcha_transform_dy", "#tcaptcha_transform", "#tCaptchaDyContent"],
    frame_urls: ["captcha.gtimg.com", "captcha.qq.com"],
    done: [{ gone: true }],
  },
  {
    kind: "recaptcha-v2",
    selectors: [".g-recaptcha"],
    frame_urls: [
      "/recaptcha/api2/bframe",
      "/recaptcha/enterprise/bframe",
      "/recaptcha/api2/anchor",
      "/recaptcha/enterprise/anchor",
    ],
    done: [{ value: 'textarea[name="g-recaptcha-response"]' }],
  },
  {
    kind: "hcaptcha",
    selectors: [".h-captcha"],
    frame_urls: ["hcaptcha.com/captcha/"],
    done: [{ value: 'textarea[name="h-captcha-response"]' }],
  },
  {
    kind: "turnstile",
    selectors: [".cf-turnstile"],
    frame_urls: ["challenges.cloudflare.com"],
    done: [{ value: 'input[name="cf-turnstile-response"]' }],
  },
  {
    kind: "altcha",
    selectors: ["altcha-widget", ".altcha"],
    frame_urls: [],
    done: [{ value: 'input[name="altcha"]' }],
  },
  {
    kind: GENERIC,
    selectors: ['[id*="captcha" i]', '[class*="captcha" i]'],
    frame_urls: [],
    done: [{ gone: true }],
  },
];
