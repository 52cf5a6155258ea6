/** From what the frames say to a verdict: true, false and unknown, and the time a verdict must hold. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import {
  type Judgement,
  judge,
  judgeRule,
  MAX_SCAN_GAP_MS,
  matchesGlob,
  type RuleFacts,
  StabilityWindow,
  type Trilean,
} from "../../src/browser/challenge/completion-rules.ts";
import { type Completion, completionSchema, type Rule } from "../../src/protocol/rest.ts";
import { expectWithin } from "../support/pace.ts";

const FRAME = "https://site.example/frame";
const WALL = Date.UTC(2030, 0, 1);

interface Page {
  visible?: string[];
  filled?: string[];
  texts?: Record<string, string | "unknown">;
  url?: string;
  cookies?: string[];
  left?: string[];
}

function factsOf({
  visible = [],
  filled = [],
  texts = {},
  url = "https://site.example/",
  cookies = [],
  left = [],
}: Page): RuleFacts {
  return {
    url,
    visible: (selector) => (visible.includes(selector) ? { frame: FRAME } : undefined),
    filled: (selector) => (filled.includes(selector) ? { frame: FRAME } : undefined),
    text: (selector, pattern) => {
      const text = texts[selector];
      if (text === "unknown") return "unknown";
      return text !== undefined && new RegExp(pattern).test(text) ? { frame: FRAME } : undefined;
    },
    changedCookie: (name, domain = "site.example") =>
      cookies.includes(name) && domain === "site.example" ? { domain, path: "/" } : undefined,
    others: [],
    isLeft: (selector) => left.includes(selector),
    kinds: () => ({ rule: "", fact: { value: "unknown", frame: null } }),
  };
}

test("[R21] gone is unknown until the selector was seen, false while it is visible, true afterwards", () => {
  const seen = new Set<string>();
  const value = (page: Page) => judgeRule({ gone: "#captcha" }, factsOf(page), seen).value;
  expect(value({})).toBe("unknown");
  expect(value({ visible: ["#other"] })).toBe("unknown");
  expect(value({ visible: ["#captcha"] })).toBe(false);
  expect(value({})).toBe(true);
  expect(value({ visible: ["#captcha"] })).toBe(false);
  expect(judgeRule({ gone: "#other" }, factsOf({}), seen).value).toBe("unknown");
});

for (const [name, rule, page, value] of [
  ["visible, with a match", { visible: "#ok" }, { visible: ["#ok"] }, true],
  ["visible, without one", { visible: "#ok" }, {}, false],
  ["value, filled", { value: "#token" }, { filled: ["#token"] }, true],
  ["value, empty", { value: "#token" }, {}, false],
  ["text that matches", { text: "#msg", matches: "^done$" }, { texts: { "#msg": "done" } }, true],
  ["text that does not", { text: "#msg", matches: "^done$" }, { texts: { "#msg": "try again" } }, false],
  ["text that could not be asked", { text: "#msg", matches: "^done$" }, { texts: { "#msg": "unknown" } }, "unknown"],
  ["url that matches", { url: "https://*.example/in/**" }, { url: "https://site.example/in/a/b" }, true],
  ["url that does not", { url: "https://*.example/in/**" }, { url: "https://site.example/out" }, false],
  ["cookie that changed", { cookie: "pass", changed: true }, { cookies: ["pass"] }, true],
  ["cookie that did not", { cookie: "pass", changed: true }, { cookies: ["other"] }, false],
] satisfies [string, Rule, Page, Trilean][]) {
  test(`[R21] a rule for a ${name} is ${value}`, () => {
    expect(judgeRule(rule, factsOf(page), new Set()).value).toBe(value);
  });
}

/** A rule of each value; the `gone` one was never seen. */
const RULES: ReadonlyMap<Trilean, Rule> = new Map<Trilean, Rule>([
  [true, { visible: "#yes" }],
  [false, { visible: "#no" }],
  ["unknown", { gone: "#never" }],
]);

test("[R21] all and any are combined in three values, for every pair of each", () => {
  const values = [true, false, "unknown"] as const;
  const rules = (of: readonly Trilean[]) => of.map((value) => RULES.get(value) as Rule);
  const evaluate = (all?: readonly Trilean[], any?: readonly Trilean[]) =>
    judge(
      completion({ ...(all ? { all: rules(all) } : {}), ...(any ? { any: rules(any) } : {}) }),
      factsOf({ visible: ["#yes"] }),
      new Set(),
    ).value;
  const every = (of: readonly Trilean[]): Trilean =>
    of.includes(false) ? false : of.includes("unknown") ? "unknown" : true;
  const one = (of: readonly Trilean[]): Trilean =>
    of.includes(true) ? true : of.includes("unknown") ? "unknown" : false;
  const pairs = values.flatMap((a) => [[a], ...values.map((b) => [a, b])]);
  for (const first of pairs) {
    expect(evaluate(first), `all ${first}`).toBe(every(first));
    expect(evaluate(undefined, first), `any ${first}`).toBe(one(first));
    for (const second of pairs) {
      expect(evaluate(first, second), `all ${first} any ${second}`).toBe(every([every(first), one(second)]));
    }
  }
});

