/** Where a person presses: in the challenge, in its form, on what hides it, or on what has nothing to do with it. */
import { box, foundAs, nobody, press, SOLVE, script, styleOf, traps } from "../page.ts";

const GENERIC = foundAs("generic");
const AT = { x: 300, y: 150, width: 300, height: 200 };
const inBox = (inner: string) => box('class="my-captcha"', inner, AT);
const BOX = inBox(SOLVE);
const GOES = `act("solve", () => { $(".my-captcha").remove(); success(); });`;
const hides = (mark: string, more = "") =>
  script(
    `${GOES} act("${mark}", (element, event) => { event.preventDefault(); $(".my-captcha").style.display = "none"; ${more} settled(); });`,
  );
const NEXT = `<h1>Next</h1>${script(`addEventListener("load", () => settled());`)}`;
const goesTo = (mark: string) =>
  script(`${GOES} act("${mark}", (element, event) => { event.preventDefault(); location.href = "{here}/next"; });`);
const asked = (mark: string) => ({ found: GENERIC, steps: [press(mark, "asked")] as const });
const OTHERS = `position:absolute;left:20px;top:20px`;

const TEXT_FORM = `<form action="{here}/next" method="post" style="position:absolute;left:200px;top:120px;width:300px">
    <img src="{here}/captcha.png" style="display:block;width:200px;height:60px" alt="">
    <input type="text" name="answer" style="width:160px;height:24px">
    <a href="javascript:void 0" class="btn-login" data-act="send">send</a>
    <a href="#" data-act="forgot">forgot?</a></form>
  ${script(`document.querySelector("form").dataset.box = "";`)}`;

/** Two checkboxes of one kind, each with its own field, and the task of the first. */
const CHECKBOX = { x: 100, y: 120, width: 304, height: 78 };
const TASK = { x: 540, y: 60, width: 400, height: 500 };
const widget = (
  mark: string,
  y: number,
) => `<form><div data-box="0" class="g-recaptcha" style="${styleOf({ ...CHECKBOX, y })}">
  <button type="button" data-act="${mark}">${mark}</button><textarea name="g-recaptcha-response" id="${mark}" style="display:none"></textarea></div></form>`;
const TWO = `${widget("first", 120)}${widget("second", 320).replace('data-box="0"', "")}
  ${script(`const open = () => { document.body.insertAdjacentHTML("beforeend", '<iframe data-box="1" src="{there}/recaptcha/api2/bframe?hl=en" style="${styleOf(TASK, "border:0;")}"></iframe>'); $("iframe").onload = () => settled(); };
    act("first", open); act("second", open);
    addEventListener("message", ({ data }) => {
      if (data?.widget === "away") { $("iframe").remove(); $("#first").value = "renewed"; after(200, settled); }
      if (data?.widget === "solve") { $("iframe").remove(); $("#second").value = "answer"; success(); }
    });`)}`;
const BFRAME = `${SOLVE}<button data-act="away">away</button>${script(`for (const widget of ["solve", "away"]) act(widget, () => parent.postMessage({ widget }, "*"));`)}`;

const LOGIN = `<h1>Sign in</h1><form action="{here}/home" method="post"><input name="user"><button data-act="login">sign in</button></form>`;

