/** Alibaba's slider: it stays, and its handle says that it is solved. */
import { box, nobody, onWidget, pagesOfKind, press, SOLVE, script, tellParent, WRONG } from "../page.ts";
import { staysWithSign } from "../patterns.ts";

const SLIDER = box(
  `id="nocaptcha"`,
  `<div class="nc-container"><span id="nc_1_n1z" class="nc_iconfont btn_slide">${SOLVE}${WRONG}</span></div>`,
  { x: 200, y: 120, width: 320, height: 40 },
);
const SIGN = `$("#nc_1_n1z").className = "nc_iconfont btn_ok";`;

export default pagesOfKind("aliyun-nc", {
  ...staysWithSign({
    html: SLIDER,
    sign: SIGN,
    fail: `$(".nc-container").insertAdjacentHTML("beforeend", '<i class="errloading">again</i>');`,
  }),
  "in a frame": {
    page: {
      start: `<h1>Sign in</h1><iframe src="{there}/cf.aliyun.com/nocaptcha/h5.htm" data-box style="position:absolute;left:100px;top:150px;width:400px;height:60px;border:0"></iframe>
        ${script(onWidget("solve", `$("iframe").remove(); success();`))}`,
      "cf.aliyun.com/nocaptcha/h5.htm": `${SOLVE}${script(`act("solve", () => ${tellParent("solve")});`)}`,
    },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
});
