/** Arkose: frames of other sites inside each other. Its field holds the session's token from the start. */
import { frameBox, nobody, onWidget, POPUP, pagesOfKind, press, script, styleOf } from "../page.ts";
import { framed, WIDGET_FRAME } from "../patterns.ts";

const PATH = "client-api.arkoselabs.com/v2/enforcement.html";
const FIELD = `<input type="hidden" name="fc-token" value="session|r=eu|pk=1">`;
const LIGHTBOX = { ...POPUP, width: 400, height: 450, y: 80 };

export default pagesOfKind("arkose", {
  ...framed({
    src: `${PATH}?pk=1`,
    attributes: 'data-e2e="enforcement-frame"',
    place: LIGHTBOX,
    html: `<h1>Sign up</h1><form>${FIELD}</form><div id="FunCaptcha">FRAME</div>`,
  }),
  // Two frames deep, in the site's own wrapper.
  deep: {
    page: {
      start: `<h1>Sign up</h1><form>${FIELD}</form><iframe id="wrapper" src="{there}/signup/verify" style="${styleOf(LIGHTBOX, "border:0;")}"></iframe>
        ${script(onWidget("solve", `$("#wrapper").remove(); success();`))}`,
      "signup/verify": `${frameBox(`{there}/${PATH}?pk=2`, 'data-e2e="enforcement-frame"', { x: 20, y: 20, width: 302, height: 290 })}${script(onWidget("solve", `parent.postMessage({ widget: "solve" }, "*");`))}`,
      [PATH]: WIDGET_FRAME,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  // A transparent run has the same frame, without a size.
  badge: {
    page: {
      start: `<h1>Sign up</h1><form>${FIELD}</form><iframe src="{there}/${PATH}?pk=3" style="width:0;height:0;border:0"></iframe>`,
      [PATH]: "",
    },
    found: null,
    steps: [nobody("waiting")],
  },
  // One round after the other in the same frame.
  rounds: {
    page: {
      start: `<div id="FunCaptcha">${frameBox(`{there}/${PATH}?pk=4`, "", LIGHTBOX)}</div>${script(`let rounds = 0;
        ${onWidget("solve", `rounds += 1; if (rounds < 3) settled(); else { $("#FunCaptcha").remove(); success(); }`)}`)}`,
      [PATH]: WIDGET_FRAME,
    },
    steps: [press("solve", "waiting"), press("solve", "waiting"), press("solve", "solved")],
  },
});
