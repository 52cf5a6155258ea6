/** hCaptcha: a checkbox and a task in frames whose fragment tells them apart. */
import { nobody, onWidget, pagesOfKind, press, script, styleOf } from "../page.ts";
import { framed, WIDGET_FRAME } from "../patterns.ts";

const PATH = "newassets.hcaptcha.com/captcha/v1/a1/static/hcaptcha.html";
const CHECKBOX = { x: 200, y: 120, width: 303, height: 78 };
const TASK = { x: 540, y: 60, width: 400, height: 600 };
const PARKED = "top:-10000px;visibility:hidden;opacity:0;";
const FIELDS = `<textarea name="h-captcha-response" style="display:none"></textarea><textarea name="g-recaptcha-response" style="display:none"></textarea>`;
const FRAME = (role: string, more: string, place = CHECKBOX) =>
  `<iframe ${more} src="{there}/${PATH}#frame=${role}&id=1" style="${styleOf(place, "border:0;")}"></iframe>`;
const OPENS = `<button data-act="open">open</button>${script(`
  if (!location.hash.includes("frame=challenge")) act("open", () => parent.postMessage({ widget: "open" }, "*")); else $("button").remove();`)}`;
const ONE_DOCUMENT = `${OPENS}<div id="task">${WIDGET_FRAME}</div>${script(`if (!location.hash.includes("frame=challenge")) $("#task").remove();`)}`;
const page = {
  start: `<form><div class="h-captcha">${FRAME("checkbox", "data-box")}${FIELDS}</div></form>
    <div id="layer" style="position:absolute;${PARKED}">${FRAME("challenge", 'data-box="1"', { ...TASK, x: 0, y: 0 })}</div>
    ${script(`const layer = $("#layer");
      const show = (on) => { layer.style.cssText = on ? "position:absolute;left:540px;top:60px" : "position:absolute;${PARKED}"; };
      ${onWidget("open", "show(true); after(300, settled);")}
      ${onWidget("close", "show(false); settled();")}
      ${onWidget("wrong", "after(200, settled);")}
      ${onWidget("solve", `show(false); for (const field of document.querySelectorAll("textarea")) field.value = "answer"; success();`)}`)}`,
  [PATH]: ONE_DOCUMENT,
};
const TASK_FOUND = { found: { kind: "hcaptcha" } };

export default pagesOfKind("hcaptcha", {
  ...framed({
    src: `${PATH}?k=1#frame=checkbox`,
    place: CHECKBOX,
    html: `<form><div class="h-captcha" style="${styleOf(CHECKBOX)}"></div>FRAME${FIELDS}</form>`,
    field: "[name=h-captcha-response]",
  }),
  task: { page, steps: [nobody("waiting"), press("open", "waiting", TASK_FOUND), press("solve", "solved")] },
  closed: {
    page,
    steps: [
      press("open", null),
      press("close", "waiting", TASK_FOUND),
      press("open", null),
      press("wrong", "waiting"),
      press("solve", "solved"),
    ],
  },
  badge: {
    page: {
      start: `<h1>Sign in</h1><form><button class="h-captcha" data-size="invisible" style="width:120px;height:78px">send</button>${FIELDS}</form>
      ${FRAME("checkbox-invisible", "").replace("background", "display:none;background")}${script(`after(800, () => { $("textarea").value = "score"; settled(); });`)}`,
      [PATH]: "",
    },
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
  },
  expired: {
    page: {
      start: `<form><div class="h-captcha">${FRAME("checkbox", "data-box")}${FIELDS}</div></form>
        ${script(`const field = $("textarea"); field.value = "old"; after(900, () => { field.value = ""; settled(); });
          ${onWidget("open", `field.value = "answer"; success();`)}`)}`,
      [PATH]: ONE_DOCUMENT,
    },
    steps: [nobody("waiting", { until: "settled" }), press("open", "solved")],
  },
});
