/** The table of kinds: whole, in its order, with selectors that a browser can parse and that match what they are for. */
import { expect, test } from "@playwright/test";
import { KNOWN_KINDS, matchingPart } from "../../src/browser/challenge/kinds.ts";
import { type ChallengeKind, challengeKindSchema } from "../../src/config.ts";

/** The names that bots have seen on the wire before there were more. */
const FIRST_NAMES =
  "scratch-card nocaptcha geetest-v4 geetest-v3 tencent recaptcha-v2 hcaptcha turnstile altcha generic".split(" ");

function kindOf(name: string): ChallengeKind {
  const found = KNOWN_KINDS.find(({ kind }) => kind === name);
  if (!found) throw new Error(`no kind ${name}`);
  return found;
}

function selectorsOf({ selectors, not_when, working, done }: ChallengeKind): string[] {
  const signs = done.flatMap((rule) => ("visible" in rule ? [rule.visible] : "value" in rule ? [rule.value] : []));
  return [...selectors, ...not_when.selectors, ...working.selectors, ...signs];
}

test("there are at least 50 kinds, each once, and the names of old are among them", () => {
  const names = KNOWN_KINDS.map(({ kind }) => kind);
  expect(names.length).toBeGreaterThanOrEqual(50);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(FIRST_NAMES.filter((name) => !names.includes(name))).toEqual([]);
});

test("walls come before widgets, widgets before weak signs, and generic is the last", () => {
  const order = ["wall", "widget", "weak", "generic"] as const;
  const places = KNOWN_KINDS.map(({ role }) => order.indexOf(role));
  expect(places).toEqual(places.toSorted());
  expect(KNOWN_KINDS.filter(({ role }) => role === "generic").map(({ kind }) => kind)).toEqual(["generic"]);
});

test("each kind says who makes it and where its facts come from, and is a valid entry of a kinds file", () => {
  for (const kind of KNOWN_KINDS) {
    expect(kind.source, kind.kind).not.toBe("");
    expect(kind.vendor, kind.kind).not.toBe("");
    expect(challengeKindSchema.parse(structuredClone(kind)), kind.kind).toEqual(kind);
  }
});

test("a browser can parse every selector", async ({ page }) => {
  const selectors = KNOWN_KINDS.flatMap((kind) => selectorsOf(kind).map((selector) => ({ kind: kind.kind, selector })));
  const invalid = await page.evaluate((all) => {
    const parses = (selector: string) => {
      try {
        document.querySelector(selector);
        document.documentElement.closest(selector);
        return true;
      } catch {
        return false;
      }
    };
    return all.filter(({ selector }) => !parses(selector));
  }, selectors);
  expect(invalid).toEqual([]);
});

test("what is solved and stays is neither its own kind any more nor generic", () => {
  const generic = kindOf("generic").not_when.selectors;
  for (const { kind, not_when, done } of KNOWN_KINDS) {
    for (const selector of not_when.selectors) expect(generic, kind).toContain(selector);
    for (const rule of done) if ("visible" in rule) expect(generic, kind).toContain(rule.visible);
  }
});

