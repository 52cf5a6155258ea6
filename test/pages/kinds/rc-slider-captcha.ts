/** rc-slider-captcha: it stays, and its bar says that it is solved. */
import { box, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { goesWhenSolved, staysWithSign } from "../patterns.ts";

const BOX = box(
  'class="rc-slider-captcha"',
  `<div class="rc-slider-captcha-control" style="height:40px">${SOLVE}${WRONG}</div>`,
  { x: 200, y: 120, width: 320, height: 202 },
);
const control = (state: string) =>
  `$(".rc-slider-captcha-control").className = "rc-slider-captcha-control rc-slider-captcha-control-${state}";`;

export default pagesOfKind("rc-slider-captcha", {
  ...staysWithSign({ html: BOX, sign: control("success"), fail: control("error") }),
  goes: goesWhenSolved({ html: BOX, root: ".rc-slider-captcha" }).failed,
});
