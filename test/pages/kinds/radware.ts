/** Radware: a page of its own that carries another vendor's checkbox. */
import { pagesOfKind } from "../page.ts";
import { WIDGET_FRAME, wall } from "../patterns.ts";

const PATH = "validate.perfdrive.com/a1/captcha";
const INNER = "newassets.hcaptcha.com/captcha/v1/b2/static/hcaptcha.html";
const HTML = `<div style="padding:60px"><h1>One more step</h1><div class="h-captcha" style="width:303px;height:78px">
  <iframe data-box src="{there}/${INNER}#frame=checkbox" style="display:block;border:0;width:303px;height:78px"></iframe></div></div>`;

export default pagesOfKind(
  "radware",
  wall({ html: HTML, status: 200, path: PATH, documents: { [INNER]: WIDGET_FRAME } }),
);
