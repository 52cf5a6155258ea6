/** Gone by going away: a followed link, back, forward, reload, an address that the bot types. */
import { type Answer, bot, box, foundAs, LINK, nobody, press, SOLVE, script, traps, type Visit } from "../page.ts";

const BOX = box('class="my-captcha"', SOLVE, { x: 300, y: 150, width: 300, height: 200 });
const PAGE = `${BOX}${LINK}${script(`act("solve", () => { $(".my-captcha").remove(); success(); });`)}`;
const SCRATCH = `${box('class="scratch-captcha-container"', SOLVE, { x: 300, y: 120, width: 320, height: 260 })}${LINK}${script(`act("solve", () => { $(".scratch-captcha-container").remove(); success(); });`)}`;
const GENERIC = foundAs("generic");
const TURNSTILE = `<form>${box('class="cf-turnstile"', `${SOLVE}<input type="hidden" name="cf-turnstile-response">`, { x: 200, y: 120, width: 300, height: 65 })}</form>${LINK}${script(`act("solve", () => { $("[name=cf-turnstile-response]").value = "token"; success(); });`)}`;
const here = { until: "here" };
const byScript = (run: string) => `${BOX}${script(`act("solve", () => { ${run} });`)}`;

/** The challenge twice, each time with a page after it that refreshes itself to the next one. */
const checking = (checks: Answer) => ({
  start: (visit: Visit) =>
    visit.count > 2
      ? WELCOME
      : `${byScript(`location.href = "{here}/checking";`)}${script(visit.count > 1 ? "settled();" : "")}`,
  checking: () => checks,
});
const WELCOME = `<h1>Welcome</h1>${script(`addEventListener("load", () => success());`)}`;

