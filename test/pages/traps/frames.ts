/** Frames beside the challenge: advertisements, renewals, pushes. None of them makes a verdict unknown. */
import { box, foundAs, nobody, onWidget, press, SOLVE, script, styleOf, traps } from "../page.ts";
import { WIDGET_FRAME } from "../patterns.ts";

const BOX = `${box('class="my-captcha"', SOLVE, { x: 300, y: 150, width: 300, height: 200 })}${script(`act("solve", () => { $(".my-captcha").remove(); success(); });`)}`;
const GENERIC = foundAs("generic");
const AT = "position:absolute;left:800px;top:500px;width:120px;height:60px;border:0";
const steps = [nobody("waiting"), press("solve", "solved")] as const;
const solve = [press("solve", "solved")] as const;
const slow = () => ({ delayMs: 250, body: "<p>tick</p>" });
const TASK = "captcha.zt.kuaishou.com/iframe/index.html";
const task = (src: string) =>
  `<iframe data-box src="{there}/${src}" style="${styleOf({ x: 440, y: 180, width: 360, height: 300 }, "border:0;")}"></iframe>`;

export default traps("frames", {
  "one that reloads for ever": {
    page: {
      start: `${BOX}<iframe src="{here}/tick" style="${AT}"></iframe>${script(`setInterval(() => { $("iframe").src = "{here}/tick?" + Math.random(); }, 300);`)}`,
      tick: slow,
    },
    found: GENERIC,
    steps,
    selected: true,
  },
  "another site's, that reloads for ever": {
    page: {
      start: `${BOX}<iframe src="{there}/tick" style="${AT}"></iframe>`,
      tick: () => ({ delayMs: 200, body: `tick${script(`after(150, () => location.reload());`)}` }),
    },
    found: GENERIC,
    steps,
  },
  "advertisements come and go": {
    page: {
      start: `${BOX}${script(`setInterval(() => { document.querySelectorAll("iframe")[2]?.remove(); document.body.insertAdjacentHTML("beforeend", '<iframe src="{there}/ad?' + Math.random() + '" style="${AT}"></iframe>'); }, 250);`)}`,
      ad: slow,
    },
    found: GENERIC,
    steps,
    selected: true,
  },
  "one that never loads": {
    page: {
      start: `${BOX}<iframe src="{there}/never" style="${AT}"></iframe>`,
      never: () => ({ delayMs: 120_000, body: "" }),
    },
    found: GENERIC,
    steps: solve,
    selected: true,
  },
  "one that is not found": {
    page: `${BOX}<iframe src="{there}/nowhere" style="${AT}"></iframe>`,
    found: GENERIC,
    steps: solve,
  },
  "hidden, renews a token": {
    page: {
      start: `${BOX}<iframe src="{there}/renew" style="display:none"></iframe>${script(`setInterval(() => { $("iframe").src = "{there}/renew?" + Math.random(); }, 400);`)}`,
      renew: slow,
    },
    found: GENERIC,
    steps: solve,
  },
  "one that breaks when it is solved": {
    page: {
      start: `${BOX}<iframe src="{there}/ad" style="${AT}"></iframe>${script(`act("solve", () => { $("iframe").src = "{there}/broken"; });`)}`,
      ad: "ad",
    },
    found: GENERIC,
    steps: solve,
  },
  "one without a name comes when it is solved": {
    page: {
      start: `${BOX}${script(`act("solve", () => { document.body.insertAdjacentHTML("beforeend", '<iframe style="${AT}"></iframe>'); });`)}`,
    },
    found: GENERIC,
    steps: solve,
  },
  "thirty of them": {
    page: {
      start: `${BOX}${script(`for (let at = 0; at < 30; at += 1) document.body.insertAdjacentHTML("beforeend", '<iframe src="{there}/ad?' + at + '" style="width:60px;height:30px"></iframe>');`)}`,
      ad: "ad",
    },
    found: GENERIC,
    steps: solve,
  },
  // The challenge's own frame: its next task comes late, and is the next challenge.
  "the next task comes late": {
    page: {
      start: `<div id="layer">${task(TASK)}</div>${script(`${onWidget("wrong", `$("iframe").remove(); after(100, () => { $("#layer").innerHTML = \`${task("captcha.zt.kuaishou.com/late")}\`; $("iframe").onload = () => settled(); });`)}
      ${onWidget("solve", `$("#layer").remove(); success();`)}`)}`,
      [TASK]: WIDGET_FRAME,
      "captcha.zt.kuaishou.com/late": () => ({ delayMs: 1_500, body: WIDGET_FRAME }),
    },
    found: foundAs("kuaishou"),
    steps: [press("wrong", "waiting", { found: foundAs("kuaishou") }), press("solve", "solved")],
    selected: true,
  },
  "the challenge's frame breaks": {
    page: {
      start: `${task(TASK)}${script(onWidget("wrong", `$("iframe").src = "{there}/broken"; $("iframe").onload = () => settled();`))}`,
      [TASK]: WIDGET_FRAME,
    },
    found: foundAs("kuaishou"),
    steps: [press("wrong", "waiting")],
  },
  "the challenge's frame reloads slowly": {
    page: {
      start: `${task(TASK)}${script(`${onWidget("wrong", `$("iframe").src = "{there}/captcha.zt.kuaishou.com/late"; $("iframe").onload = () => settled();`)} ${onWidget("solve", `$("iframe").remove(); success();`)}`)}`,
      [TASK]: WIDGET_FRAME,
      "captcha.zt.kuaishou.com/late": () => ({ delayMs: 1_200, body: WIDGET_FRAME }),
    },
    found: foundAs("kuaishou"),
    steps: [press("wrong", "waiting", { found: foundAs("kuaishou") }), press("solve", "solved")],
  },
});
