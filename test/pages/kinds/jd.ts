/** JD.com: a panel below the sign-in button. It can be closed, and its wrapper stays. */
import { box, CLOSE, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { popupWithoutSign } from "../patterns.ts";

const PANEL = `<div id="JDJRV-wrap-login">${box('class="JDJRV-wrap"', `<div class="JDJRV-img-panel"></div><div class="JDJRV-slide">${SOLVE}${WRONG}${CLOSE}</div>`, { x: 200, y: 200, width: 300, height: 220 })}</div>`;

export default pagesOfKind("jd", popupWithoutSign({ html: PANEL, root: ".JDJRV-wrap" }));
