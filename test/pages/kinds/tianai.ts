/** Tianai: its success shows for a moment, then the site removes the window. */
import { box, CLOSE, POPUP, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { popupWithSign, staysWithSign } from "../patterns.ts";

const BOX = box('id="tianai-captcha-parent"', `<div id="tianai-captcha">${SOLVE}${WRONG}${CLOSE}</div>`, POPUP);
const SIGN = `$("#tianai-captcha").insertAdjacentHTML("beforeend", '<div class="tianai-captcha-tips-success">ok</div>');`;

export default pagesOfKind("tianai", {
  ...popupWithSign({ html: BOX, root: "#tianai-captcha-parent", sign: SIGN, signMs: 400 }),
  stays: staysWithSign({ html: BOX, sign: SIGN }).failed,
});
