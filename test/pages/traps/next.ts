/** The next challenge in place of the first, and one of another kind later. */
import { box, foundAs, press, SOLVE, script, traps } from "../page.ts";

const FIRST = box('class="geetest_panel_box geetest_panelshowslide"', `<button data-act="first">first</button>`, {
  x: 300,
  y: 120,
  width: 278,
  height: 285,
});
const SECOND = box('class="scratch-captcha-container"', SOLVE, { x: 300, y: 120, width: 320, height: 260 });
const SCRATCH = foundAs("aliyun-scratch");
const later = (
  ms: number,
) => `act("first", () => { $(".geetest_panel_box").remove(); after(${ms}, () => { document.body.insertAdjacentHTML("beforeend", \`${SECOND}\`); settled(); }); });
  act("solve", () => { $(".scratch-captcha-container").remove(); success(); });`;
const TURNSTILE = box(
  'class="cf-turnstile"',
  `<button type="button" data-act="tick">tick</button><input type="hidden" name="cf-turnstile-response">`,
  { x: 200, y: 120, width: 300, height: 65 },
);
const box2 = (mark: string) =>
  box('class="my-captcha"', `<button data-act="${mark}">${mark}</button>`, { x: 300, y: 150, width: 300, height: 200 });

export default traps("next", {
  "of another kind at once": {
    page: `${FIRST}${script(later(0))}`,
    found: foundAs("geetest-v3"),
    steps: [press("first", "waiting", { found: SCRATCH }), press("solve", "solved")],
  },
  "of another kind after 400 ms": {
    page: `${FIRST}${script(later(400))}`,
    found: foundAs("geetest-v3"),
    steps: [press("first", "waiting", { found: SCRATCH }), press("solve", "solved")],
    selected: true,
  },
  "behind a token": {
    page: `<form>${TURNSTILE}</form>${script(`
      act("tick", () => { $("[name=cf-turnstile-response]").value = "token"; after(250, () => { document.body.insertAdjacentHTML("beforeend", \`${SECOND.replace("data-box", 'data-box="1"').replace("left:300px", "left:600px")}\`); settled(); }); });
      act("solve", () => { $(".scratch-captcha-container").remove(); success(); });`)}`,
    found: foundAs("turnstile"),
    steps: [press("tick", "waiting", { found: SCRATCH }), press("solve", "solved")],
    selected: true,
  },
  // Hidden for less than a verdict needs, again and again.
  "hides and returns": {
    page: `${box2("other")}${script(`let turns = 0; const hide = () => { const box = $(".my-captcha"); box.style.display = "none"; after(380, () => { box.style.display = ""; turns += 1; if (turns === 4) settled(); else after(200, hide); }); };
      act("other", hide);`)}`,
    found: foundAs("generic"),
    steps: [press("other", "waiting")],
  },
  "fades and returns": {
    page: `${box2("other")}${script(`act("other", () => { const box = $(".my-captcha"); box.style.opacity = 0; after(350, () => { box.style.opacity = 1; settled(); }); });`)}`,
    found: foundAs("generic"),
    steps: [press("other", "waiting")],
  },
  "the same kind asks twice": {
    page: (visit) =>
      visit.count < 3
        ? `${box2("solve")}${script(`act("solve", () => { location.href = "{here}/start?again=1"; }); ${visit.count > 1 ? `addEventListener("load", () => settled());` : ""}`)}`
        : `<h1>Shop</h1>${script(`addEventListener("load", () => success());`)}`,
    found: foundAs("generic"),
    steps: [press("solve", "waiting"), press("solve", "solved")],
  },
});
