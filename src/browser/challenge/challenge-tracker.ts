/**
 * Follows the challenges of a page from scan to scan: which one a person must act on, and what became of it. It judges
 * the known kinds' own "done" [K1]. Pure.
 */
import type { ChallengeKind } from "../../config.ts";
import type { CaptchaInfo, Rect } from "../../protocol/common.ts";
import type { Evidence } from "../../protocol/rest.ts";
import type { WatchState } from "../../session/ports/resume-state.ts";
import { roundOut } from "../../util/rect.ts";
import type { FrameRef } from "../tabs/frames.ts";
import type { NavigationCause } from "../tabs/navigation-cause.ts";
import type { Submission } from "../tabs/tab.ts";
import { type Act, ActPlaces, placeOf } from "./acts.ts";
import type { Trilean } from "./completion-rules.ts";
import { Departure } from "./departure.ts";
import { fieldsOf } from "./kinds.ts";
import { documentKey, KnownWidgets } from "./known-widgets.ts";
import { MovingOn } from "./moving-on.ts";
import type { PageScan, Sighting, Sign } from "./scan-page.ts";
import { SignsOfPage } from "./widget-signs.ts";

/** A challenge that comes this much later than another one is what a person must act on now. */
const LATER_MS = 1_000;
const RANK = { wall: 0, widget: 1, weak: 2, generic: 3 } as const;

/** What became of the challenge that was shown last. */
export type ChallengeState =
  | "none"
  | "shown"
  | "working"
  | "solved_stays"
  | "solved_gone"
  | "submitted"
  /** It went after somebody had acted, and nothing says how it went: closed, or the page has moved on. */
  | "closed"
  | "moved_on"
  /** Its page was left by a link, by the history, by a reload or by an address: that proves nothing. */
  | "left";

/** The challenge as a scan has found it. */
export interface ShownChallenge {
  readonly info: CaptchaInfo;
  /** The frame that is the box; else the holder. */
  readonly frame: FrameRef;
  /** The frame whose document contains the element, for scrolling to it. */
  readonly holder: FrameRef;
  /** The document that shows it: another one in its place is a reload. */
  readonly document: string;
}

export interface KindVerdict {
  readonly value: Trilean;
  readonly state: ChallengeState;
  /** The rule that held, as evidence has it. */
  readonly held: { readonly rule: string; readonly frame: string | null; readonly how?: Evidence["how"] } | null;
  /** The kind that was judged; null: no challenge was ever shown. */
  readonly kind: ChallengeKind | null;
}

export interface TrackerFacts {
  readonly scan: PageScan;
  /** Monotonic ms. */
  readonly at: number;
  readonly causeOf: (loaderId: string) => NavigationCause;
  /** Submissions since the last scan, as Tab.takeSubmissions() returns them. */
  readonly submissions: readonly Pick<Submission, "frameId" | "loaderId" | "name" | "navigates">[];
}

interface Current {
  readonly kind: ChallengeKind;
  /** Null after a restart: the first widget of its kind in its document is taken for it. */
  readonly widget: string | null;
  readonly since: number;
  /** The URL of the document that showed it last. */
  url: string;
  box: Rect | null;
  /** Somebody pressed or typed since it was shown. */
  acted: boolean;
  readonly places: ActPlaces;
  /** It worked by itself while it was shown last. */
  worked: boolean;
  departure: Departure;
  submitted: { readonly name: string; readonly frame: string } | null;
  /** The names of response fields that had an answer while it was shown: those of other widgets. */
  foreign: readonly string[];
  /** A document in between was an error. */
  isRefused: boolean;
  /** The sign of success that was seen, and not taken back since. */
  sign: Sign | null;
}

export class ChallengeTracker {
  readonly #kinds: readonly ChallengeKind[];
  readonly #widgets = new KnownWidgets();
  #current: Current | null = null;
  #shown: ShownChallenge | null = null;
  #isWorking = false;
  /** The last act. */
  #act: Act | null = null;
  readonly #movingOn = new MovingOn();

  constructor(kinds: readonly ChallengeKind[]) {
    this.#kinds = kinds;
  }

  /** The challenge of the last scan; one that is solved and stays counts until a verdict. */
  get shown(): ShownChallenge | null {
    return this.#shown;
  }

  /** What shows works by itself: nobody need act yet. */
  get isWorking(): boolean {
    return this.#isWorking;
  }

