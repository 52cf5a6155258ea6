/** ByteDance: a dialog in the page, or a frame of another site in one. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { framed, popupWithoutSign } from "../patterns.ts";

const DIALOG = box(
  'class="captcha_verify_container"',
  `<div class="captcha_verify_img"></div>${SOLVE}${WRONG}${CLOSE}`,
  { ...POPUP, width: 380, height: 348 },
);
const { shown, failed, closed } = framed({
  src: "rmc.bytedance.com/verifycenter/captcha/v2?from=iframe",
  html: `<div id="captcha_container">FRAME</div>`,
  place: { ...POPUP, width: 380, height: 348 },
  root: "#captcha_container",
  goesOn: true,
});

export default pagesOfKind("bytedance", {
  ...popupWithoutSign({ html: DIALOG, root: ".captcha_verify_container" }),
  "in a frame": shown,
  "failed frame": failed,
  ...(closed && { "closed frame": closed }),
  badge: {
    page: `<h1>Feed</h1><div id="captcha_container" style="width:90px;height:40px"></div>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
