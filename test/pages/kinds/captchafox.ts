/** CaptchaFox: a field whose name looks like another vendor's. */
import { box, nobody, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { fillsField } from "../patterns.ts";

const WIDGET = `<form>${box('class="captchafox"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 300, height: 78 })}<input type="hidden" name="cf-captcha-response"></form>`;

export default pagesOfKind("captchafox", {
  ...fillsField({ html: WIDGET, field: "[name=cf-captcha-response]" }),
  hidden: {
    page: `<form><div class="captchafox" style="display:none"></div><input type="hidden" name="cf-captcha-response"></form><h1>Sign in</h1>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
