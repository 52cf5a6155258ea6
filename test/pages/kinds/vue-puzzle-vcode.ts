/** vue-puzzle-vcode: its layer is always in the page; a class alone says that it shows. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";

const LAYER = (
  shown: boolean,
) => `<style>.vue-puzzle-vcode{position:fixed;inset:0 0 200px 0;opacity:0;pointer-events:none}.vue-puzzle-vcode.show_{opacity:1;pointer-events:auto}</style>
  <div class="vue-puzzle-vcode ${shown ? "show_" : ""}">${box('class="vue-auth-box_"', `<div class="info-box_">-</div>${SOLVE}${WRONG}${CLOSE}`, POPUP)}</div>`;
const ACTS = `const layer = $(".vue-puzzle-vcode"), info = $(".info-box_");
  act("open", () => { layer.classList.add("show_"); settled(); });
  act("solve", () => { info.className = "info-box_ show"; success(); after(700, () => layer.classList.remove("show_")); });
  act("wrong", () => { info.className = "info-box_ show fail"; after(600, () => { info.className = "info-box_"; settled(); }); });
  act("close", () => { layer.classList.remove("show_"); settled(); });`;
const OPEN = `${LAYER(true)}${script(ACTS)}`;

export default pagesOfKind("vue-puzzle-vcode", {
  shown: { page: OPEN, steps: [nobody("waiting"), press("solve", "solved")] },
  failed: { page: OPEN, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  closed: { page: OPEN, steps: [press("close", "asked")] },
  hidden: {
    page: `<button data-act="open">open</button>${LAYER(false)}${script(ACTS)}`,
    found: null,
    steps: [
      nobody("waiting"),
      press("open", "waiting", { found: { kind: "vue-puzzle-vcode" } }),
      press("solve", "solved"),
    ],
  },
});
