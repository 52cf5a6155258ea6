/** KeyCAPTCHA: a picture to put together, and a field of the site's own. */
import { box, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { fillsField } from "../patterns.ts";

const WIDGET = `<form>${box('id="div_for_keycaptcha"', `${SOLVE}${WRONG}`, { x: 200, y: 120, width: 305, height: 200 })}<input type="hidden" name="capcode" id="capcode"></form>`;

export default pagesOfKind("keycaptcha", fillsField({ html: WIDGET, field: "[name=capcode]" }));
