/** Securimage: a picture with text, of the site's own address. */
import { pagesOfKind } from "../page.ts";
import { typedAndSent } from "../patterns.ts";

const HTML = `<div style="padding:60px"><img id="siimage" data-box src="{here}/picture?securimage_show.php" style="display:block;width:215px;height:80px" alt="">
  <input data-act="word" data-text="marble" name="captcha_code" style="width:160px;height:24px"></div>`;

export default pagesOfKind("securimage", typedAndSent({ html: HTML, name: "captcha_code" }));
