/** Badges, fields that fill themselves, and widgets beside the challenge: none of them says anything about it. */
import { box, button, foundAs, nobody, onWidget, press, SOLVE, script, styleOf, traps } from "../page.ts";
import { WIDGET_FRAME } from "../patterns.ts";

const ANCHOR = "recaptcha/api2/anchor";
const BADGE = `<div class="grecaptcha-badge" style="position:fixed;right:0;bottom:14px;width:256px;height:60px">
  <iframe src="{there}/${ANCHOR}?ar=1&size=invisible" style="border:0;width:256px;height:60px"></iframe>
  <textarea id="g-recaptcha-response-100000" name="g-recaptcha-response" style="display:none"></textarea></div>
  ${script(`after(1000, () => { $("#g-recaptcha-response-100000").value = "score"; tell("scored"); });`)}`;
/** As older sites have it: the badge has no class of its own, and its field no number. */
const BARE_BADGE =
  `<iframe src="/recaptcha-stub" hidden></iframe><iframe src="{there}/${ANCHOR}?ar=1&size=invisible" style="position:fixed;right:0;bottom:14px;width:256px;height:60px;border:0"></iframe>
  <textarea name="g-recaptcha-response" style="display:none"></textarea>
  ${script(`after(1000, () => { $("[name=g-recaptcha-response]").value = "score"; tell("scored"); });`)}`.replace(
    '<iframe src="/recaptcha-stub" hidden></iframe>',
    "",
  );
const scored = { until: "scored" };
const documents = { [ANCHOR]: "<p>watched</p>" };
const HCAPTCHA = `<form>${box('class="h-captcha"', `${SOLVE}<textarea name="h-captcha-response" style="display:none"></textarea>`, { x: 200, y: 120, width: 303, height: 78 })}</form>
  ${script(`act("solve", () => { $("[name=h-captcha-response]").value = "answer"; success(); });`)}`;
const LOGIN = `<form action="{here}/welcome" method="post"><input name="user"><input type="password" name="pass"><button data-act="sign">sign in</button></form>`;
const turnstile = (id: string, more: string) =>
  `<div class="cf-turnstile" id="${id}" style="${more}"><input type="hidden" name="cf-turnstile-response"></div>`;
const OVERLAY = `<div class="layer"><iframe data-box src="{there}/captcha.zt.kuaishou.com/iframe/index.html" style="${styleOf({ x: 440, y: 180, width: 360, height: 300 }, "border:0;")}"></iframe></div>
  ${script(onWidget("solve", `$(".layer").remove(); success();`))}`;
const overlay = { "captcha.zt.kuaishou.com/iframe/index.html": WIDGET_FRAME };
const KUAISHOU = foundAs("kuaishou");

