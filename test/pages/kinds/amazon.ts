/** Amazon: a picture with text on a page of its own. */
import { nobody, pagesOfKind, press, script } from "../page.ts";

const PATH = "errors/validateCaptcha";
const FORM = (
  action: string,
) => `<form data-box action="{here}/${action}" style="position:absolute;left:200px;top:100px;width:400px;height:220px;background:#eee">
  <img src="{here}/picture" style="width:200px;height:70px" alt=""><input id="captchacharacters" data-act="word" data-text="marble" name="field-keywords" style="width:160px;height:24px"><button data-act="send">send</button></form>`;
const page = (visit: { count: number; flags: ReadonlySet<string> }) =>
  visit.flags.has("right")
    ? `<h1>Shop</h1>${script(`addEventListener("load", () => success());`)}`
    : `${FORM(`${PATH}/validateCaptcha`)}${script(`const field = $("#captchacharacters"); field.addEventListener("input", () => { if (field.value === "marble") flag("right").then(() => tell("typed")); });
        ${visit.count > 1 ? `addEventListener("load", () => settled());` : ""}`)}`;

export default pagesOfKind("amazon", {
  shown: {
    page: { [PATH]: page, [`${PATH}/validateCaptcha`]: page },
    start: PATH,
    steps: [nobody("waiting"), press("word", "waiting", { until: "typed" }), press("send", "solved")],
  },
  failed: {
    page: { [PATH]: page, [`${PATH}/validateCaptcha`]: (visit) => page({ ...visit, count: 2 }) },
    start: PATH,
    steps: [press("send", "waiting")],
  },
  "in place": {
    page: `<form action="{here}/welcome"><div id="auth-captcha-image-container" data-box style="width:300px;height:90px;background:#eee"><img id="auth-captcha-image" src="{here}/picture" style="width:200px;height:70px" alt=""></div>
      <input data-act="word" data-text="marble" name="guess" style="width:160px;height:24px"><button data-act="send">send</button></form>`,
    steps: [nobody("waiting"), press("word", null), press("send", "solved")],
  },
});
