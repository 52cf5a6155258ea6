/** MTCaptcha: a text to type in a frame of another site. */
import { pagesOfKind, styleOf } from "../page.ts";
import { framed } from "../patterns.ts";

const PLACE = { x: 200, y: 120, width: 320, height: 120 };

export default pagesOfKind(
  "mtcaptcha",
  framed({
    src: "service.mtcaptcha.com/mtcv1/client/iframe.html?v=1",
    attributes: 'id="mtcaptcha-iframe-1"',
    place: PLACE,
    html: `<form><div class="mtcaptcha" style="${styleOf(PLACE)}"></div>FRAME<input type="hidden" name="mtcaptcha-verifiedtoken" value=""></form>`,
    field: "[name=mtcaptcha-verifiedtoken]",
  }),
);
