/** Shumei: a popup that shows its success, or an embedded one with the site's own field. */
import { box, CLOSE, POPUP, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { fillsField, popupWithSign } from "../patterns.ts";

const INNER = `<div class="shumei_captcha">${SOLVE}${WRONG}${CLOSE}</div>`;
const WRAPPER = box('class="shumei_captcha_popup_wrapper shumei_show"', INNER, POPUP);
const EMBED = `<form>${box('class="shumei_captcha_wrapper"', `<div class="shumei_captcha">${SOLVE}${WRONG}</div>`)}<input type="hidden" name="shumei_captcha_rid"></form>`;
const { shown, expired } = fillsField({ html: EMBED, field: "[name=shumei_captcha_rid]" });

export default pagesOfKind("shumei", {
  ...popupWithSign({
    html: WRAPPER,
    root: ".shumei_captcha_popup_wrapper",
    sign: `$(".shumei_captcha").insertAdjacentHTML("beforeend", '<i id="shumei_success_right_a1" class="shumei_success_right">ok</i>');`,
  }),
  "with a field": shown,
  ...(expired && { expired }),
});
