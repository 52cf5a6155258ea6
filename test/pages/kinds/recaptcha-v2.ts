/** reCAPTCHA: a checkbox in a frame, its open task in another, and badges that are no challenge. */
import { nobody, onWidget, pagesOfKind, press, script, styleOf } from "../page.ts";
import { framed, WIDGET_FRAME } from "../patterns.ts";

const ANCHOR = "recaptcha/api2/anchor";
const BFRAME = "recaptcha/api2/bframe";
const CHECKBOX = { x: 200, y: 120, width: 304, height: 78 };
const TASK = { x: 540, y: 60, width: 400, height: 580 };
const PARKED = "top:-10000px;visibility:hidden;opacity:0;";
const FIELD = `<textarea id="g-recaptcha-response" name="g-recaptcha-response" style="display:none"></textarea>`;
const $FIELD = `[name="g-recaptcha-response"]`;

/** A checkbox that opens a task, which waits hidden from the start. */
const withTask = (size: string) => ({
  start: `<form><div class="g-recaptcha" style="${styleOf(CHECKBOX)}">
      <iframe data-box src="{there}/${ANCHOR}?ar=1&size=${size}" style="display:block;border:0;width:304px;height:78px"></iframe>${FIELD}</div></form>
    <div id="layer" style="${styleOf(TASK, PARKED)}"><iframe data-box="1" src="{there}/${BFRAME}?hl=en" style="display:block;border:0;width:400px;height:580px"></iframe></div>
    ${script(`const layer = $("#layer");
      const show = (on) => { layer.style.cssText = on ? \`${styleOf(TASK)}\` : \`${styleOf(TASK, PARKED)}\`; };
      ${onWidget("open", "show(true); after(300, settled);")}
      ${onWidget("solve", `show(false); $('${$FIELD}').value = "answer"; success();`)}
      ${onWidget("close", "show(false); settled();")}
      ${onWidget("wrong", `layer.firstChild.src += "&again=1"; layer.firstChild.onload = () => settled();`)}`)}`,
  [ANCHOR]: `<button data-act="open">open</button>${script(`act("open", () => parent.postMessage({ widget: "open" }, "*"));`)}`,
  [BFRAME]: WIDGET_FRAME,
});
const TASK_FOUND = { found: { kind: "recaptcha-v2" } };
const field = framed({
  src: `${ANCHOR}?ar=1&size=normal`,
  place: CHECKBOX,
  html: `<form><div class="g-recaptcha" style="${styleOf(CHECKBOX)}"></div>FRAME${FIELD}</form>`,
  field: $FIELD,
});
const enterprise = framed({
  src: "recaptcha/enterprise/anchor?ar=1&size=compact",
  place: { ...CHECKBOX, width: 164, height: 144 },
  html: `<form>FRAME${FIELD}</form>`,
  field: $FIELD,
});
const BADGE = `<div class="grecaptcha-badge" style="position:fixed;right:0;bottom:14px;width:256px;height:60px">
  <iframe src="{there}/${ANCHOR}?ar=1&size=invisible" style="border:0;width:256px;height:60px"></iframe>
  <textarea id="g-recaptcha-response-100000" name="g-recaptcha-response" style="display:none"></textarea></div>`;

export default pagesOfKind("recaptcha-v2", {
  ...field,
  enterprise: enterprise.shown,
  task: {
    page: withTask("normal"),
    steps: [nobody("waiting"), press("open", "waiting", TASK_FOUND), press("solve", "solved")],
  },
  "task fails": {
    page: withTask("normal"),
    steps: [press("open", null), press("wrong", "waiting", TASK_FOUND), press("solve", "solved")],
  },
  closed: {
    page: withTask("normal"),
    steps: [press("open", null), press("close", "waiting", TASK_FOUND), press("open", null), press("solve", "solved")],
  },
  expired: {
    page: {
      start: `<form><div class="g-recaptcha" style="${styleOf(CHECKBOX)}"><iframe data-box src="{there}/${ANCHOR}?ar=1&size=normal" style="display:block;border:0;width:304px;height:78px"></iframe>${FIELD}</div></form>
        ${script(`const field = $('${$FIELD}'); field.value = "old"; after(900, () => { field.value = ""; settled(); });
          ${onWidget("solve", `field.value = "answer"; success();`)}`)}`,
      [ANCHOR]: WIDGET_FRAME,
    },
    steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
  },
  badge: {
    page: {
      start: `<h1>Sign in</h1><form><input name="user"><button data-act="other">sign in</button></form>${BADGE}
        ${script(`after(1000, () => { $("textarea").value = "score"; settled(); });`)}`,
      [ANCHOR]: "<p>watched</p>",
    },
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
    selected: true,
  },
  // Invisible: the site's own button carries the class, and its task opens when that is pressed.
  invisible: {
    page: {
      start: `<form><button type="button" class="g-recaptcha" data-act="open" style="width:120px;height:40px">send</button></form>${BADGE}
        ${script(`act("open", () => { document.body.insertAdjacentHTML("beforeend", '<iframe data-box src="{there}/${BFRAME}?hl=en" style="${styleOf(TASK, "border:0;")}"></iframe>'); after(300, settled); });
          ${onWidget("solve", `$("iframe[data-box]").remove(); const field = $("textarea"); field.id = "g-recaptcha-response"; field.value = "answer"; success();`)}`)}`,
      [ANCHOR]: "<p>watched</p>",
      [BFRAME]: WIDGET_FRAME,
    },
    found: null,
    steps: [nobody("waiting"), press("open", "waiting", TASK_FOUND), press("solve", "solved")],
  },
});
