/** Xiaohongshu: a picture to turn. */
import { box, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { goesWhenSolved } from "../patterns.ts";

const BOX = `<div class="red-captcha">${box('class="red-captcha-content"', `<div id="red-captcha-rotate">${SOLVE}${WRONG}</div>`, POPUP)}</div>`;
const PATH = "www.xiaohongshu.com/web-login/captcha";

export default pagesOfKind("xiaohongshu", {
  ...goesWhenSolved({ html: BOX, root: ".red-captcha" }),
  page: {
    page: { [PATH]: `${BOX}${script(`act("solve", () => { location.replace("{here}/welcome"); });`)}` },
    start: PATH,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
