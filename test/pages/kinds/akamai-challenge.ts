/** Akamai: a same-site frame in a page of its own or in an overlay. */
import { nobody, onWidget, pagesOfKind, press, script } from "../page.ts";
import { passesByItself, WIDGET_FRAME, wall } from "../patterns.ts";

const PATH = "_sec/cp_challenge/ak-challenge";
const DOCUMENTS = { [PATH]: WIDGET_FRAME, "_sec/cp_challenge/crypto-challenge": "<p>one moment</p>" };
const FRAME =
  `<iframe data-box id="sec-cpt-if" class="robot-checkbox" src="{here}/${PATH}.htm?a=1" style="display:block;width:600px;height:300px;border:0"></iframe>`.replace(
    ".htm",
    "",
  );
const OVERLAY = (style: string) =>
  `<div id="sec-overlay" style="position:fixed;inset:0 0 200px 0;background:#eee;${style}"><div id="sec-container">${FRAME}</div></div>`;

export default pagesOfKind("akamai-challenge", {
  ...wall({
    html: `<div id="sec-if-cpt-container" style="padding:40px">${FRAME}</div>`,
    status: 428,
    documents: DOCUMENTS,
  }),
  working: passesByItself(
    {
      html: `<iframe id="sec-cpt-if" class="crypto" provider="crypto" src="{here}/_sec/cp_challenge/crypto-challenge" style="width:600px;height:300px;border:0"></iframe>`,
      status: 403,
      documents: DOCUMENTS,
    },
    "any",
  ),
  overlay: {
    page: {
      start: `<h1>Shop</h1>${OVERLAY("")}${script(onWidget("solve", `$("#sec-overlay").style.display = "none"; success();`))}`,
      ...DOCUMENTS,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  badge: {
    page: { start: `<h1>Shop</h1>${OVERLAY("display:none")}`, ...DOCUMENTS },
    found: null,
    steps: [nobody("waiting")],
  },
});
