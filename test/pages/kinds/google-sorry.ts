/** Google's sorry page: a checkbox, and the form is sent in the moment it is ticked. */
import { nobody, onWidget, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";

const PATH = "www.google.com/sorry/index";
const ANCHOR = "recaptcha/api2/anchor";
const sorry = (
  method: string,
) => `<form id="captcha-form" action="{here}/welcome" method="${method}" style="padding:60px">
  <div class="g-recaptcha" style="width:304px;height:78px"><iframe data-box src="{there}/${ANCHOR}?ar=1&size=normal" style="display:block;border:0;width:304px;height:78px"></iframe></div>
  <textarea id="g-recaptcha-response" name="g-recaptcha-response" style="display:none"></textarea></form>
  ${script(`${onWidget("solve", `$("textarea").value = "answer"; $("form").submit();`)}
    ${onWidget("wrong", `$("iframe").src += "&again=1"; $("iframe").onload = () => settled();`)}`)}`;
const FRAME = `${SOLVE}${WRONG}${script(`for (const name of ["solve", "wrong"]) act(name, () => parent.postMessage({ widget: name }, "*"));`)}`;

export default pagesOfKind("google-sorry", {
  shown: {
    page: { [PATH]: () => ({ status: 429, body: sorry("post") }), [ANCHOR]: FRAME },
    start: PATH,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  get: {
    page: { [PATH]: () => ({ status: 429, body: sorry("get") }), [ANCHOR]: FRAME },
    start: PATH,
    steps: [press("solve", "solved")],
  },
  failed: {
    page: { [PATH]: () => ({ status: 429, body: sorry("post") }), [ANCHOR]: FRAME },
    start: PATH,
    steps: [press("wrong", "waiting"), press("solve", "solved")],
  },
});