test("[R21] [K4] gone by going away is unknown until the selector is seen again, unless it counts across any navigation", () => {
  const seen = new Set(["#captcha"]);
  const value = (rule: Rule, page: Page) => judgeRule(rule, factsOf(page), seen).value;
  expect(value({ gone: "#captcha" }, { left: ["#captcha"] })).toBe("unknown");
  expect(value({ gone: "#captcha", across: "any" }, { left: ["#captcha"] })).toBe(true);
  expect(value({ gone: "#captcha" }, { left: ["#other"] })).toBe(true);
});

test("[R21] a cookie counts for its own domain, and the evidence says which, never a value", () => {
  const rules = completion({ any: [{ cookie: "pass", changed: true }] });
  const judged = judge(rules, factsOf({ cookies: ["pass"] }), new Set());
  const { evidence } = new StabilityWindow(0).update(judged, 0, WALL);
  expect(evidence).toEqual([
    {
      rule: '{"cookie":"pass","changed":true}',
      frame: null,
      since: new Date(WALL).toISOString(),
      cookie: { domain: "site.example", path: "/" },
    },
  ]);
  const elsewhere: Rule = { cookie: "pass", changed: true, domain: "other.example" };
  expect(judgeRule(elsewhere, factsOf({ cookies: ["pass"] }), new Set()).value).toBe(false);
});

test("[R21] a verdict names the rules that held and their frames, and none without a verdict", () => {
  const rules = completion({ any: [{ visible: "#no" }, { visible: "#yes" }], all: [{ value: "#token" }] });
  expect(judge(rules, factsOf({ visible: ["#yes"], filled: ["#token"] }), new Set())).toEqual({
    value: true,
    held: [
      { rule: '{"value":"#token"}', frame: FRAME },
      { rule: '{"visible":"#yes"}', frame: FRAME },
    ],
    against: [],
  });
  expect(judge(rules, factsOf({ visible: ["#yes"] }), new Set())).toEqual({
    value: false,
    held: [],
    against: [
      { rule: '{"value":"#token"}', frame: null },
      { rule: '{"visible":"#no"}', frame: null },
    ],
  });
});

test("[K1] without rules the kinds decide", () => {
  const kinds = (value: Trilean) => () => ({ rule: "kind", fact: { value, frame: null } });
  for (const given of [undefined, completion({})]) {
    expect(judge(given, { ...factsOf({}), kinds: kinds(true) }, new Set())).toEqual({
      value: true,
      held: [{ rule: "kind", frame: null }],
      against: [],
    });
    for (const value of [false, "unknown"] as const) {
      const against = value === false ? [{ rule: "kind", frame: null }] : [];
      expect(judge(given, { ...factsOf({}), kinds: kinds(value) }, new Set())).toEqual({ value, held: [], against });
    }
  }
});

test("[R21] a selector that any of several gone rules saw is remembered, also where the verdict is clear without it", () => {
  const seen = new Set<string>();
  const rules = completion({ all: [{ visible: "#no" }, { gone: "#captcha" }] });
  expect(judge(rules, factsOf({ visible: ["#captcha"] }), seen).value).toBe(false);
  expect(seen).toEqual(new Set(["#captcha"]));
});

const HOLDS: Judgement = { value: true, held: [{ rule: "r", frame: FRAME }], against: [] };

test("[R21] a verdict is stable once it held for stable_ms without a break, and says since when", () => {
  const window = new StabilityWindow(500);
  const updates = [1_000, 1_200, 1_400, 1_499].map((at) => window.update(HOLDS, at, WALL + at - 1_000));
  expect(updates.map(({ stable, leftMs }) => [stable, leftMs])).toEqual([
    [false, 500],
    [false, 300],
    [false, 100],
    [false, 1],
  ]);
  expect(window.update(HOLDS, 1_500, WALL + 500)).toEqual({
    stable: true,
    leftMs: 0,
    evidence: [{ rule: "r", frame: FRAME, since: new Date(WALL).toISOString() }],
  });
});

test("[R21] a window counts from when what holds was seen in the page, also where the look at it comes later", () => {
  const window = new StabilityWindow(500);
  expect(window.isOpen).toBe(false);
  expect(window.update(HOLDS, 1_080, WALL + 80, 1_000)).toMatchObject({ stable: false, leftMs: 420 });
  expect(window.isOpen).toBe(true);
  // What a later look says of its own beginning does not move it.
  expect(window.update(HOLDS, 1_499, WALL + 499, 1_499)).toMatchObject({ stable: false, leftMs: 1 });
  expect(window.update(HOLDS, 1_500, WALL + 500)).toEqual({
    stable: true,
    leftMs: 0,
    evidence: [{ rule: "r", frame: FRAME, since: new Date(WALL).toISOString() }],
  });
});

