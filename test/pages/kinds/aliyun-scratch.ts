/** Alibaba's scratch card: it goes when it is solved. */
import { box, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { goesWhenSolved } from "../patterns.ts";

const CARD = box(
  'class="scratch-captcha-container"',
  `<div class="scratch-captcha-question-bg"></div>${SOLVE}${WRONG}`,
  { x: 200, y: 120, width: 320, height: 260 },
);

export default pagesOfKind(
  "aliyun-scratch",
  goesWhenSolved({ html: `<div id="nocaptcha">${CARD}</div>`, root: "#nocaptcha" }),
);
