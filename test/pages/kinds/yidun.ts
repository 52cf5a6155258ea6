/** NetEase Yidun: a dialog that shows its success for a moment, or a bar that stays. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { fillsField, popupWithSign, staysWithSign } from "../patterns.ts";

const MODAL = `<div class="yidun_popup">${box('class="yidun_modal"', `<div class="yidun"><div class="yidun_bgimg">${SOLVE}${WRONG}${CLOSE}</div></div>`, POPUP)}</div>`;
const BAR = box('class="yidun yidun--light"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 320, height: 40 });

export default pagesOfKind("yidun", {
  ...popupWithSign({ html: MODAL, root: ".yidun_popup", sign: `$(".yidun").classList.add("yidun--success");` }),
  stays: staysWithSign({ html: BAR, sign: `$(".yidun").classList.add("yidun--success");` }).shown,
  "with a field": fillsField({
    html: `<form><input type="hidden" name="NECaptchaValidate">${BAR}</form>`,
    field: "[name=NECaptchaValidate]",
  }).shown,
  hidden: {
    page: `${MODAL}<button data-act="open">open</button>${script(`
      const popup = $(".yidun_popup"); popup.style.display = "none";
      act("open", () => { popup.style.display = ""; settled(); });
      act("solve", () => { $(".yidun").classList.add("yidun--success"); success(); after(600, () => popup.remove()); });`)}`,
    found: null,
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "yidun" } }), press("solve", "solved")],
  },
});