  get tracked(): NonNullable<WatchState["challenge"]> | null {
    const current = this.#current;
    if (!current) return null;
    const { kind, departure, acted, places, url } = current;
    return { kind: kind.kind, ...departure.from, acted, place: places.there, url };
  }

  recall(tracked: NonNullable<WatchState["challenge"]>): void {
    const kind = this.#kinds.find((each) => each.kind === tracked.kind);
    if (!kind) return;
    this.#current = {
      kind,
      widget: null,
      since: -Infinity,
      url: tracked.url,
      box: null,
      acted: tracked.acted,
      places: new ActPlaces(tracked.place),
      worked: false,
      departure: new Departure(tracked),
      submitted: null,
      foreign: [],
      isRefused: false,
      sign: null,
    };
  }

  /** Somebody pressed, typed or turned the wheel. */
  acted(): void {
    if (this.#current) this.#current.acted = true;
    this.#movingOn.acted();
  }

  /** Where that was; the page has not taken it yet. */
  actedAt(act: Act): void {
    this.#act = act;
    this.#movingOn.actedAt(act);
    const current = this.#current;
    if (!current || current.departure.hasMoved || act.page !== current.departure.from.page) return;
    const place = placeOf(act, current.kind, (widget) => this.#widgets.all.get(widget)?.kind === current.kind);
    current.places.add(place, this.#shown !== null);
  }

  /** The person was asked whether the page that went on is done. */
  toldMovedOn(): void {
    this.#movingOn.told();
  }

  /** Takes what a scan has found, and judges the challenge that was shown last. */
  scanned(facts: TrackerFacts): KindVerdict {
    const { scan, at, causeOf } = facts;
    this.#movingOn.follow(scan.main, causeOf);
    const signs = new SignsOfPage(scan, this.#widgets.all);
    this.#widgets.remember({
      scan,
      at,
      signs,
      judged: this.#current?.widget ?? null,
      act: this.#act,
      hasActed: this.#movingOn.actedIn === scan.main.loaderId,
    });
    const open = this.#open(scan, signs);
    // A weaker kind does not count beside a stronger one.
    const strongest = Math.min(...open.map(({ kind }) => RANK[kind.role]));
    const candidates = open.filter(({ kind }) => RANK[kind.role] === strongest);
    this.#follow(open, candidates, scan, signs);
    const verdict = this.#judge(facts, candidates, signs);
    this.#show(scan, candidates, verdict);
    return verdict;
  }

  /** What shows now and is neither a badge nor solved; of a solved box a weaker kind is no challenge either. */
  #open(scan: PageScan, signs: SignsOfPage): Sighting[] {
    const shown = scan.sightings.filter(({ state }) => state !== "badge");
    const isSolved = ({ widget, kind }: Sighting) => signs.owned(widget, kind).some(({ isAnswered }) => isAnswered);
    const solved = shown.filter(isSolved);
    return shown.filter(
      (each) =>
        !solved.includes(each) &&
        !solved.some(
          ({ kind, box }) =>
            RANK[kind.role] < RANK[each.kind.role] && (contains(each.box, box) || contains(box, each.box)),
        ),
    );
  }

  /** Decides which challenge is the one that was shown last. */
  #follow(open: readonly Sighting[], candidates: readonly Sighting[], scan: PageScan, signs: SignsOfPage): void {
    const current = this.#current;
    const isThere = (each: Sighting) =>
      current !== null &&
      (current.widget === null
        ? each.kind === current.kind && each.holder.loaderId === current.departure.from.document
        : each.widget === current.widget);
    const still = open.some(isThere);
    let best: Sighting | undefined;
    if (!current || still) {
      best = this.#pick(candidates);
    } else if (candidates.some(({ kind }) => kind === current.kind && !signs.isSolved(current.widget, kind))) {
      // Its popup is closed, and the widget that opened it is still to be solved.
      const opener = current.widget === null ? null : this.#widgets.all.get(current.widget)?.opener;
      best =
        candidates.find(({ widget }) => widget === opener) ??
        this.#pick(candidates.filter(({ kind }) => kind === current.kind));
    } else {
      best = this.#pick(candidates.filter((each) => this.#isNext(each, current)));
    }
    if (!best) return;
    const { kind, widget, holder } = best;
    const since = this.#widgets.all.get(widget)?.since ?? 0;
    const same = current && (isThere(best) || current.widget === widget) ? current : null;
    this.#current = {
      kind,
      widget,
      since,
      url: holder.url,
      box: best.box,
      acted: same?.acted ?? false,
      places: same?.places ?? new ActPlaces(),
      worked: best.state === "working",
      departure: Departure.of(scan.main, holder),
      submitted: null,
      foreign: scan.frames.find(({ frame }) => frame.id === holder.id)?.answer.answered ?? [],
      isRefused: false,
      sign: null,
    };
  }

  /** Whether this is the next challenge after one that is no longer there; what was there before it, unchanged, is not. */
  #isNext(each: Sighting, current: Current): boolean {
    const since = this.#widgets.all.get(each.widget)?.since ?? 0;
    const isElsewhere = each.holder.loaderId !== current.departure.from.document;
    // What only calls itself a captcha is mostly a wrapper: in the same document it is none after a known kind.
    if (each.kind.role === "generic" && current.kind.role !== "generic" && !isElsewhere) return false;
    // One that has passed by itself leaves those that a person must act on.
    if (current.worked && !current.acted && each.state !== "working") return true;
    if (since > current.since) return true;
    // It stood around the other one: a task inside of a box that is still to be solved.
    return current.box !== null && each.kind.role !== "generic" && isAround(each.box, current.box);
  }

  /** The strongest, then what came later, then the order of the table. */
  #pick(candidates: readonly Sighting[]): Sighting | undefined {
    const since = (each: Sighting) => this.#widgets.all.get(each.widget)?.since ?? 0;
    return candidates.reduce<Sighting | undefined>((best, each) => {
      if (!best) return each;
      const difference = RANK[each.kind.role] - RANK[best.kind.role];
      if (difference !== 0) return difference < 0 ? each : best;
      if (each.kind !== best.kind && Math.abs(since(each) - since(best)) >= LATER_MS) {
        return since(each) > since(best) ? each : best;
      }
      return best;
    }, undefined);
  }

  #judge(facts: TrackerFacts, candidates: readonly Sighting[], signs: SignsOfPage): KindVerdict {
    const current = this.#current;
    if (!current) {
      // A sign-in that goes through, say.
      return { value: "unknown", state: this.#movingOn.hasMovedOn ? "moved_on" : "none", held: null, kind: null };
    }
    const { kind } = current;
    const { scan } = facts;
    const isThere = candidates.some(({ widget }) => widget === current.widget);
    const answer = (value: Trilean, state: ChallengeState, held: KindVerdict["held"] = null): KindVerdict => ({
      value,
      state,
      held,
      kind,
    });
    this.#hop(current, facts);
    const sign = signs.solving(current.widget, kind);
    if (sign) {
      current.sign = sign;
      const how = current.acted ? undefined : "by_itself";
      const state = scan.sightings.some(({ widget }) => widget === current.widget) ? "solved_stays" : "solved_gone";
      return answer(true, state, held(kind, sign.done, sign.holder.url, how));
    }
    if (isThere) return answer(false, current.worked ? "working" : "shown");
    return this.#judgeGone(current, facts, answer);
  }

  #judgeGone(
    current: Current,
    { scan }: TrackerFacts,
    answer: (value: Trilean, state: ChallengeState, held?: KindVerdict["held"]) => KindVerdict,
  ): KindVerdict {
    const { kind } = current;
    const { hasMoved, isByPage, mayBeByPage } = current.departure;
    if (!isByPage || current.isRefused) return answer("unknown", mayBeByPage && current.acted ? "moved_on" : "left");
    if (hasMoved && current.submitted) {
      const { name, frame } = current.submitted;
      return answer(true, "submitted", {
        rule: JSON.stringify({ kind: kind.kind, submitted: name }),
        frame,
        how: "submitted",
      });
    }
    // What became of a token after the page has moved on only its submission tells.
    if (current.sign && !(hasMoved && "value" in current.sign.done)) {
      const how = current.acted ? undefined : "by_itself";
      return answer(true, "solved_gone", held(kind, current.sign.done, current.sign.holder.url, how));
    }
    const gone = kind.done.findIndex((rule) => "gone" in rule);
    const mayBeClosed = kind.closes && current.acted && !hasMoved;
    const passesAlone = current.worked || kind.role === "wall";
    // A page that times out takes its challenge away, or goes on by a script, too.
    const isNobodys = !current.acted && !passesAlone && (hasMoved || kind.role !== "generic");
    if (
      gone >= 0 &&
      !mayBeClosed &&
      !isNobodys &&
      current.places.mayHaveSolved(hasMoved) &&
      (hasMoved || !kind.closes || current.worked)
    ) {
      const how = passesAlone && !current.acted ? "by_itself" : undefined;
      return answer(true, "solved_gone", held(kind, kind.done[gone] ?? { gone: true }, null, how));
    }
    if (scan.sightings.some(({ kind: shown, state }) => shown === kind && state !== "badge")) {
      return answer("unknown", "none");
    }
    if (!current.acted) return answer("unknown", "left");
    return answer("unknown", hasMoved ? "moved_on" : "closed");
  }

  /** Takes note of documents that came in place of those that showed the challenge, and of what was submitted. */
  #hop(current: Current, { scan, causeOf, submissions }: TrackerFacts): void {
    const { page, frame, document } = current.departure.from;
    const submission = submissions.find(({ frameId, loaderId, name }) => {
      const isHolder = frameId === frame || frameId === scan.main.id;
      const isFromIt = loaderId === null || loaderId === document || loaderId === page;
      const isOwn = fieldsOf(current.kind).some((field) => field.name === name) && !current.foreign.includes(name);
      return isHolder && isFromIt && isOwn && (current.acted || current.worked);
    });
    if (submission) {
      current.submitted = { name: submission.name, frame: current.url };
      // Whatever else is not known of that document: a form has loaded it.
      if (submission.navigates !== null) current.departure.byForm(submission.navigates);
    }
    current.isRefused ||= scan.frames.some(
      ({ frame: each, answer }) =>
        each.id === scan.main.id && each.loaderId !== page && (answer.isBrowserError || answer.status >= 400),
    );
    current.departure.follow(
      scan.main,
      scan.frames.map((each) => each.frame),
      causeOf,
    );
  }

  /** The box that operators see: of what is to be acted on; within a wall that of the widget inside. */
  #show(scan: PageScan, candidates: readonly Sighting[], { state }: KindVerdict): void {
    const current = this.#current;
    const sighting =
      candidates.find(({ widget }) => widget === current?.widget) ??
      (state === "solved_stays" ? scan.sightings.find(({ widget }) => widget === current?.widget) : undefined);
    if (!current || !sighting) {
      this.#shown = null;
      this.#isWorking = state === "solved_gone" && current?.worked === true && !current.acted;
      return;
    }
    const inner = sighting.kind.role === "wall" ? innerOf(sighting, scan) : undefined;
    // Nobody is called while what came by itself becomes a verdict.
    const isRipening = state === "solved_stays" || state === "solved_gone";
    this.#isWorking = (sighting.state === "working" && !inner) || (isRipening && current.worked && !current.acted);
    const { selector, box, holder, frame } = inner ?? sighting;
    this.#shown = {
      info: { selector, ...roundOut(box), in_iframe: frame.parent !== null, kind: current.kind.kind },
      frame,
      holder,
      document: documentKey(frame),
    };
  }
}

