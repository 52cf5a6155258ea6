/** [K1] Which challenge is judged, and what became of it: from what a row of scans has found. */
import { expect, test } from "@playwright/test";
import type { Act } from "../../src/browser/challenge/acts.ts";
import { ChallengeTracker, type KindVerdict } from "../../src/browser/challenge/challenge-tracker.ts";
import { Departure } from "../../src/browser/challenge/departure.ts";
import type { PageScan, Sighting, Sign } from "../../src/browser/challenge/scan-page.ts";
import type { NavigationCause } from "../../src/browser/tabs/navigation-cause.ts";
import { type ChallengeKind, type ChallengeKindEntry, challengeKindSchema } from "../../src/config.ts";

const kind = (entry: Omit<ChallengeKindEntry, "selectors">): ChallengeKind =>
  challengeKindSchema.parse({ ...entry, selectors: ["#x"] });
const TOKEN = kind({ kind: "token", done: [{ value: '[name="token"]' }] });
const POPUP = kind({ kind: "popup", done: [{ visible: ".ok" }, { gone: true }], closes: true });
const WALL = kind({ kind: "wall", role: "wall", done: [{ gone: true }] });
const PLAIN = kind({ kind: "plain", done: [{ gone: true }] });
const CODE = kind({ kind: "code", role: "weak", done: [{ gone: true }] });
const GENERIC = kind({ kind: "generic", role: "generic", done: [{ gone: true }] });
const KINDS = [WALL, POPUP, TOKEN, PLAIN, CODE, GENERIC];

interface Shown extends Partial<Pick<Sighting, "state" | "isFrame" | "order" | "box">> {
  readonly kind: ChallengeKind;
  readonly widget?: string;
}

interface Scan {
  readonly page?: string;
  /** What follows the site's address. */
  readonly path?: string;
  readonly shown?: readonly Shown[];
  readonly signs?: readonly (Partial<Sign> & Pick<Sign, "kind">)[];
  readonly badges?: readonly string[];
  readonly submitted?: string;
  readonly isParsed?: boolean;
  readonly answered?: readonly string[];
  readonly status?: number;
}

/** A page, scan after scan, 200 ms apart. */
class Page {
  readonly tracker = new ChallengeTracker(KINDS);
  readonly causes: Record<string, NavigationCause> = {};
  #at = 0;

  /** Somebody acts on the page. */
  act(on: Partial<Omit<Act, "inside" | "around">> & { inside?: string; around?: string } = {}): void {
    this.tracker.acted();
    const set = (key: string | undefined) => new Set(key === undefined ? [] : [key]);
    this.tracker.actedAt({
      page: "first",
      isInForm: false,
      isOnRim: false,
      leads: null,
      ...on,
      inside: set(on.inside),
      around: set(on.around),
      beside: new Set(),
    });
  }

