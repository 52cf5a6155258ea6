/** GeeTest v3: a button in place and a panel over the page. */
import { box, CLOSE, nobody, POPUP, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { fillsField, popupWithSign } from "../patterns.ts";

const PANEL = `<div class="geetest_panel"><div class="geetest_holder geetest_mobile" style="position:absolute;left:0;top:0;width:20px;height:20px"></div>
  ${box('class="geetest_panel_box geetest_panelshowslide"', `${SOLVE}${WRONG}${CLOSE}`, { ...POPUP, width: 278, height: 285 })}</div>`;
const HOLDER = box('class="geetest_holder geetest_wind"', `<div class="geetest_radar_tip">${SOLVE}${WRONG}</div>`, {
  x: 200,
  y: 120,
  width: 300,
  height: 44,
});

export default pagesOfKind("geetest-v3", {
  ...popupWithSign({
    html: PANEL,
    root: ".geetest_panel",
    sign: `$(".geetest_holder").classList.add("geetest_radar_success");`,
  }),
  stays: {
    page: `<form class="geetest_form"><input type="hidden" name="geetest_validate">${HOLDER}</form>${script(`
      act("solve", () => { $(".geetest_holder").classList.add("geetest_radar_success"); $("[name=geetest_validate]").value = "answer"; success(); });`)}`,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  expired: fillsField({
    html: `<form class="geetest_form"><input type="hidden" name="geetest_validate">${HOLDER}</form>`,
    field: "[name=geetest_validate]",
  }).expired,
  badge: {
    page: `<div class="geetest_panel" style="display:none">${PANEL}</div><h1>Sign in</h1>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
