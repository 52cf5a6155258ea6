/** Baidu: a dialog that turns or slides, or a page of its own. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { popupWithoutSign } from "../patterns.ts";

const DIALOG = `<div class="passMod_dialog-wrapper">${box('class="passMod_dialog-container"', `<div class="passMod_slide-control">${SOLVE}${WRONG}${CLOSE}</div>`, POPUP)}</div>`;
const PATH = "wappass.baidu.com/static/captcha/tuxing.html";

export default pagesOfKind("baidu", {
  ...popupWithoutSign({ html: DIALOG, root: ".passMod_dialog-wrapper" }),
  page: {
    page: {
      [PATH]: `${box('class="passMod_slide-control"', SOLVE)}${script(`act("solve", () => { location.href = "{here}/welcome"; });`)}`,
    },
    start: PATH,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
