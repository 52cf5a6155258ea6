/** Luosimao: a frame in place, and its picture task in another frame. */
import { nobody, onWidget, pagesOfKind, press, SOLVE, script, styleOf, tellParent, WRONG } from "../page.ts";
import { framed } from "../patterns.ts";

const WIDGET = "captcha.luosimao.com/api/widget";
const TASK = "captcha.luosimao.com/api/frame";
const PLACE = { x: 200, y: 120, width: 300, height: 48 };

export default pagesOfKind("luosimao", {
  ...framed({
    src: `${WIDGET}?k=1`,
    place: PLACE,
    html: `<form><div class="l-captcha" style="${styleOf(PLACE)}"></div>FRAME<input type="hidden" name="luotest_response"></form>`,
    field: "[name=luotest_response]",
  }),
  // The checkbox and its open task are two frames: the task is the box.
  task: {
    page: {
      start: `<form><iframe data-box src="{there}/${WIDGET}?k=1" style="${styleOf(PLACE, "border:0;")}"></iframe><input type="hidden" name="luotest_response"></form>
        ${script(`${onWidget("open", `document.body.insertAdjacentHTML("beforeend", '<iframe data-box="1" src="{there}/${TASK}?k=1" style="position:absolute;left:560px;top:120px;width:300px;height:280px;border:0"></iframe>'); after(400, settled);`)}
          ${onWidget("solve", `$("[name=luotest_response]").value = "answer"; $("iframe[data-box='1']").remove(); success();`)}`)}`,
      [WIDGET]: `<button data-act="open">open</button>${script(`act("open", () => ${tellParent("open")});`)}`,
      [TASK]: `${SOLVE}${WRONG}${script(`act("solve", () => ${tellParent("solve")});`)}`,
    },
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "luosimao" } }), press("solve", "solved")],
  },
});