  see(
    {
      page = "first",
      path = page,
      shown = [],
      signs = [],
      badges = [],
      submitted,
      isParsed = true,
      answered = [],
      status = 200,
    }: Scan,
    afterMs = 200,
  ): KindVerdict {
    this.#at += afterMs;
    const address = `https://site.example/${path}`;
    const main = { id: "main", loaderId: page, parent: null, url: address.replace(/#.*/, ""), address };
    const scan = {
      main,
      frames: [{ frame: main, answer: { isParsed, answered, status, isBrowserError: false } }],
      sightings: shown.map((each) => ({
        widget: `${page} ${each.kind.kind}`,
        holder: main,
        frame: main,
        isFrame: false,
        order: 0,
        selector: "#x",
        box: { x: 0, y: 0, width: 300, height: 100 },
        state: "shown",
        ...each,
      })),
      signs: signs.map((each) => ({
        done: each.kind.done[0],
        holder: main,
        id: `${page} ${each.kind.kind} sign`,
        owners: [`${page} ${each.kind.kind}`],
        isAnswered: true,
        ...each,
      })),
      badges: new Set(badges),
    } as unknown as PageScan;
    const submissions =
      submitted === undefined ? [] : [{ frameId: "main", loaderId: "first", name: submitted, navigates: null }];
    return this.tracker.scanned({
      scan,
      at: this.#at,
      causeOf: (loaderId) => this.causes[loaderId] ?? "unknown",
      submissions,
    });
  }
}

const field = (isAnswered: boolean, more: Partial<Sign> = {}) => ({ kind: TOKEN, isAnswered, ...more });

test("[K3] nothing was ever shown: unknown, and a badge's own field proves nothing", () => {
  const page = new Page();
  expect(page.see({})).toMatchObject({ value: "unknown", state: "none" });
  const badge = { kind: TOKEN, widget: "badge", state: "badge" } as const;
  const filled = page.see({ shown: [badge], signs: [field(true, { owners: ["badge"] })], badges: ["badge"] });
  expect(filled).toMatchObject({ value: "unknown", state: "none" });
  expect(page.tracker.shown).toBeNull();
});

test("[K3] a field counts that had no answer while its challenge was shown", () => {
  const page = new Page();
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] })).toMatchObject({ value: false, state: "shown" });
  page.tracker.acted();
  const solved = page.see({ shown: [{ kind: TOKEN }], signs: [field(true)] });
  expect(solved).toMatchObject({ value: true, state: "solved_stays" });
  expect(solved.held).toEqual({
    rule: JSON.stringify({ kind: "token", done: { value: '[name="token"]' } }),
    frame: "https://site.example/first",
  });
  // It ran out: the field is empty again.
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] })).toMatchObject({ value: false, state: "shown" });
});

test("[K3] what nobody touched has passed by itself", () => {
  const page = new Page();
  page.see({ shown: [{ kind: TOKEN, state: "working" }], signs: [field(false)] });
  expect(page.tracker.isWorking).toBe(true);
  expect(page.see({ shown: [{ kind: TOKEN, state: "working" }], signs: [field(true)] }).held).toMatchObject({
    how: "by_itself",
  });
  // Nobody is called while that becomes a verdict.
  expect(page.tracker.isWorking).toBe(true);
});

test("[K3] a widget that is solved when it is first seen is no challenge", () => {
  const page = new Page();
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(true)] })).toMatchObject({
    value: "unknown",
    state: "none",
  });
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] })).toMatchObject({ value: false });
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(true)] })).toMatchObject({ value: true });
});

test("[K3] what a page sets while it is still being read is no answer", () => {
  const page = new Page();
  page.see({ shown: [{ kind: TOKEN }], signs: [field(false)], isParsed: false });
  page.see({ shown: [{ kind: TOKEN }], signs: [field(true)], isParsed: false });
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(true)] })).not.toMatchObject({ value: true });
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] })).toMatchObject({ value: false });
  expect(page.see({ shown: [{ kind: TOKEN }], signs: [field(true)] })).toMatchObject({ value: true });
});

test("[K3] another widget's field says nothing", () => {
  const page = new Page();
  const both = [
    { kind: TOKEN, widget: "one" },
    { kind: TOKEN, widget: "two" },
  ];
  const signs = (one: boolean, two: boolean) => [
    field(one, { id: "1", owners: ["one"] }),
    field(two, { id: "2", owners: ["two"] }),
  ];
  page.see({ shown: both, signs: signs(false, false) });
  page.tracker.acted();
  expect(page.see({ shown: both, signs: signs(false, true) })).toMatchObject({ value: false });
  expect(page.see({ shown: both, signs: signs(true, false) })).toMatchObject({ value: true });
});

