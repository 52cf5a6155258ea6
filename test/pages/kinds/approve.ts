/** An approval on another device: the page goes on by itself. */
import { box, nobody, pagesOfKind, press, SOLVE, script } from "../page.ts";

const NUMBER = box('id="idRichContext_DisplaySign"', "42", { x: 200, y: 120, width: 200, height: 100 });

export default pagesOfKind("approve", {
  shown: {
    page: `${NUMBER}${SOLVE}${script(`act("solve", () => after(500, () => { location.href = "{here}/welcome"; }));`)}`,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  expired: {
    page: `${NUMBER}${script(`after(900, () => { $("#idRichContext_DisplaySign").textContent = "send again"; settled(); });`)}`,
    steps: [nobody("waiting", { until: "settled" })],
  },
});
