/** go-captcha: a wrapper in the site's dialog, or a button that stays. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { popupWithSign, staysWithSign } from "../patterns.ts";

const BUTTON = box('class="go-captcha btnBlock default"', `${SOLVE}${WRONG}`, {
  x: 200,
  y: 120,
  width: 300,
  height: 50,
});
const SIGN = `$(".btnBlock").className = "go-captcha btnBlock success";`;
const DIALOG = `<div class="go-captcha btnBlock default" style="width:300px;height:44px"></div>${box('class="go-captcha gc-wrapper"', `${SOLVE}${WRONG}${CLOSE}`, POPUP)}`;

export default pagesOfKind("go-captcha", {
  ...popupWithSign({ html: DIALOG, root: ".gc-wrapper", sign: SIGN }),
  // The button is still there when its dialog has been closed.
  closed: {
    page: `${DIALOG}${script(`act("close", () => { $(".gc-wrapper").remove(); settled(); });`)}`,
    steps: [press("close", "waiting")],
  },
  stays: staysWithSign({ html: BUTTON, sign: SIGN, fail: `$(".btnBlock").className = "go-captcha btnBlock error";` })
    .failed,
  "closed dialog": {
    page: `${box('class="go-captcha gc-wrapper"', CLOSE, POPUP)}${script(`act("close", () => { $(".gc-wrapper").remove(); settled(); });`)}`,
    steps: [nobody("waiting"), press("close", "asked")],
  },
});
