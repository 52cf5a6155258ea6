/** What calls itself a captcha and is no kind that is known. */
import { box, confirmsDone, nobody, pagesOfKind, press, SOLVE, saysDone, script, WRONG } from "../page.ts";
import { goesWhenSolved } from "../patterns.ts";

const BOX = box('class="my-captcha-box"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 320, height: 200 });

export default pagesOfKind("generic", {
  ...goesWhenSolved({ html: BOX, root: ".my-captcha-box" }),
  // It stays where it is: only the person knows.
  stays: {
    page: `${BOX}${script(`act("solve", () => { $(".my-captcha-box").style.background = "#cfc"; settled(); });`)}`,
    steps: [nobody("waiting"), press("solve", "asked"), saysDone("asked"), confirmsDone("operator")],
    selected: true,
  },
  small: {
    page: `<label class="captcha-label" style="display:block;width:90px;height:20px">label</label><input type="hidden" id="captcha-id">`,
    found: null,
    steps: [nobody("waiting")],
  },
});
