/** Private Captcha: an element with a shadow root, whose field exists only after its success. */
import { nobody, pagesOfKind, press, SOLVE, script, styleOf, WRONG } from "../page.ts";

const PLACE = { x: 200, y: 120, width: 300, height: 70 };
const widget = (attributes: string, more = "") =>
  `<form><div class="private-captcha" ${attributes}><private-captcha ${more} data-box style="display:block;${styleOf(PLACE)}"></private-captcha></div></form>`;
const ACTS = `const host = $("private-captcha"); const root = reveal(host.attachShadow({ mode: "open" })); root.innerHTML = '${SOLVE}${WRONG}';
  const answer = () => host.insertAdjacentHTML("afterend", '<input type="hidden" name="private-captcha-solution" value="token">');
  act("solve", () => after(500, () => { answer(); success(); }), root);
  act("wrong", () => after(300, settled), root);`;

export default pagesOfKind("private-captcha", {
  shown: { page: `${widget("")}${script(ACTS)}`, steps: [nobody("waiting"), press("solve", "solved")] },
  failed: { page: `${widget("")}${script(ACTS)}`, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  expired: {
    page: `${widget("")}${script(`${ACTS} answer(); after(900, () => { $("[name=private-captcha-solution]").remove(); settled(); });`)}`,
    steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
  },
  badge: {
    page: `<style>.hidden{visibility:hidden}</style>${widget('data-display-mode="hidden"', 'class="hidden"')}${script(`${ACTS} after(700, () => { answer(); settled(); });`)}`,
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
  },
});
