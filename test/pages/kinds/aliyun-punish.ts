/** Alibaba's punish page: a page of its own or a dialog with a frame, and a slider inside. */
import { CLOSE, nobody, onWidget, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { wall } from "../patterns.ts";

const PATH = "_____tmd_____/punish";
const SLIDER = (
  tell: string,
) => `<div style="padding:40px"><div id="nocaptcha" data-box style="width:300px;height:34px;background:#dde">
  <div class="nc-container"><span id="nc_1_n1z" class="nc_iconfont btn_slide">${SOLVE}${WRONG}${CLOSE}</span></div></div></div>${script(tell)}`;
const DIALOG = `<h1>Shop</h1><div id="baxia-dialog"><iframe id="baxia-dialog-content" src="{here}/${PATH}?x5secdata=a1"
  style="position:absolute;left:400px;top:150px;width:420px;height:330px;border:0"></iframe></div>`;
const IN_DIALOG = {
  start: `${DIALOG}${script(`
    ${onWidget("solve", `$("#baxia-dialog").remove(); after(100, () => location.reload());`)}
    ${onWidget("close", `$("#baxia-dialog").remove(); settled();`)}
    ${onWidget("wrong", `$("iframe").src = "{here}/${PATH}?x5secdata=a2"; $("iframe").onload = () => settled();`)}`)}`,
  [PATH]: SLIDER(
    `for (const name of ["solve", "wrong", "close"]) act(name, () => parent.postMessage({ widget: name }, "*"));`,
  ),
};

export default pagesOfKind("aliyun-punish", {
  ...wall({ html: SLIDER(""), status: 200, path: PATH }),
  dialog: {
    page: {
      ...IN_DIALOG,
      start: (visit) => (visit.count > 1 ? `<h1>Shop</h1>${script("success()")}` : IN_DIALOG.start),
    },
    steps: [nobody("waiting"), press("wrong", "waiting"), press("solve", "solved")],
  },
  closed: { page: IN_DIALOG, steps: [press("close", "asked")] },
  "sign-in": {
    page: {
      start: `<h1>Shop</h1><div id="baxia-dialog"><iframe id="baxia-dialog-content" src="{here}/mini_login.htm?login=1" style="width:420px;height:330px"></iframe></div>`,
      "mini_login.htm": `<form><input name="user"><input type="password" name="pass"></form>`,
    },
    found: null,
    steps: [nobody("waiting")],
  },
});
