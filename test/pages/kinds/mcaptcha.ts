/** mCaptcha: a frame of the site's own choice, and one click. */
import { pagesOfKind } from "../page.ts";
import { framed } from "../patterns.ts";

export default pagesOfKind(
  "mcaptcha",
  framed({
    src: "m.example/widget/?sitekey=a1",
    attributes: 'id="mcaptcha-widget__iframe"',
    place: { x: 200, y: 120, width: 304, height: 78 },
    html: `<form><div id="mcaptcha__widget-container">FRAME</div><input type="hidden" name="mcaptcha__token" id="mcaptcha__token"></form>`,
    field: "[name=mcaptcha__token]",
  }),
);
