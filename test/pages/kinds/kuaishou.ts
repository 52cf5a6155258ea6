/** Kuaishou: a frame of another site in an overlay. */
import { POPUP, pagesOfKind } from "../page.ts";
import { framed } from "../patterns.ts";

export default pagesOfKind(
  "kuaishou",
  framed({
    src: "captcha.zt.kuaishou.com/iframe/index.html?captchaSession=1",
    html: `<div class="layer">FRAME</div>`,
    place: POPUP,
    root: ".layer",
  }),
);
