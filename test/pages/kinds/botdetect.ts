/** BotDetect: a picture with text; its hidden fields are filled from the start. */
import { pagesOfKind } from "../page.ts";
import { typedAndSent } from "../patterns.ts";

const HTML = `<div class="BDC_CaptchaDiv" data-box style="margin:60px;width:280px;height:50px;background:#eee">
    <div class="BDC_CaptchaImageDiv" style="width:250px;height:50px"><img src="{here}/picture" style="width:250px;height:50px" alt=""></div></div>
  <input type="hidden" name="BDC_VCID_a" value="filled"><input data-act="word" data-text="marble" name="CaptchaCode" style="width:160px;height:24px">`;

export default pagesOfKind("botdetect", typedAndSent({ html: HTML, name: "CaptchaCode" }));
