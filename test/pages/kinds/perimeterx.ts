/** HUMAN (PerimeterX): press and hold, in a page of its own or in a frame over the page. */
import { frameBox, nobody, onWidget, pagesOfKind, press, script } from "../page.ts";
import { wall } from "../patterns.ts";

/** The bar is full after so long. */
const HOLD_MS = 1_500;
const BUTTON = `<div id="px-captcha" data-box style="width:300px;height:100px;background:#cce">
  <iframe style="display:none"></iframe><div data-act="solve" data-hold="${HOLD_MS + 500}" style="width:280px;height:90px"></div></div>`;
const HOLDS = (run: string) => `
  let timer;
  addEventListener("pointerdown", ({ target }) => { if (target.dataset.act === "solve") timer = setTimeout(() => { ${run} }, ${HOLD_MS}); });
  addEventListener("pointerup", () => clearTimeout(timer));`;
const PAGE = `<div style="padding:80px"><h1>Press and hold</h1>${BUTTON}</div>`;

export default pagesOfKind("perimeterx", {
  ...wall({
    html: `${PAGE}<button data-act="wrong">wrong</button>${script(HOLDS(`flag("passed").then(() => location.reload());`))}`,
    status: 403,
  }),
  "in place": {
    page: `${PAGE}${script(HOLDS(`$("#px-captcha").remove(); success();`))}`,
    steps: [nobody("waiting"), press("solve", "solved")],
    selected: true,
  },
  modal: {
    page: {
      start: `<h1>Shop</h1>
        ${frameBox("{here}/px/captcha", `id="px-captcha-modal" title="Human verification challenge"`, { x: 0, y: 0, width: 1280, height: 640 }).replace("data-box", "")}
        ${script(onWidget("solved", `$("iframe").remove(); success();`))}`,
      "px/captcha": `${PAGE}${script(HOLDS(`parent.postMessage({ widget: "solved" }, "*");`))}`,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  badge: {
    page: `<style>#px-captcha-modal{position:fixed}</style><h1>Shop</h1><p>Press &amp; hold is a game.</p>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
