/** Capy: its helper fields are filled from the start; only the answer is the person's. */
import { box, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { fillsField } from "../patterns.ts";

const WIDGET = `<form action="{here}/welcome">${box('class="capy-captcha"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 400, height: 267 })}
  <input type="hidden" name="capy_captchakey" value="key"><input type="hidden" name="capy_challengekey" value="challenge"><input type="hidden" name="capy_answer"></form>`;

export default pagesOfKind("capy", {
  ...fillsField({ html: WIDGET, field: "[name=capy_answer]" }),
  // The answer is judged when the form is sent.
  sent: {
    page: `${WIDGET}${script(`act("solve", () => { $("[name=capy_answer]").value = "1,2,3"; $("form").submit(); });`)}`,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
