/** Cap: drawn in a shadow root, with its field in the document. */
import { nobody, pagesOfKind, press, SOLVE, script, styleOf, WRONG } from "../page.ts";

const PLACE = { x: 200, y: 120, width: 260, height: 58 };
const widget = (more = "") =>
  `<form><cap-widget data-box style="display:block;${styleOf(PLACE, more)}"></cap-widget></form>`;
/** The field is made when the token comes. */
const ACTS = `const host = $("cap-widget"); const root = reveal(host.attachShadow({ mode: "open" })); root.innerHTML = '${SOLVE}${WRONG}';
  const answer = (value) => { host.querySelector("input")?.remove(); host.insertAdjacentHTML("beforeend", '<input type="hidden" name="cap-token">'); host.lastChild.value = value; };
  act("solve", () => after(600, () => { answer("token"); success(); }), root);
  act("wrong", () => after(300, settled), root);`;

export default pagesOfKind("cap", {
  shown: { page: `${widget()}${script(ACTS)}`, steps: [nobody("waiting"), press("solve", "solved")] },
  failed: { page: `${widget()}${script(ACTS)}`, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  expired: {
    page: `${widget()}${script(`${ACTS} answer("old"); after(900, () => { host.querySelector("input").value = ""; settled(); });`)}`,
    steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
  },
  badge: {
    page: `${widget("display:none;")}${script(`${ACTS} after(700, () => { answer("token"); settled(); });`)}`,
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
  },
});
