/** ALTCHA: its state says whether a person is needed; its field is filled before the code is typed. */
import { nobody, pagesOfKind, press, SOLVE, script, styleOf, WRONG } from "../page.ts";

const PLACE = { x: 200, y: 120, width: 300, height: 80 };
const widget = (
  state: string,
  more = "",
) => `<form><altcha-widget data-box style="display:block;${styleOf(PLACE)}"><div class="altcha" data-state="${state}" ${more} style="height:80px">
  ${SOLVE}${WRONG}<input type="hidden" name="altcha"></div></altcha-widget></form>`;
const CODE = `<form><altcha-widget style="display:block;${styleOf({ ...PLACE, height: 160 })}"><div class="altcha" data-box data-state="code" style="margin:10px;width:260px;height:120px;background:#cdc">
  <input data-act="code" data-text="marble" style="width:120px;height:24px">${SOLVE}${WRONG}<input type="hidden" name="altcha" value="payload"></div></altcha-widget></form>`;
const ACTS = `const root = $(".altcha"), field = $("[name=altcha]");
  const verify = () => { field.value = "payload"; root.dataset.state = "verified"; success(); };
  act("solve", () => { root.dataset.state = "verifying"; after(500, verify); });
  act("wrong", () => { root.dataset.state = "error"; after(300, () => { root.dataset.state = "unverified"; settled(); }); });`;

export default pagesOfKind("altcha", {
  shown: {
    page: `${widget("unverified")}${script(ACTS)}`,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  failed: {
    page: `${widget("unverified")}${script(ACTS)}`,
    steps: [press("wrong", "waiting"), press("solve", "solved")],
  },
  code: {
    page: `${CODE}${script(`${ACTS} act("wrong", () => { root.dataset.state = "code"; settled(); });`)}`,
    steps: [nobody("waiting"), press("code", null), press("solve", "solved")],
    selected: true,
  },
  expired: {
    page: `${widget("verified")}${script(`${ACTS} field.value = "old"; after(900, () => { root.dataset.state = "expired"; field.value = ""; settled(); });`)}`,
    found: "any",
    steps: [nobody("waiting", { until: "settled", found: { kind: "altcha" } }), press("solve", "solved")],
  },
  working: {
    page: `${widget("verifying")}${script(`${ACTS} after(2500, verify);`)}`,
    steps: [nobody("solved", { how: "by_itself" })],
  },
  badge: {
    page: `${widget("unverified", 'data-display="invisible"').replace("<altcha-widget", '<altcha-widget display="invisible"')}`,
    found: null,
    steps: [nobody("waiting")],
  },
  // A floating box hides after its success.
  floating: {
    page: `${widget("unverified")}${script(`${ACTS} act("solve", () => after(900, () => { $("altcha-widget").style.display = "none"; }));`)}`,
    steps: [press("solve", "solved")],
  },
});
