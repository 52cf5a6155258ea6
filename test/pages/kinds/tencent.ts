/** Tencent: a dialog in the page, or an older one in a frame. It can be closed. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { framed, popupWithoutSign } from "../patterns.ts";

const DIALOG = box(
  'id="tcaptcha_transform_dy"',
  `<div id="tCaptchaDyContent">${SOLVE}${WRONG}${CLOSE}</div>`,
  POPUP,
  "z-index:9;",
);
const { shown, closed } = framed({
  src: "captcha.gtimg.com/1/template/drag_ele.html?aid=1",
  attributes: 'id="tcaptcha_iframe_dy"',
  place: POPUP,
  goesOn: true,
});

export default pagesOfKind("tencent", {
  ...popupWithoutSign({ html: DIALOG, root: "#tcaptcha_transform_dy" }),
  "in a frame": shown,
  ...(closed && { "closed frame": closed }),
  // The whole widget waits far above the page, and is not seen.
  parked: {
    page: `${DIALOG}<button data-act="open">open</button>${script(`
      const dialog = $("#tcaptcha_transform_dy");
      dialog.style.cssText += ";top:-1000000px;opacity:0";
      act("open", () => { dialog.style.top = "180px"; dialog.style.opacity = 1; settled(); });
      act("solve", () => { dialog.style.top = "-1000000px"; dialog.style.opacity = 0; after(100, () => { location.href = "{here}/welcome"; }); });`)}`,
    found: null,
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "tencent" } }), press("solve", "solved")],
  },
});