test("[K3] a task has no field of its own: it answers for the widget that opened it", () => {
  const page = new Page();
  const box = { kind: TOKEN, widget: "box", order: 1 };
  const task = { kind: TOKEN, widget: "task", isFrame: true };
  page.see({ shown: [box], signs: [field(false, { owners: ["box"] })] });
  page.tracker.acted();
  expect(page.see({ shown: [task, box], signs: [field(false, { owners: ["box"] })] })).toMatchObject({ value: false });
  expect(page.see({ shown: [box], signs: [field(true, { owners: ["box"] })] })).toMatchObject({ value: true });
  // An invisible one's field belongs to its badge.
  const hidden = new Page();
  const badges = { badges: ["badge"] };
  hidden.see({ shown: [task], signs: [field(false, { owners: ["badge"] })], ...badges });
  expect(hidden.see({ signs: [field(true, { owners: ["badge"] })], ...badges })).toMatchObject({ value: true });
});

test("[K3] a popup with a close button: closed is unknown, a sign that was seen counts after it has gone", () => {
  const closed = new Page();
  closed.see({ shown: [{ kind: POPUP }] });
  closed.tracker.acted();
  expect(closed.see({})).toMatchObject({ value: "unknown", state: "closed" });
  // It comes back, and is solved.
  expect(closed.see({ shown: [{ kind: POPUP }] })).toMatchObject({ value: false });
  closed.tracker.acted();
  expect(closed.see({ shown: [{ kind: POPUP }], signs: [{ kind: POPUP }] })).toMatchObject({ value: true });
  expect(closed.see({})).toMatchObject({ value: true, state: "solved_gone" });
});

test("[K3] with nobody acting, a widget that goes proves nothing; of what only calls itself a captcha nothing more is known", () => {
  const popup = new Page();
  popup.see({ shown: [{ kind: POPUP }] });
  expect(popup.see({})).toMatchObject({ value: "unknown", state: "left" });
  const other = new Page();
  other.see({ shown: [{ kind: GENERIC }] });
  expect(other.see({})).toMatchObject({ value: true, state: "solved_gone" });
});

test("[K3] other widgets that were there before hold nothing up; one that comes later is the next challenge", () => {
  const page = new Page();
  const other = { kind: TOKEN };
  page.see({ shown: [other], signs: [field(false)] });
  page.see({ shown: [{ kind: PLAIN }, other], signs: [field(false)] }, 2_000);
  expect(page.tracker.shown?.info.kind).toBe("plain");
  page.tracker.acted();
  expect(page.see({ shown: [other], signs: [field(false)] })).toMatchObject({ value: true });
  expect(page.see({ shown: [other, { kind: PLAIN, widget: "later" }] })).toMatchObject({ value: false });
});

test("[K3] what calls itself a captcha around a widget is no challenge of its own, solved or not", () => {
  const page = new Page();
  const both = [{ kind: TOKEN }, { kind: GENERIC }];
  expect(page.see({ shown: both, signs: [field(true)] })).toMatchObject({ value: "unknown", state: "none" });
  expect(page.see({ shown: both, signs: [field(false)] })).toMatchObject({ value: false, kind: TOKEN });
  expect(page.see({ shown: both, signs: [field(true)] })).toMatchObject({ value: true, kind: TOKEN });
});

test("[K3] a stronger kind that shows while a weaker one is still there takes its place", () => {
  const page = new Page();
  const away = { x: 600, y: 400, width: 200, height: 100 };
  page.see({ shown: [{ kind: TOKEN, box: away }, { kind: GENERIC }], signs: [field(true)] });
  expect(page.tracker.shown?.info.kind).toBe("generic");
  const next = page.see({ shown: [{ kind: TOKEN, box: away }, { kind: GENERIC }], signs: [field(false)] });
  expect(next).toMatchObject({ value: false, kind: TOKEN });
});

test("[K3] a generic match does not hold up a known kind, a code that is asked for next does", () => {
  const page = new Page();
  page.see({ shown: [{ kind: PLAIN }] });
  page.tracker.acted();
  expect(page.see({ shown: [{ kind: GENERIC }] })).toMatchObject({ value: true });
  expect(page.see({ shown: [{ kind: CODE }] })).toMatchObject({ value: false, kind: CODE });
});

