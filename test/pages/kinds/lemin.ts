/** Lemin: a button in place, and a puzzle that opens. */
import { box, button, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { fillsField } from "../patterns.ts";

const FIELDS = `<input type="hidden" name="lemin_challenge_id" value="early"><input type="hidden" name="lemin_answer">`;
const WIDGET = `<form>${box('id="lemin-cropped-captcha"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 320, height: 80 })}${FIELDS}</form>`;

export default pagesOfKind("lemin", {
  ...fillsField({ html: WIDGET, field: "[name=lemin_answer]" }),
  task: {
    page: `<form>${box('id="lemin-cropped-captcha"', button("open"), { x: 200, y: 120, width: 320, height: 60 })}${FIELDS}</form>${script(`
      act("open", () => { document.body.insertAdjacentHTML("beforeend", '<div class="lemin-captcha-popup" data-box="1" style="position:absolute;left:560px;top:100px;width:400px;height:380px;background:#dcd">${SOLVE}</div>'); settled(); });
      act("solve", () => { $(".lemin-captcha-popup").remove(); $("[name=lemin_answer]").value = "answer"; success(); });`)}`,
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "lemin" } }), press("solve", "solved")],
  },
});
