/** Friendly Captcha: its field is never empty; before the answer it has a state with a dot in front. */
import { box, nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { framed } from "../patterns.ts";

const V1 = (start: string) =>
  `<form>${box('class="frc-captcha"', `${SOLVE}${WRONG}<input class="frc-captcha-solution" type="hidden" name="frc-captcha-solution" value="${start}">`, { x: 200, y: 120, width: 312, height: 70 })}</form>`;
const ACTS = `const field = $(".frc-captcha-solution");
  const answer = () => { field.value = "puzzle.answer"; $(".frc-captcha").insertAdjacentHTML("beforeend", '<i class="frc-success">ok</i>'); success(); };
  act("solve", () => { field.value = ".UNFINISHED"; after(700, answer); });
  act("wrong", () => { field.value = ".ERROR"; after(300, settled); });`;
const { shown, failed, retry } = framed({
  src: "eu.frcapi.com/api/v2/captcha/widget?sitekey=1",
  attributes: 'class="frc-i-widget"',
  place: { x: 200, y: 120, width: 316, height: 70 },
  html: `<form><div class="frc-captcha">FRAME<input type="hidden" name="frc-captcha-response" value=".UNSTARTED"></div></form>`,
  field: "[name=frc-captcha-response]",
});

export default pagesOfKind("friendly-captcha", {
  shown: {
    page: `${V1(".UNSTARTED")}${script(ACTS)}`,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  failed: { page: `${V1(".UNSTARTED")}${script(ACTS)}`, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  expired: {
    page: `${V1("old.answer")}${script(`${ACTS} after(900, () => { field.value = ".EXPIRED"; settled(); });`)}`,
    steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
  },
  working: {
    page: `${V1(".FETCHING")}${script(`${ACTS} after(500, () => { field.value = ".UNFINISHED"; }); after(2500, answer);`)}`,
    steps: [nobody("solved", { how: "by_itself" })],
  },
  "version 2": shown,
  "version 2 fails": failed,
  "version 2 again": retry,
  badge: {
    page: {
      start: `<h1>Shop</h1><iframe class="frc-i-agent" src="{there}/eu.frcapi.com/api/v2/captcha/agent?a=1" style="width:300px;height:70px"></iframe>`,
      "eu.frcapi.com/api/v2/captcha/agent": "",
    },
    found: null,
    steps: [nobody("waiting")],
  },
});
