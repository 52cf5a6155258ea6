/** Procaptcha: a checkbox in a shadow root, and a dialog whose names are random. */
import { box, button, CLOSE, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";

const WIDGET = `<form>${box('class="procaptcha"', "", { x: 200, y: 120, width: 300, height: 78 })}</form>`;
const ACTS = `const host = $(".procaptcha"); const inner = document.createElement("div"); host.append(inner);
  const root = reveal(inner.attachShadow({ mode: "open" })); root.innerHTML = '${button("open")}${SOLVE}${WRONG}';
  const answer = (value) => { host.querySelector("input")?.remove(); host.insertAdjacentHTML("beforeend", '<input type="hidden" name="procaptcha-response">'); host.lastChild.value = value; };
  const dialog = () => document.body.insertAdjacentHTML("beforeend", '<div class="a8f3" style="position:fixed;left:600px;top:60px;width:420px;height:400px;background:#dcd"><button data-act="pick">pick</button>${CLOSE}</div>');
  act("open", () => { dialog(); settled(); }, root);
  act("pick", () => { $(".a8f3").remove(); answer("token"); success(); });
  act("close", () => { $(".a8f3").remove(); settled(); });
  act("solve", () => { answer("token"); success(); }, root);
  act("wrong", () => after(300, settled), root);`;

export default pagesOfKind("procaptcha", {
  shown: { page: `${WIDGET}${script(ACTS)}`, steps: [nobody("waiting"), press("solve", "solved")] },
  failed: { page: `${WIDGET}${script(ACTS)}`, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  closed: {
    page: `${WIDGET}${script(ACTS)}`,
    steps: [press("open", null), press("close", "waiting"), press("open", null), press("pick", "solved")],
  },
  working: {
    page: `${WIDGET}${script(`${ACTS} after(2200, () => { answer("token"); success(); });`)}`,
    steps: [nobody("solved")],
  },
  badge: {
    page: `<form><button class="procaptcha" data-size="invisible" style="width:300px;height:78px">send</button></form>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
