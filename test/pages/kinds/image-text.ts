/** A picture with text to type, of any site's own. */
import { nobody, pagesOfKind, press, script } from "../page.ts";
import { typedAndSent } from "../patterns.ts";

const PICTURE = `<img src="{here}/captcha.png" style="display:block;width:200px;height:60px" alt="">`;
const HTML = `<div style="padding:20px">${PICTURE}
  <input type="text" data-act="word" data-text="marble" name="answer" style="width:160px;height:24px"></div>
  ${script(`(document.querySelector("form") ?? $("img")).dataset.box = "";`)}`;

export default pagesOfKind("image-text", {
  ...typedAndSent({ html: HTML, name: "answer" }),
  // A sum to type beside a picture, without a form.
  alone: {
    page: `<div style="padding:40px">${PICTURE.replace("<img", '<img data-box id="captchaImg"')}
        <input type="text" data-act="word" data-text="7" name="answer" style="width:160px;height:24px"><button data-act="send">send</button></div>
      ${script(`act("send", () => { location.href = "{here}/welcome"; });`)}`,
    steps: [nobody("waiting"), press("word", null), press("send", "solved")],
  },
});
