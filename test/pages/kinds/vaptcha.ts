/** VAPTCHA: a button in place, and a field once it is solved. */
import { box, nobody, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { fillsField } from "../patterns.ts";

const BUTTON = `<form>${box('class="vaptcha-container"', `<div class="vp-basic-btn">${SOLVE}${WRONG}</div>`, { x: 200, y: 120, width: 300, height: 46 })}<input type="hidden" name="vaptcha_token"></form>`;

export default pagesOfKind("vaptcha", {
  ...fillsField({ html: BUTTON, field: "[name=vaptcha_token]" }),
  // The site's own placeholder, whose script never came.
  badge: {
    page: `<div class="vaptcha-init-main" style="width:300px;height:36px"><div class="vaptcha-container vaptcha-init-loading" style="width:300px;height:36px"></div></div>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