/** The kind as contradictions have it: it still shows. */
export function kindRule(kind: ChallengeKind): string {
  return JSON.stringify({ kind: kind.kind });
}

export function hasPositiveSign(kind: ChallengeKind): boolean {
  return kind.done.some((rule) => !("gone" in rule));
}

/** The widget inside of a wall; it must be within the wall's box. */
function innerOf(wall: Sighting, scan: PageScan): Sighting | undefined {
  return scan.sightings.find(
    ({ kind, box, state }) => kind.role === "widget" && state !== "badge" && contains(wall.box, box),
  );
}

function held(
  kind: ChallengeKind,
  done: ChallengeKind["done"][number],
  frame: string | null,
  how: Evidence["how"],
): NonNullable<KindVerdict["held"]> {
  const rule = "value" in done ? { value: done.value } : done;
  return { rule: JSON.stringify({ kind: kind.kind, done: rule }), frame, ...(how === undefined ? {} : { how }) };
}

/** Whether it is clearly larger, and has the other one within it. */
function isAround(outer: Rect, inner: Rect): boolean {
  return contains(outer, inner) && outer.width * outer.height > 1.2 * inner.width * inner.height;
}

/** Whether most of the inner box is within the outer one. */
function contains(outer: Rect, inner: Rect): boolean {
  const x = inner.x + inner.width / 2;
  const y = inner.y + inner.height / 2;
  const isInside = x >= outer.x && x <= outer.x + outer.width && y >= outer.y && y <= outer.y + outer.height;
  return isInside && inner.width * inner.height <= outer.width * outer.height;
}
