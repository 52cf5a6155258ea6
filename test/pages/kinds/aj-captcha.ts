/** AJ-Captcha: a tip says that it is solved, then the popup closes. */
import { box, CLOSE, POPUP, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { popupWithSign, staysWithSign } from "../patterns.ts";

const BOX = box(
  'class="verifybox"',
  `<div class="verify-img-panel"></div><div class="verify-bar-area">${SOLVE}${WRONG}${CLOSE}</div><div class="verify-tips"></div>`,
  POPUP,
);
const SIGN = `const tip = $(".verify-tips"); tip.className = "verify-tips suc-bg"; tip.textContent = "ok";`;

export default pagesOfKind("aj-captcha", {
  ...popupWithSign({ html: BOX, root: ".verifybox", sign: SIGN, signMs: 1000 }),
  stays: staysWithSign({ html: BOX, sign: SIGN }).failed,
});
