/** DataDome: a frame of another site that fills the page, or lies over it. */
import { frameBox, nobody, onWidget, pagesOfKind, press, script } from "../page.ts";
import { passesByItself, WIDGET_FRAME, wall } from "../patterns.ts";

const CAPTCHA = "geo.captcha-delivery.com/captcha/";
const INTERSTITIAL = "geo.captcha-delivery.com/interstitial/";
const WHOLE = { x: 0, y: 0, width: 1280, height: 640 };
const FRAME = frameBox(`{there}/${CAPTCHA}?initialCid=a1&t=fe`, "", WHOLE);

export default pagesOfKind("datadome", {
  ...wall({ html: FRAME, status: 403, documents: { [CAPTCHA]: WIDGET_FRAME } }),
  working: passesByItself(
    {
      html: `<iframe src="{there}/${INTERSTITIAL}?initialCid=a1" style="width:1280px;height:640px;border:0"></iframe>`,
      status: 403,
      documents: { [INTERSTITIAL]: "<p>one moment</p>" },
    },
    "any",
  ),
  // The device check becomes the captcha.
  turns: {
    page: {
      start: `<iframe data-box src="{there}/${INTERSTITIAL}?initialCid=a1" style="width:1280px;height:640px;border:0;display:block"></iframe>
        ${script(`after(800, () => { $("iframe").src = "{there}/${CAPTCHA}?initialCid=a1"; $("iframe").onload = () => settled(); });
        ${onWidget("solve", `$("iframe").remove(); success();`)}`)}`,
      [INTERSTITIAL]: "<p>one moment</p>",
      [CAPTCHA]: WIDGET_FRAME,
    },
    found: "any",
    steps: [nobody("waiting", { until: "settled", found: { kind: "datadome" } }), press("solve", "solved")],
  },
  // An overlay for blocked requests: its frame stays in the page, hidden.
  overlay: {
    page: {
      start: `<h1>Shop</h1>${FRAME}${script(onWidget("solve", `$("iframe").style.display = "none"; success();`))}`,
      [CAPTCHA]: WIDGET_FRAME,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
