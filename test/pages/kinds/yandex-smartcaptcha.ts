/** SmartCaptcha: a checkbox in a frame, its task in an overlay, a shield that is no challenge. */
import { nobody, onWidget, pagesOfKind, press, script, styleOf } from "../page.ts";
import { framed, WIDGET_FRAME } from "../patterns.ts";

const CHECKBOX = "smartcaptcha.yandexcloud.net/checkbox.1.html";
const ADVANCED = "smartcaptcha.yandexcloud.net/advanced.1.html";
const PLACE = { x: 200, y: 120, width: 300, height: 100 };
const FIELD = `<input type="hidden" name="smart-token" value="">`;
const WITH_TASK = {
  start: `<form><div class="smart-captcha" style="${styleOf(PLACE)}"><iframe data-box title="SmartCaptcha checkbox" src="{there}/${CHECKBOX}?k=1" style="display:block;border:0;width:300px;height:100px"></iframe>${FIELD}</div></form>
    <div class="SmartCaptcha-Overlay" style="position:absolute;left:560px;top:80px;width:360px;height:420px;visibility:hidden"><iframe data-box="1" title="SmartCaptcha advanced widget" src="{there}/${ADVANCED}?k=1" style="display:block;border:0;width:360px;height:420px"></iframe></div>
    ${script(`const overlay = $(".SmartCaptcha-Overlay");
      const show = (on) => { overlay.classList.toggle("SmartCaptcha-Overlay_visible", on); overlay.style.visibility = on ? "visible" : "hidden"; };
      ${onWidget("open", "show(true); after(300, settled);")}
      ${onWidget("close", "show(false); settled();")}
      ${onWidget("solve", `show(false); $("[name=smart-token]").value = "answer"; success();`)}`)}`,
  [CHECKBOX]: `<button data-act="open">open</button>${script(`act("open", () => parent.postMessage({ widget: "open" }, "*"));`)}`,
  [ADVANCED]: WIDGET_FRAME,
};
const TASK_FOUND = { found: { kind: "yandex-smartcaptcha" } };

export default pagesOfKind("yandex-smartcaptcha", {
  ...framed({
    src: `${CHECKBOX}?k=1`,
    attributes: 'title="SmartCaptcha checkbox"',
    place: PLACE,
    html: `<form>FRAME${FIELD}</form>`,
    field: "[name=smart-token]",
  }),
  task: { page: WITH_TASK, steps: [nobody("waiting"), press("open", "waiting", TASK_FOUND), press("solve", "solved")] },
  closed: { page: WITH_TASK, steps: [press("open", null), press("close", "waiting", TASK_FOUND)] },
  badge: {
    page: {
      start: `<h1>Sign in</h1><div class="SmartCaptcha-Shield" style="position:fixed;right:0;bottom:20px;width:180px;height:60px"><iframe title="SmartCaptcha backend" src="{there}/smartcaptcha.yandexcloud.net/backend.1.html" style="width:180px;height:60px;border:0"></iframe></div>
      <form>${FIELD}</form>${script(`after(900, () => { $("[name=smart-token]").value = "score"; settled(); });`)}`,
      "smartcaptcha.yandexcloud.net/backend.1.html": "",
    },
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
  },
  // A check that runs by itself, without a click.
  working: {
    page: {
      start: `<form><div class="smart-captcha" style="${styleOf(PLACE)}"><iframe data-box title="SmartCaptcha checkbox" src="{there}/${CHECKBOX}?k=1" style="display:block;border:0;width:300px;height:100px"></iframe>${FIELD}</div></form>
        ${script(`after(2200, () => { $("[name=smart-token]").value = "answer"; success(); });`)}`,
      [CHECKBOX]: "<p>one moment</p>",
    },
    steps: [nobody("solved")],
  },
});
