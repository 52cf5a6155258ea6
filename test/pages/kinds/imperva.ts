/** Imperva: one frame of the site's own address, and another vendor's checkbox inside of that. */
import { nobody, onWidget, pagesOfKind, press, SOLVE, script, tellParent } from "../page.ts";
import { wall } from "../patterns.ts";

const OUTER = "_Incapsula_Resource";
const INNER = "newassets.hcaptcha.com/captcha/v1/a1/static/hcaptcha.html";
const MAIN = `<iframe id="main-iframe" src="{here}/${OUTER}?CWUDNSAI=9&xinfo=1" style="display:block;width:100%;height:640px;border:0">refused, number 1</iframe>`;
const DOCUMENTS = {
  [OUTER]: `<div style="padding:60px"><form><div class="h-captcha">
      <iframe data-box src="{there}/${INNER}#frame=checkbox" style="border:0;width:303px;height:78px"></iframe>
      <textarea name="h-captcha-response" style="display:none"></textarea></div></form></div>
    ${script(onWidget("solve", `$("textarea").value = "answer"; ${tellParent("solve")};`))}`,
  [INNER]: `${SOLVE}${script(`act("solve", () => ${tellParent("solve")})`)}`,
};
const { shown, broken } = wall({ html: MAIN, status: 403, documents: DOCUMENTS });

export default pagesOfKind("imperva", {
  ...(shown && { shown }),
  ...(broken && { broken }),
  // Nobody can pass the error page that the same frame carries.
  refused: {
    page: { start: MAIN, [OUTER]: "<h1>Error 15</h1>" },
    found: "any",
    steps: [nobody("waiting")],
  },
  // With a status that says nothing.
  "200": {
    page: {
      ...DOCUMENTS,
      start: (visit) =>
        visit.flags.has("passed")
          ? `<h1>Shop</h1>${script("success()")}`
          : `${MAIN}${script(onWidget("solve", `flag("passed").then(() => location.reload());`))}`,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
