/** GeeTest v4: a button in place and a box that opens over the page. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { popupWithSign } from "../patterns.ts";

const BOX = (
  hidden: boolean,
) => `<div class="geetest_captcha geetest_a1 ${hidden ? "geetest_bind" : "geetest_boxShow"}"><div class="geetest_box_wrap" ${hidden ? 'style="display:none"' : ""}>
  ${box('class="geetest_box geetest_b2"', `${SOLVE}${WRONG}${CLOSE}<div class="geetest_result_tips" hidden>tips</div>`, POPUP)}</div></div>`;
const SIGN = `const tips = $(".geetest_result_tips"); tips.hidden = false; tips.classList.add("geetest_success");`;
const BUTTON = `<div class="geetest_captcha geetest_custom" data-box style="position:absolute;left:200px;top:120px;width:260px;height:50px;background:#dde"><button data-act="open">open</button></div>`;

export default pagesOfKind("geetest-v4", {
  ...popupWithSign({ html: BOX(false), root: ".geetest_captcha", sign: SIGN }),
  // Bound to the site's own button: its box is in the page, hidden, until the site calls it.
  badge: {
    page: `${BOX(true)}<button data-act="open">open</button>${script(`
      act("open", () => { $(".geetest_captcha").classList.add("geetest_boxShow"); $(".geetest_box_wrap").style.display = ""; settled(); });
      act("solve", () => { ${SIGN} success(); after(800, () => { $(".geetest_box_wrap").style.display = "none"; $(".geetest_captcha").classList.remove("geetest_boxShow"); }); });`)}`,
    found: null,
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "geetest-v4" } }), press("solve", "solved")],
  },
  // The button stays, and says that it is done.
  stays: {
    page: `${BUTTON}${script(`
      act("open", () => {
        const box = document.createElement("div");
        box.className = "geetest_box_wrap";
        box.innerHTML = '<div class="geetest_box" data-box="1" style="position:absolute;left:240px;top:60px;width:300px;height:280px;background:#cdd">${SOLVE}</div>';
        $(".geetest_captcha").append(box); $(".geetest_captcha").classList.add("geetest_boxShow"); settled();
      });
      act("solve", () => { const root = $(".geetest_captcha"); root.classList.remove("geetest_boxShow"); root.classList.add("geetest_lock_success"); $(".geetest_box_wrap").remove(); success(); });`)}`,
    steps: [nobody("waiting"), press("open", "waiting", { found: { kind: "geetest-v4" } }), press("solve", "solved")],
  },
});