export default traps("badges", {
  "beside a challenge": {
    page: { start: `${HCAPTCHA}${BADGE}`, ...documents },
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
    selected: true,
  },
  "bare, beside a challenge": {
    page: { start: `${HCAPTCHA}${BARE_BADGE}`, ...documents },
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
  },
  "bare, beside a code": {
    page: {
      start: `<h1>Your code is 135790</h1><input id="enter" maxlength="6"><button data-act="go">go</button>${BARE_BADGE}${script(`act("go", settled);`)}`,
      ...documents,
    },
    found: null,
    steps: [nobody("waiting", scored), press("go", "waiting")],
    selected: true,
  },
  // A sign-in that is no challenge: the page goes on, and only the person knows whether it is right.
  "sign-in": {
    page: {
      start: `${LOGIN}${BADGE}`,
      welcome: `<h1>Welcome</h1>${script(`addEventListener("load", () => settled());`)}`,
      ...documents,
    },
    found: null,
    steps: [nobody("waiting", scored), press("sign", "asked")],
    selected: true,
  },
  "enterprise badge": {
    page: {
      start: `${LOGIN}<div class="grecaptcha-badge"><iframe src="{there}/recaptcha/enterprise/anchor?ar=1&size=invisible" style="width:256px;height:60px"></iframe></div>`,
      "recaptcha/enterprise/anchor": "",
    },
    found: null,
    steps: [nobody("waiting")],
  },
  // The newsletter's widget in the footer waits far outside, and fills its own field.
  "parked widget of the same kind": {
    page: `<form>${turnstile("a", styleOf({ x: 200, y: 120, width: 300, height: 65 }))
      .replace("<div", "<div data-box")
      .replace("</div>", `${SOLVE}</div>`)}</form>
      <form>${turnstile("b", "position:absolute;left:-10000px;top:0;width:300px;height:65px")}</form>
      ${script(`after(900, () => { document.querySelector("#b input").value = "other"; tell("scored"); });
        act("solve", () => { document.querySelector("#a input").value = "answer"; success(); });`)}`,
    found: foundAs("turnstile"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
    selected: true,
  },
  "invisible widget of the same kind": {
    page: `<form>${turnstile("b", "width:0;height:0")}</form><form>${turnstile(
      "a",
      styleOf({ x: 200, y: 120, width: 300, height: 65 }),
    )
      .replace("<div", "<div data-box")
      .replace("</div>", `${SOLVE}</div>`)}</form>
      ${script(`after(900, () => { document.querySelector("#b input").value = "other"; tell("scored"); });
        act("solve", () => { document.querySelector("#a input").value = "answer"; success(); });`)}`,
    found: foundAs("turnstile"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
  },
  "two widgets of one kind": {
    page: `<form>${box('class="h-captcha" id="a"', `${SOLVE}<textarea name="h-captcha-response" style="display:none"></textarea>`, { x: 200, y: 120, width: 303, height: 78 })}</form>
      <form><div class="h-captcha" id="b" style="${styleOf({ x: 200, y: 420, width: 303, height: 78 })}">${button("other")}<textarea name="h-captcha-response" style="display:none"></textarea></div></form>
      ${script(`act("other", () => { document.querySelector("#b textarea").value = "other"; settled(); }); act("solve", () => { document.querySelector("#a textarea").value = "answer"; success(); });`)}`,
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting"), press("other", "waiting"), press("solve", "solved")],
  },
  // Another site's frame has a field of the same name.
  "field in another frame": {
    page: {
      start: `${HCAPTCHA}<iframe src="{there}/ad" style="position:absolute;left:700px;top:400px;width:200px;height:60px"></iframe>`,
      ad: `<input name="h-captcha-response" type="hidden">${script(`after(900, () => { $("input").value = "theirs"; tell("scored"); });`)}`,
    },
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
    selected: true,
  },
  "the twin field": {
    page: `<form>${box('class="g-recaptcha"', `${SOLVE}<textarea id="g-recaptcha-response" name="g-recaptcha-response" style="display:none"></textarea>`, { x: 200, y: 120, width: 304, height: 78 })}</form>
      <form class="h-captcha" data-size="invisible" style="display:none"><textarea name="h-captcha-response"></textarea><textarea id="g-recaptcha-response-1" name="g-recaptcha-response"></textarea></form>
      ${script(`after(900, () => { for (const field of document.querySelectorAll("form.h-captcha textarea")) field.value = "twin"; tell("scored"); });
        act("solve", () => { $("#g-recaptcha-response").value = "answer"; success(); });`)}`,
    found: foundAs("recaptcha-v2"),
    steps: [nobody("waiting", scored), press("solve", "solved")],
    selected: true,
  },
  // What merely stays on the page does not hold the verdict up.
  "an unused widget stays": {
    page: {
      start: `<altcha-widget style="display:block;width:260px;height:70px"><div class="altcha" data-state="unverified" style="height:70px"></div></altcha-widget>${OVERLAY}`,
      ...overlay,
    },
    found: KUAISHOU,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  "a badge stays": {
    page: { start: `${BADGE}${OVERLAY}`, ...documents, ...overlay },
    found: KUAISHOU,
    steps: [nobody("waiting", scored), press("solve", "solved")],
    selected: true,
  },
  "a wrapper with such a name stays": {
    page: { start: `<div class="captcha-page" style="width:900px;height:500px">${OVERLAY}</div>`, ...overlay },
    found: KUAISHOU,
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  "a code field stays": {
    page: {
      start: `<form><input autocomplete="one-time-code" name="otc" style="width:200px;height:40px"></form>${OVERLAY}`,
      ...overlay,
    },
    found: KUAISHOU,
    steps: [press("solve", "solved")],
  },
});