for (const [cause, value, state] of [
  ["form", true, "solved_gone"],
  ["script", true, "solved_gone"],
  ["link", "unknown", "left"],
  ["history", "unknown", "moved_on"],
  ["reload", "unknown", "left"],
  ["address", "unknown", "left"],
  ["unknown", "unknown", "moved_on"],
] as const) {
  test(`[K4] gone across a navigation by ${cause}: ${value}`, () => {
    const page = new Page();
    page.see({ shown: [{ kind: WALL }] });
    page.tracker.acted();
    page.causes["second"] = cause;
    expect(page.see({ page: "second" })).toMatchObject({ value, state });
    // Seen again, it is judged anew.
    expect(page.see({ page: "second", shown: [{ kind: WALL }] })).toMatchObject({ value: false });
    page.causes["third"] = "script";
    expect(page.see({ page: "third" })).toMatchObject({ value: true });
  });
}

test("[K4] a page without any challenge that goes on after somebody acted has moved on", () => {
  const page = new Page();
  page.see({});
  page.causes["second"] = "form";
  expect(page.see({ page: "second" })).toMatchObject({ value: "unknown", state: "none" });
  page.tracker.acted();
  page.causes["third"] = "link";
  expect(page.see({ page: "third" })).toMatchObject({ state: "none" });
  page.tracker.acted();
  page.causes["fourth"] = "form";
  expect(page.see({ page: "fourth" })).toMatchObject({ value: "unknown", state: "moved_on" });
});

test("[K5] a request that carried the filled field, and a document without a challenge: submitted", () => {
  const page = new Page();
  page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] });
  page.tracker.acted();
  page.causes["second"] = "form";
  expect(page.see({ page: "second", submitted: "token" })).toMatchObject({
    value: true,
    state: "submitted",
    held: { how: "submitted", frame: "https://site.example/first" },
  });
});

test("[K5] without such a request the page has only moved on; another kind's field is none", () => {
  for (const submitted of [undefined, "other"]) {
    const page = new Page();
    page.see({ shown: [{ kind: TOKEN }], signs: [field(false)] });
    page.tracker.acted();
    page.causes["second"] = "form";
    expect(page.see({ page: "second", ...(submitted && { submitted }) })).toMatchObject({
      value: "unknown",
      state: "moved_on",
    });
  }
});

test("[K5] another field of that name, or an error in between: the submission proves nothing", () => {
  const foreign = new Page();
  foreign.see({ shown: [{ kind: TOKEN }], signs: [field(false)], answered: ["token"] });
  foreign.tracker.acted();
  foreign.causes["second"] = "form";
  expect(foreign.see({ page: "second", submitted: "token" })).toMatchObject({ value: "unknown", state: "moved_on" });
  const refused = new Page();
  refused.see({ shown: [{ kind: TOKEN }], signs: [field(false)] });
  refused.tracker.acted();
  refused.causes["second"] = "form";
  refused.causes["third"] = "script";
  refused.see({ page: "second", submitted: "token", status: 403 });
  expect(refused.see({ page: "third" })).toMatchObject({ value: "unknown", state: "moved_on" });
  const nobody = new Page();
  nobody.see({ shown: [{ kind: TOKEN }], signs: [field(false)] });
  nobody.causes["second"] = "script";
  expect(nobody.see({ page: "second", submitted: "token" })).toMatchObject({ value: "unknown" });
});

test("[K3] the next challenge may only call itself one, in the document that comes next", () => {
  const page = new Page();
  page.see({ shown: [{ kind: WALL }] });
  page.tracker.acted();
  page.causes["second"] = "form";
  expect(page.see({ page: "second", shown: [{ kind: GENERIC }] })).toMatchObject({ value: false, kind: GENERIC });
});

