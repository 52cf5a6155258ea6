/** Dingxiang: its signs of success and of failure are in the page from the start, hidden. */
import { box, CLOSE, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { popupWithSign, staysWithSign } from "../patterns.ts";

const BOX = box(
  'class="dx_captcha" id="dx_captcha_1"',
  `<div class="dx_captcha_basic_bar">${SOLVE}${WRONG}${CLOSE}</div>
  <div class="dx_captcha_basic_bar-success" style="display:none">ok</div><div class="dx_captcha_basic_bar-fail" style="display:none">no</div>`,
  { x: 200, y: 120, width: 320, height: 200 },
);
const SIGN = `$(".dx_captcha_basic_bar-success").style.display = "";`;

export default pagesOfKind("dingxiang", {
  ...popupWithSign({ html: BOX, root: ".dx_captcha", sign: SIGN }),
  stays: staysWithSign({ html: BOX, sign: SIGN, fail: `$(".dx_captcha_basic_bar-fail").style.display = "";` }).failed,
  // The server lets some visitors pass without a task.
  working: {
    page: `${BOX}${script(`after(1500, () => { $(".dx_captcha").insertAdjacentHTML("beforeend", '<div class="dx_captcha_basic_pass_by_server"><div class="dx_captcha_basic_state-box">passed</div></div>'); success(); });`)}`,
    steps: [nobody("solved")],
  },
  closed: {
    page: `${BOX}${script(`act("close", () => { $(".dx_captcha").style.display = "none"; settled(); });`)}`,
    steps: [press("close", "asked")],
  },
  badge: {
    page: `<div class="dx_captcha" style="display:none">${BOX}</div><h1>Sign in</h1>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