for (const value of [false, "unknown"] as const) {
  test(`[K2] ${value} restarts the window`, () => {
    const window = new StabilityWindow(500);
    const stableAt = (at: number) => window.update(HOLDS, at, WALL).stable;
    expect([0, 200, 400].map(stableAt)).toEqual([false, false, false]);
    expect(window.update({ value, held: [], against: [] }, 450, WALL)).toEqual({
      stable: false,
      leftMs: 500,
      evidence: [],
    });
    expect([500, 700, 900, 999, 1_000].map(stableAt)).toEqual([false, false, false, false, true]);
  });
}

test("[K2] scans too far apart leave open what was between them", () => {
  const window = new StabilityWindow(500);
  const stableAt = (at: number) => window.update(HOLDS, at, WALL).stable;
  const late = MAX_SCAN_GAP_MS + 1;
  expect([0, late, late + 250, late + 499, late + 500].map(stableAt)).toEqual([false, false, false, false, true]);
});

test("[R21] stable_ms 0 takes the first true", () => {
  expect(new StabilityWindow(0).update(HOLDS, 7, WALL).stable).toBe(true);
});

for (const [glob, url, matches] of [
  ["https://a.example/", "https://a.example/", true],
  ["https://a.example/", "https://a.example/x", false],
  ["https://a.example/*", "https://a.example/x", true],
  ["https://a.example/*", "https://a.example/", true],
  ["https://a.example/*", "https://a.example/x/y", false],
  ["https://a.example/**", "https://a.example/x/y", true],
  ["**/done", "https://a.example/x/done", true],
  ["**/done", "https://a.example/done?x", false],
  ["*", "done", true],
  ["*", "a/b", false],
  ["https://a.example/?x=1", "https://a.example/?x=1", true],
  ["https://a.example/?x=1", "https://a.example/yx=1", false],
  ["https://a.example/(a|b)+[c]", "https://a.example/(a|b)+[c]", true],
  ["HTTPS://A.example/", "https://a.example/", false],
  ["", "", true],
  ["", "x", false],
  ["**", "", true],
] as const) {
  test(`[R21] the glob ${glob || "(empty)"} ${matches ? "matches" : "does not match"} ${url || "(empty)"}`, () => {
    expect(matchesGlob(url, glob)).toBe(matches);
  });
}

test("[R21] a glob says the same as the regular expression it stands for", () => {
  const words = (...letters: string[]) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 });
  fc.assert(
    fc.property(words("a", "b", "/", ".", "*", "?"), words("a", "b", "/", ".", "?", "*"), (glob, url) => {
      const source = glob.replace(/\*{2,}|\*|[^*]/g, (token) =>
        token === "*" ? "[^/]*" : token.startsWith("*") ? "[^]*" : token.replace(/[.?]/, "\\$&"),
      );
      return matchesGlob(url, glob) === new RegExp(`^${source}$`).test(url);
    }),
    { numRuns: 5_000 },
  );
});

test("[R21] a glob takes time in proportion to both lengths, whatever it is", () => {
  const glob = "*a**a".repeat(100).slice(0, 499);
  const startedAt = performance.now();
  expect(matchesGlob("a".repeat(2_000), `${glob}b`)).toBe(false);
  // Backtracking would not end at all.
  expectWithin(performance.now() - startedAt, 10_000);
});

function completion(given: Partial<Completion>): Completion {
  return completionSchema.parse(given);
}

test("[W47] [R21] a rule of any is asked of every window; a window that is closed or silent leaves it unknown", () => {
  const window = (page: Page, seen: string[] = []) => ({ facts: factsOf(page), seen: new Set(seen) });
  const value = (rule: Rule, others: RuleFacts["others"], page: Page = {}, seen: string[] = []) =>
    judgeRule(rule, { ...factsOf(page), others }, new Set(seen)).value;
  const shown = { visible: ["#in"] };
  expect(value({ visible: "#in" }, [window(shown)])).toBe(false);
  expect(value({ visible: "#in", of: "any" }, [window({}), window(shown)])).toBe(true);
  expect(value({ visible: "#in", of: "any" }, [window({})])).toBe(false);
  expect(value({ visible: "#in", of: "any" }, [null])).toBe("unknown");
  expect(value({ visible: "#in", of: "any" }, [null], shown)).toBe(true);
  expect(value({ url: "**/in", of: "any" }, [window({ url: "https://other.example/in" })])).toBe(true);

  const gone = { gone: "#in", of: "any" } as const;
  expect(value(gone, [window({})])).toBe("unknown");
  expect(value(gone, [window({}, ["#in"])])).toBe(true);
  expect(value({ gone: "#in" }, [window({}, ["#in"])])).toBe("unknown");
  expect(value(gone, [window({}, ["#in"]), window(shown)])).toBe(false);
  expect(value(gone, [window({}, ["#in"]), null])).toBe("unknown");
  expect(value(gone, [window(shown, ["#in"])], {}, ["#in"])).toBe(false);
  const closed = window({ left: ["#in"] }, ["#in"]);
  expect(value(gone, [closed])).toBe("unknown");
  expect(value(gone, [closed], {}, ["#in"])).toBe("unknown");
  expect(value({ ...gone, across: "any" }, [closed])).toBe(true);
});