test("[K3] what passes by itself leaves the challenge beside it to a person", () => {
  const page = new Page();
  const away = { x: 600, y: 400, width: 200, height: 100 };
  const both = [
    { kind: TOKEN, state: "working" as const },
    { kind: CODE, box: away },
  ];
  page.see({ shown: both, signs: [field(false)] });
  expect(page.see({ shown: both, signs: [field(true)] })).toMatchObject({ value: false, kind: CODE });
});

test("[K4] a link in a frame around the challenge's frame proves nothing", () => {
  const departure = new Departure({
    page: "p",
    frame: "inner",
    document: "i",
    around: [{ frame: "outer", document: "o" }],
  });
  const main = { id: "main", loaderId: "p" };
  const outer = { id: "outer", loaderId: "elsewhere" };
  departure.follow(main as never, [main, outer] as never, () => "link");
  expect([departure.hasMoved, departure.isByPage]).toEqual([true, false]);
});

test("[K3] a wall is judged by itself and cropped to the widget inside", () => {
  const page = new Page();
  const inner = { kind: TOKEN, box: { x: 20, y: 20, width: 100, height: 40 } };
  page.see({ shown: [{ kind: WALL }, inner], signs: [field(false)] });
  expect(page.tracker.shown?.info).toMatchObject({ kind: "wall", x: 20, y: 20, width: 100, height: 40 });
  expect(page.see({ shown: [{ kind: WALL }, inner], signs: [field(true)] })).toMatchObject({ value: false });
  expect(page.see({})).toMatchObject({ value: true, kind: WALL });
});

test("[S9] after a restart the challenge that was shown last is judged on", () => {
  const before = new Page();
  before.see({ shown: [{ kind: PLAIN }] });
  before.tracker.acted();
  const tracked = before.tracker.tracked;
  if (!tracked) throw new Error("Nothing is tracked.");
  const still = new Page();
  still.tracker.recall(tracked);
  expect(still.see({ shown: [{ kind: PLAIN, widget: "numbered anew" }] })).toMatchObject({ value: false });
  const gone = new Page();
  gone.tracker.recall(tracked);
  expect(gone.see({})).toMatchObject({ value: true, state: "solved_gone" });
  // Nobody knows how the page went on while the server was away.
  const elsewhere = new Page();
  elsewhere.tracker.recall(tracked);
  expect(elsewhere.see({ page: "second" })).toMatchObject({ value: "unknown" });
});

for (const [where, on, value, state] of [
  ["in it", { inside: "first plain" }, true, "solved_gone"],
  ["on the button of its form", { around: "first plain" }, "unknown", "closed"],
  ["on another tab", {}, "unknown", "closed"],
  ["on its X", { inside: "first plain", leads: "closes" }, "unknown", "closed"],
  ["on a link in it", { inside: "first plain", leads: "away" }, "unknown", "closed"],
] as const) {
  test(`[K3] gone after a press ${where}: ${state}`, () => {
    const page = new Page();
    page.see({ shown: [{ kind: PLAIN }] });
    page.act(on);
    expect(page.see({})).toMatchObject({ value, state });
    // What is pressed after it has gone does not matter.
    page.act({ inside: "first plain" });
    page.act();
    expect(page.see({})).toMatchObject({ value, state });
  });
}

for (const [where, on, value] of [
  ["in it", { inside: "first code" }, true],
  ["on the button of its form", { around: "first code", isInForm: true }, true],
  ["on a search form", { isInForm: true }, "unknown"],
  ["on a link that is a script's", { leads: "script" }, "unknown"],
  ["on a link of its form", { around: "first code", isInForm: true, leads: "script" }, "unknown"],
] as const) {
  test(`[K4] a form or a script that goes on after a press ${where}: ${value}`, () => {
    const page = new Page();
    page.see({ shown: [{ kind: CODE }] });
    page.act(on);
    page.causes["second"] = "script";
    const state = value === true ? "solved_gone" : "moved_on";
    expect(page.see({ page: "second" })).toMatchObject({ value, state });
    // On the page that came next, presses change nothing.
    page.act({ page: "second", isInForm: true });
    expect(page.see({ page: "second" })).toMatchObject({ value, state });
  });
}

