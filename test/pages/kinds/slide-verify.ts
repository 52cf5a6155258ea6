/** vue-monoplasty-slide-verify: it stays, and its slider says that it is solved. */
import { box, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { goesWhenSolved, staysWithSign } from "../patterns.ts";

const BOX = box(
  'class="slide-verify"',
  `<canvas width="200" height="100"></canvas><div class="slide-verify-slider">${SOLVE}${WRONG}</div>`,
  { x: 200, y: 120, width: 310, height: 195 },
);

export default pagesOfKind("slide-verify", {
  ...staysWithSign({
    html: BOX,
    sign: `$(".slide-verify-slider").className = "slide-verify-slider container-success";`,
    fail: `$(".slide-verify-slider").className = "slide-verify-slider container-fail";`,
  }),
  goes: goesWhenSolved({ html: BOX, root: ".slide-verify" }).shown,
});