for (const [name, kind, html, found] of [
  ["a box of generic", "generic", `<div id="my-captcha"></div>`, "my-captcha"],
  ["a checkbox inside of its label", "generic", `<label id="a" class="captcha"><input type="checkbox"></label>`, "a"],
  ["a label", "generic", `<label class="captcha-label">Type it</label>`, null],
  ["a field", "generic", `<input class="captcha">`, null],
  ["a badge", "generic", `<div class="grecaptcha-badge"><div class="recaptcha-inside"></div></div>`, null],
  ["a solved box of another kind", "generic", `<div class="geetest_captcha geetest_lock_success"></div>`, null],
  ["a form to sign in", "generic", `<form class="captcha-on"><input type="password"></form>`, null],
  [
    "a box inside of a form to sign in",
    "generic",
    `<form><input type="password"><div id="a" class="captcha"></div></form>`,
    "a",
  ],
  ["a field for a code", "code", `<input id="a" autocomplete="one-time-code">`, "a"],
  ["six boxes for a code", "code", `<div id="a">${'<input maxlength="1">'.repeat(6)}</div>`, "a"],
  ["six boxes in boxes", "code", `<div id="a">${'<i><input maxlength="1"></i>'.repeat(6)}</div>`, "a"],
  ["a postal code", "code", `<input name="zip" inputmode="numeric" maxlength="6">`, null],
  ["a card's number", "code", `<input autocomplete="cc-number" name="otp">`, null],
  ["a form with a picture to type", "image-text", `<form id="a"><img src="/captcha.png"><input></form>`, "a"],
  ["the logo of another kind", "image-text", `<form><img src="/recaptcha-logo.png"><input></form>`, null],
  ["a picture of its own", "image-text", `<img id="captcha" src="/x.php">`, "captcha"],
  [
    "the widget of another vendor in its place",
    "recaptcha-v2",
    `<div class="g-recaptcha"><div><input type="hidden" name="cf-turnstile-response"></div></div>`,
    null,
  ],
  [
    "a form that is only named so",
    "google-sorry",
    `<form id="captcha-form"><div class="h-captcha"></div></form>`,
    null,
  ],
  ["a checkbox", "recaptcha-v2", `<div id="a" class="g-recaptcha"></div>`, "a"],
  ["a button", "recaptcha-v2", `<button class="g-recaptcha">Send</button>`, null],
  [
    "a score badge",
    "recaptcha-v2",
    `<div class="grecaptcha-badge"><iframe src="/recaptcha/api2/anchor?size=normal"></iframe></div>`,
    null,
  ],
  ["an invisible one", "hcaptcha", `<div class="h-captcha" data-size="invisible"></div>`, null],
  [
    "one that a script drew",
    "turnstile",
    `<div><div id="a"><input type="hidden" name="cf-turnstile-response"></div></div>`,
    "a",
  ],
  [
    "a form to sign in with the field of one",
    "turnstile",
    `<div><input type="password"><input type="hidden" name="cf-turnstile-response"></div>`,
    null,
  ],
  ["a slider that is passed", "nocaptcha", `<div id="nocaptcha"><i class="btn_ok"></i></div>`, null],
  [
    "a page of its own, without ids",
    "cloudflare-challenge",
    `<script type="x" src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script><div id="a"></div>`,
    "a",
  ],
] as const) {
  test(`${kind}: ${name} is ${found ? "a challenge" : "none"}`, async ({ page }) => {
    await page.setContent(html);
    const { selectors, not_when } = kindOf(kind);
    const box = await page.evaluate(
      ([wanted, exceptions]) => {
        for (const selector of wanted) {
          for (const element of document.querySelectorAll(selector)) {
            if (!exceptions.some((exception) => element.closest(exception))) return element.id;
          }
        }
        return null;
      },
      [selectors, not_when.selectors] as const,
    );
    expect(box).toBe(found);
  });
}

test("an entry of a frame's address may ask for several parts, and the first entry in the list wins", () => {
  const { frame_urls, not_when } = kindOf("hcaptcha");
  const frame = (role: string) =>
    `https://newassets.hcaptcha.com/captcha/v1/abc/static/hcaptcha.html#frame=${role}&id=0`;
  expect(matchingPart(frame("challenge"), frame_urls)).toBe(frame_urls[0]);
  expect(matchingPart(frame("checkbox"), frame_urls)).toBe(frame_urls[1]);
  expect(matchingPart("https://hcaptcha.com/captcha/v1", frame_urls)).toBe(frame_urls[2]);
  expect(matchingPart("https://hcaptcha.com/1/api.js#frame=challenge", frame_urls)).toBeUndefined();
  expect(matchingPart(frame("checkbox-invisible"), not_when.frame_urls)).toBeDefined();
  expect(matchingPart(frame("checkbox"), not_when.frame_urls)).toBeUndefined();
});

test("an open task is asked for before the checkbox that opened it", () => {
  const place = (kind: string, part: string) => kindOf(kind).frame_urls.findIndex((entry) => entry.includes(part));
  for (const [kind, task, checkbox] of [
    ["recaptcha-v2", "/bframe", "/anchor"],
    ["hcaptcha", "frame=challenge", "frame=checkbox"],
    ["luosimao", "/api/frame", "/api/widget"],
    ["yandex-smartcaptcha", "/advanced", "/checkbox"],
  ] as const) {
    const all = kindOf(kind).frame_urls;
    const lastTask = all.findLastIndex((entry) => entry.includes(task));
    expect(lastTask, kind).toBeLessThan(place(kind, checkbox));
  }
});

for (const [url, kind] of [
  ["https://www.google.com/sorry/index?continue=https://www.google.com/search%3Fq%3Dx&q=abc", "google-sorry"],
  ["https://verify.meituan.com/v2/web/general_page?action=spiderindefence", "meituan-yoda"],
  ["https://wappass.baidu.com/static/captcha/tuxing.html?ak=c27bbc89", "baidu"],
  ["https://ya.ru/showcaptcha?cc=1", "yandex-showcaptcha"],
  ["https://item.taobao.com/item.htm/_____tmd_____/punish?x5secdata=xc", "aliyun-punish"],
  ["https://validate.perfdrive.com/captcha?ssa=1", "radware"],
  ["https://cfe.m.jd.com/privatedomain/risk_handler/03101900/?returnurl=x", "jd"],
  ["https://www.xiaohongshu.com/website-login/captcha?redirectPath=x", "xiaohongshu"],
  ["https://passport.example/login?next=https%3A%2F%2Fverify.meituan.com%2Fv2", undefined],
  ["https://shop.example/sorry/index", undefined],
] as const) {
  test(`the page ${url.slice(0, 60)} is a wall of ${kind ?? "no kind"}`, () => {
    expect(KNOWN_KINDS.find(({ page_urls }) => matchingPart(url, page_urls) !== undefined)?.kind).toBe(kind);
  });
}
