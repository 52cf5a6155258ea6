/** Meituan: a page of its own, or a slider in place. */
import { box, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { goesWhenSolved } from "../patterns.ts";

const SLIDER = box('id="yodaBoxWrapper"', `<div id="yodaBox">${SOLVE}${WRONG}</div>`, {
  x: 200,
  y: 150,
  width: 330,
  height: 45,
});
const PATH = "verify.meituan.com/v2/web/general_page";

export default pagesOfKind("meituan-yoda", {
  ...goesWhenSolved({ html: SLIDER, root: "#yodaBoxWrapper" }),
  page: {
    page: {
      [PATH]: `${SLIDER}${script(`act("solve", () => { location.href = "{here}/welcome"; });
      act("wrong", () => { location.reload(); }); addEventListener("load", () => { if (performance.getEntriesByType("navigation")[0].type === "reload") settled(); });`)}`,
    },
    start: PATH,
    steps: [nobody("waiting"), press("wrong", "waiting"), press("solve", "solved")],
  },
});