export default traps("presses", {
  // What hides the box solves nothing.
  "on its X": {
    page: `${inBox(`${SOLVE}<button type="button" class="dlg-close" data-act="close" style="position:absolute;left:120px;top:90px">leave</button>`)}${hides("close")}`,
    ...asked("close"),
    selected: true,
  },
  "on an X that has no name": {
    page: `${inBox(`${SOLVE}<span data-act="close" style="position:absolute;right:6px;top:6px;width:20px;height:20px;background:#a66;cursor:pointer"></span>`)}${hides("close")}`,
    ...asked("close"),
  },
  "on a word that closes": {
    page: `${inBox(`${SOLVE}<div data-act="close" style="position:absolute;left:100px;bottom:6px">取消</div>`)}${hides("close")}`,
    ...asked("close"),
  },
  "on an X in a closed root": {
    page: `<div id="host" style="position:absolute;left:0;top:0;width:1px;height:1px"></div>${script(`
      const root = reveal($("#host").attachShadow({ mode: "closed" }));
      root.innerHTML = \`${inBox(`${SOLVE}<button aria-label="Close this" data-act="close" style="position:absolute;left:120px;top:90px"><i>x</i></button>`)}\`;
      act("close", () => { $(".my-captcha").remove(); settled(); }, root);`)}`,
    ...asked("close"),
  },
  "on an X in a frame": {
    page: {
      start: `<iframe src="{there}/inner" style="border:0;width:700px;height:400px;margin:30px"></iframe>`,
      inner: `${inBox(`${SOLVE}<i class="icon-close" data-act="close" style="position:absolute;left:120px;top:90px;width:20px;height:20px"></i>`)}${hides("close")}`,
    },
    ...asked("close"),
  },
  "on another tab of the page": {
    page: `<div style="${OTHERS}"><button data-act="tab">Password</button></div>${BOX}${hides("tab")}`,
    ...asked("tab"),
    selected: true,
  },
  "on a summary": {
    page: `<details open><summary data-act="fold" style="width:200px">more</summary>${BOX}</details>${script(`${GOES} $("details").addEventListener("toggle", () => { if (!$("details").open) settled(); });`)}`,
    ...asked("fold"),
  },
  "on a link within the page": {
    page: `<a style="${OTHERS}" href="{here}/about" data-act="about">about</a>${BOX}${hides("about", `history.pushState(null, "", "{here}/about");`)}`,
    ...asked("about"),
    selected: true,
  },
  "on the dark around the box": {
    page: `<div class="captcha-layer" data-act="around" style="position:fixed;inset:0;background:#0005">${inBox(SOLVE)}</div>${script(`act("around", () => { $(".captcha-layer").remove(); settled(); });`)}`,
    found: "any",
    steps: [press("around", null)],
  },
  "outside, then solved": {
    page: `<input data-act="name" style="${OTHERS}">${BOX}${script(GOES)}`,
    found: GENERIC,
    steps: [press("name", "waiting", { until: "acted:name" }), press("solve", "solved")],
  },
  // A navigation by a form or a script that is not the challenge's.
  "on a search form beside it": {
    page: {
      start: `<form style="${OTHERS}" action="{here}/next"><input name="q"><button data-act="search">search</button></form>${BOX}${script(GOES)}`,
      next: NEXT,
    },
    ...asked("search"),
    selected: true,
  },
  "on a link that is a script's": {
    page: { start: `<a style="${OTHERS}" href="#" data-act="more">more</a>${BOX}${goesTo("more")}`, next: NEXT },
    ...asked("more"),
    selected: true,
  },
  "on a button of the page": {
    page: {
      start: `<nav style="${OTHERS}"><button data-act="more">more</button></nav>${BOX}${goesTo("more")}`,
      next: NEXT,
    },
    ...asked("more"),
  },
  "on a link of its own form": {
    page: { start: `${TEXT_FORM}${goesTo("forgot")}`, next: NEXT },
    found: foundAs("image-text"),
    steps: [press("forgot", "asked")],
  },
  "on the button of its own form, a link": {
    page: {
      start: `${TEXT_FORM}${script(`act("send", () => $("form").submit());`)}`,
      next: `<h1>Welcome</h1>${script(`addEventListener("load", () => success());`)}`,
    },
    found: foundAs("image-text"),
    steps: [nobody("waiting"), press("send", "solved")],
  },
  "on the form around the box": {
    page: `<form action="{here}/welcome" method="post">${BOX}<button data-act="send" style="${OTHERS}">send</button></form>`,
    found: GENERIC,
    steps: [press("send", "solved")],
  },
  // A task answers for the widget that was pressed.
  "on one of two of a kind": {
    page: { start: TWO, "recaptcha/api2/bframe": BFRAME },
    found: foundAs("recaptcha-v2"),
    steps: [
      press("second", null, { until: "settled" }),
      press("away", "waiting"),
      press("second", null),
      press("solve", "solved"),
    ],
    selected: true,
  },
  // The page has moved on, and the person too.
  "on the page that comes next": {
    page: {
      start: LOGIN,
      home: `<h1>Home</h1><button data-act="look">look</button>${script(`act("look", () => settled());`)}`,
    },
    found: null,
    steps: [press("login", null), press("look", "asked")],
  },
  "a sign-in within the page": {
    page: `${LOGIN.replace("<form", "<form onsubmit='return false'")}${script(`act("login", () => { history.pushState(null, "", "{here}/home"); $("form").remove(); settled(); });`)}`,
    found: null,
    steps: [press("login", "asked")],
    selected: true,
  },
  "a link within the page without a challenge": {
    page: `<h1>Shop</h1><a href="{here}/about" data-act="about">about</a>${script(`act("about", (element, event) => { event.preventDefault(); history.pushState(null, "", "{here}/about"); settled(); });`)}`,
    found: null,
    steps: [press("about", "waiting")],
  },
});