test("[K4] closed first, and sent with the form around it after that: moved on", () => {
  const page = new Page();
  page.see({ shown: [{ kind: PLAIN }] });
  page.act({ inside: "first plain", leads: "closes" });
  expect(page.see({})).toMatchObject({ state: "closed" });
  page.act({ around: "first plain", isInForm: true });
  page.causes["second"] = "form";
  expect(page.see({ page: "second" })).toMatchObject({ value: "unknown", state: "moved_on" });
  // It comes back, and is solved.
  page.see({ page: "second", shown: [{ kind: PLAIN }] });
  page.act({ page: "second", inside: "second plain" });
  expect(page.see({ page: "second" })).toMatchObject({ value: true });
});

test("[K4] a wall is all of its page, but for forms and navigation that are not its own", () => {
  for (const [on, value] of [
    [{}, true],
    [{ isInForm: true }, "unknown"],
    [{ isOnRim: true }, "unknown"],
  ] as const) {
    const page = new Page();
    page.see({ shown: [{ kind: WALL }] });
    page.act(on);
    page.causes["second"] = "script";
    expect(page.see({ page: "second" })).toMatchObject({ value });
  }
});

test("[K3] a task answers for the widget that was pressed before it opened, not for another of its kind", () => {
  const boxes = ["one", "two"].map((widget) => ({ kind: TOKEN, widget, order: 1 }));
  const task = { kind: TOKEN, widget: "task", isFrame: true };
  const signs = (one: boolean, two: boolean) => [
    field(one, { id: "1", owners: ["one"] }),
    field(two, { id: "2", owners: ["two"] }),
  ];
  const page = new Page();
  page.see({ shown: boxes, signs: signs(false, false) });
  page.act({ inside: "two" });
  page.see({ shown: [task, ...boxes], signs: signs(false, false) });
  page.act({ inside: "task" });
  expect(page.see({ shown: boxes, signs: signs(true, false) })).toMatchObject({ value: false });
  page.act({ inside: "two" });
  page.see({ shown: [task, ...boxes], signs: signs(true, false) });
  expect(page.see({ shown: boxes, signs: signs(true, true) })).toMatchObject({ value: true });
});

test("[W33] a page that has moved on stays so for whom acts on the next one, until the person was asked", () => {
  const page = new Page();
  page.see({});
  page.act({ isInForm: true });
  page.causes["second"] = "form";
  page.see({ page: "second" });
  page.act({ page: "second" });
  expect(page.see({ page: "second" })).toMatchObject({ value: "unknown", state: "moved_on" });
  page.tracker.toldMovedOn();
  expect(page.see({ page: "second" })).toMatchObject({ state: "moved_on" });
  page.act({ page: "second" });
  expect(page.see({ page: "second" })).toMatchObject({ state: "none" });
});

test("[W33] another address in the same document is moving on, but not by a link, and not another place of the page", () => {
  for (const [on, path, state] of [
    [{ isInForm: true }, "home", "moved_on"],
    [{ isInForm: true }, "first#/home", "moved_on"],
    [{ isInForm: true }, "first?page=2#top", "none"],
    [{ leads: "away" }, "home", "none"],
    [{ isOnRim: true }, "home", "none"],
  ] as const) {
    const page = new Page();
    page.see({});
    page.act(on);
    expect(page.see({ path })).toMatchObject({ value: "unknown", state });
  }
});

test("[S9] where somebody acted outlives the server", () => {
  for (const [inside, value] of [
    ["first plain", true],
    ["elsewhere", "unknown"],
  ] as const) {
    const before = new Page();
    before.see({ shown: [{ kind: PLAIN }] });
    before.act({ inside });
    const after = new Page();
    if (before.tracker.tracked) after.tracker.recall(before.tracker.tracked);
    expect(after.see({})).toMatchObject({ value });
  }
});
