/**
 * Where the scripts of known kinds come from: parts of addresses. A page that has loaded such a script may draw a challenge
 * late. The `frame_urls` of the kinds count as well.
 */
export const KIND_SCRIPTS: readonly string[] = [
  // Most vendors, and most widgets that a site serves itself.
  "captcha",
  // Walls.
  "/cdn-cgi/challenge-platform/",
  "datadome.co/",
  "px-cloud.net/",
  "px-cdn.net/",
  "px-client.net/",
  "perimeterx.net/",
  "_Incapsula_Resource",
  "awswaf.com/",
  "perfdrive.com/",
  "alicdn.com/sd/",
  // Widgets.
  "challenges.cloudflare.com/",
  "arkoselabs.com/",
  "funcaptcha.com/",
  "friendly-challenge",
  "frcapi.com/",
  "altcha",
  "@cap.js/",
  "prosopo.io/",
  "capy.me/",
  "leminnow.com/",
  "geetest.com/",
  "gtimg.com & tcaptcha",
  "dun.163.com/",
  "cstaticdun.126.net/",
  "verifycenter",
  "jcap.m.jd.com/",
  "verify.meituan.com/",
  "yoda-static",
  "wappass.baidu.com/",
  "dingxiang-inc.com/",
  "fengkongcloud.",
  "luosimao.com/",
];