export default traps("leaving", {
  "a link, and back": {
    page: PAGE,
    found: GENERIC,
    steps: [press("link", "asked"), press("back", "waiting", here), press("solve", "solved")],
    selected: true,
  },
  "a link, and back, of a named kind": {
    page: SCRATCH,
    found: foundAs("aliyun-scratch"),
    steps: [press("link", "asked"), press("back", "waiting", here), press("solve", "solved")],
  },
  "a link, and back, with a token": {
    page: TURNSTILE,
    found: foundAs("turnstile"),
    steps: [press("link", "asked"), press("back", "waiting", here), press("solve", "solved")],
  },
  "guest: reload": {
    page: PAGE,
    found: GENERIC,
    guest: true,
    steps: [bot("reload", "waiting", here), press("solve", "solved")],
    selected: true,
  },
  "guest: an address, and back": {
    page: PAGE,
    found: GENERIC,
    guest: true,
    steps: [bot("address", "asked", here), bot("back", "waiting", here), press("solve", "solved")],
  },
  "guest: back and forward": {
    page: { start: `<a data-act="go" href="{here}/challenge">go</a>`, challenge: PAGE },
    found: null,
    guest: true,
    steps: [
      nobody("waiting"),
      press("go", "waiting", { ...here, found: GENERIC }),
      bot("back", "asked", here),
      bot("forward", "waiting", { ...here, found: GENERIC }),
      press("solve", "solved"),
    ],
    selected: true,
  },
  "guest: reload into nothing": {
    page: (visit) => (visit.count > 1 ? "<h1>Shop</h1>" : PAGE),
    found: GENERIC,
    guest: true,
    steps: [bot("reload", "asked", here)],
    selected: true,
  },
  "guest: a token, then an address": {
    page: TURNSTILE,
    found: foundAs("turnstile"),
    guest: true,
    steps: [bot("address", "asked", here), bot("back", "waiting", here), press("solve", "solved")],
  },
  "guest: shown": { page: PAGE, found: GENERIC, guest: true, steps: [nobody("waiting"), press("solve", "solved")] },
  "guest: a form goes on": {
    page: `<form action="{here}/welcome" method="post">${BOX}</form>${script(`act("solve", () => $("form").submit());`)}`,
    found: GENERIC,
    guest: true,
    steps: [press("solve", "solved")],
  },
  "guest: a script goes on": {
    page: byScript(`location.href = "{here}/welcome";`),
    found: GENERIC,
    guest: true,
    steps: [press("solve", "solved")],
    selected: true,
  },
  // What a form or a script does counts.
  "a script goes on": {
    page: byScript(`location.assign("{here}/welcome");`),
    found: GENERIC,
    steps: [press("solve", "solved")],
    selected: true,
  },
  "a script reloads": {
    page: (visit) => (visit.count > 1 ? `<h1>Shop</h1>${script("success()")}` : byScript("location.reload();")),
    found: GENERIC,
    steps: [press("solve", "solved")],
  },
  "a form goes on": {
    page: `<form action="{here}/welcome">${BOX}</form>${script(`act("solve", () => $("form").submit());`)}`,
    found: GENERIC,
    steps: [press("solve", "solved")],
  },
  "a script goes back": {
    page: {
      start: `<h1>First</h1>${script(`addEventListener("load", () => { if (performance.getEntriesByType("navigation")[0].type === "navigate") after(300, () => { location.href = "{here}/challenge"; }); }); addEventListener("pageshow", () => { if (location.hash || performance.getEntriesByType("navigation")[0].type === "back_forward") settled(); });`)}`,
      challenge: `${BOX}${script(`act("solve", () => history.back());`)}`,
    },
    found: "any",
    steps: [nobody(null, { found: GENERIC }), press("solve", "asked", here)],
  },
  // A person goes back with the page's own button before anything is solved, again and again.
  "to and fro": {
    page: PAGE,
    found: GENERIC,
    steps: [
      press("link", "asked"),
      press("back", "waiting", here),
      press("link", "asked"),
      press("back", "waiting", here),
      press("solve", "solved"),
    ],
  },
  // Nothing is shown for a moment, and then the next challenge.
  "a page that checks refreshes by its markup": {
    page: checking({ body: `<meta http-equiv="refresh" content="2; url={here}/start"><h1>Checking</h1>` }),
    found: GENERIC,
    steps: [press("solve", "waiting", { found: GENERIC }), press("solve", "solved")],
    selected: true,
  },
  "a page that checks refreshes by a header": {
    page: checking({ headers: { refresh: "2;url=start" }, body: "<h1>Checking</h1>" }),
    found: GENERIC,
    steps: [press("solve", "waiting", { found: GENERIC }), press("solve", "solved")],
  },
  "rule: gone to a page that checks": {
    page: checking({ body: `<meta http-equiv="refresh" content="2; url={here}/start"><h1>Checking</h1>` }),
    found: GENERIC,
    rules: { any: [{ gone: ".my-captcha" }] },
    steps: [press("solve", "waiting"), press("solve", "solved")],
  },
  "a refresh in place of the box": {
    page: (visit) =>
      visit.count > 2
        ? WELCOME
        : `${BOX}${script(`act("solve", () => { $(".my-captcha").remove(); document.head.insertAdjacentHTML("beforeend", '<meta http-equiv="refresh" content="2">'); }); ${visit.count > 1 ? "settled();" : ""}`)}`,
    found: GENERIC,
    steps: [press("solve", "waiting", { found: GENERIC }), press("solve", "solved")],
  },
  "a page that is refreshed each 30 s": {
    page: {
      start: byScript(`location.href = "{here}/board";`),
      board: `<meta http-equiv="refresh" content="30">${WELCOME}`,
    },
    found: GENERIC,
    steps: [press("solve", "solved")],
  },
  // A bot's own rule keeps to the same.
  "rule: gone by a link": {
    page: PAGE,
    found: GENERIC,
    rules: { any: [{ gone: ".my-captcha" }] },
    steps: [nobody("waiting"), press("link", "asked")],
    selected: true,
  },
  "rule: gone by a link, across any": {
    page: { start: PAGE, elsewhere: `<h1>Terms</h1>${script(`addEventListener("load", () => success());`)}` },
    found: GENERIC,
    rules: { any: [{ gone: ".my-captcha", across: "any" }] },
    steps: [press("link", "solved")],
  },
  "rule: gone by a script": {
    page: byScript(`location.href = "{here}/welcome";`),
    found: GENERIC,
    rules: { any: [{ gone: ".my-captcha" }] },
    steps: [press("solve", "solved")],
  },
  "rule: gone in place": {
    page: PAGE,
    found: GENERIC,
    rules: { any: [{ gone: ".my-captcha" }] },
    steps: [press("solve", "solved")],
  },
});
