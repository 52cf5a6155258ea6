/**
 * Scans the page at intervals while somebody acts, and when the page says that it has changed else, with or without
 * operators: where the challenge is, and whether it is done.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ChallengeKind } from "../../config.ts";
import type { Completion, Rule } from "../../protocol/rest.ts";
import type { Verdict } from "../../session/ports/page.ts";
import type { WatchState } from "../../session/ports/resume-state.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import { redactUrl } from "../../util/redact-url.ts";
import { type FrameRef, PageFrames } from "../tabs/frames.ts";
import type { Tab } from "../tabs/tab.ts";
import { ActLookup, type ActTarget } from "./act-lookup.ts";
import {
  ChallengeTracker,
  hasPositiveSign,
  type KindVerdict,
  kindRule,
  type ShownChallenge,
} from "./challenge-tracker.ts";
import {
  type Judgement,
  judge,
  MAX_SCAN_GAP_MS,
  type RuleFacts,
  StabilityWindow,
  type WindowFacts,
} from "./completion-rules.ts";
import { CookieChanges } from "./cookie-changes.ts";
import { Departure } from "./departure.ts";
import { HeardPace } from "./heard-pace.ts";
import { fieldsOf } from "./kinds.ts";
import { PageListener } from "./page-listener.ts";
import { PageQuiet } from "./page-quiet.ts";
import { filledMatch, type Guard, type PageScan, PageScanner, planScan, visibleMatch } from "./scan-page.ts";

const DEFAULT_STABLE_MS = 500;
const DEFAULT_POLL_MS = 100;
/** The interval while a verdict is true and not yet stable. */
const RIPENING_POLL_MS = 100;
/** How long a scan leaves a guard in the page meanwhile: it notices a challenge that is visible for a moment between scans. */
const GUARD_MS = MAX_SCAN_GAP_MS + 500;
/** How often a guard looks while a verdict ripens, and after somebody has acted: less often in a page of many frames. */
const TICK_MS = 25;
const ACTED_TICK_MS_A_FRAME = 2.5;
const MAX_ACTED_TICK_MS = 75;
/** For how long after an act a success that shows for a moment only is looked for. */
const ACTED_FOR_MS = 10_000;
/** The interval of a page that gets no input. */
const REST_POLL_MS = 1_000;
/** Where the page itself says that it has changed, one look so often is left, for what nothing tells. */
const NET_POLL_MS = 5_000;
/** Of what makes no sound (values that a script sets, cookies) that alone is asked, so long after a change, then at twice the pause each time. */
const FIRST_ASK_MS = 100;
/** The longest of these pauses while somebody is there, or the challenge works by itself; else the looks are enough. */
const ATTENDED_ASK_MS = 1_000;
const ACTIVE_FOR_MS = 10_000;
/** The longest that a check waits for unknown rules (the page loads) to become known. */
const UNKNOWN_PATIENCE_MS = 2_000;
const MAX_FRAMES_KEPT = 100;
/** How long the page that opened a login window has to show that it went through. */
const OPENER_PATIENCE_MS = 2_000;
const UNGUARDED: Guard = { ms: 0, tickMs: 0, isRipening: false, listens: false };
/** What a guard has seen longer before a scan may have another reason than what the scan says. */
const MAX_SEEN_BEFORE_MS = 200;
/** A page that loads or navigates is looked at again so soon, so many times in a row. */
const LOADING_POLL_MS = 25;
const MAX_LOADING_LOOKS = 10;
/** After somebody has acted, a change of the page's frames is looked at so soon, and so long after the last look. */
const CHANGED_POLL_MS = 25;
const CHANGED_PAUSE_MS = 50;

const UNKNOWN: Judgement = { value: "unknown", held: [], against: [] };

interface ChallengeWatcherDeps {
  readonly tab: Tab;
  readonly frames: PageFrames;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  /** [W47] A window that the session's page has opened: the rules are looked at here, and nothing is concluded. */
  readonly isOpened?: boolean;
  /** [W47] The other windows of the session; asked only where a rule is `of` any. */
  readonly otherWindows?: () => Promise<readonly (WindowFacts | null)[]>;
  /** The address that the session was opened with; null: where the page is at the first scan. */
  readonly openedUrl: string | null;
  /** How long the short interval lasts after input, a navigation or a frame change, ms. */
  readonly activeForMs?: number;
  readonly onScan: (scan: PageScan) => void;
  readonly onSolved: (verdict: Verdict) => void;
  /** The page has moved on after somebody acted, and nothing says how it went. Once each time. */
  readonly onMovedOn: () => void;
  /** The page's own process has answered, or has said something by itself. */
  readonly onAlive: () => void;
  /** More was seen than before, or elsewhere. */
  readonly onSeen: (state: WatchState) => void;
}

export class ChallengeWatcher {
  readonly #deps: ChallengeWatcherDeps;
  readonly #scanner: PageScanner;
  readonly #tracker: ChallengeTracker;
  readonly #quiet: PageQuiet;
  readonly #cookies: CookieChanges;
  readonly #acts: ActLookup;
  readonly #listener: PageListener;
  readonly #pace = new HeardPace();
  readonly #rules: readonly Rule[];
  readonly #asksOthers: boolean;
  readonly #pollMs: number;
  readonly #stableMs: number;
  readonly #window: StabilityWindow;
  /** The selectors of `gone` rules that were visible once, each with how the page went on since. */
  readonly #seenSelectors = new Map<string, Departure | null>();
  /** What was published of what was seen. */
  #publishedSeen = "";
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #scanning: Promise<Verdict> | null = null;
  #lastScan: PageScan | null = null;
  #activeUntil = 0;
  /** The last scan has left a guard in the page. */
  #guarding = false;
  /** The last scan; null: it did not succeed, or the page allowed no conclusion. */
  #judgedScan: PageScan | null = null;
  #frameCount = 0;
  /** When the last scan was over, monotonic ms. */
  #lookedAt = -Infinity;
  /** The looks in a row that found a page which allows no conclusion. */
  #loadingLooks = 0;
  /** The last scan said true. */
  #isRipening = false;
  #actedAt = -Infinity;
  /** Since when the page has moved on without a word, monotonic ms; Infinity: the operators know. */
  #movedOnAt: number | null = null;
  #begun = false;
  #stopped = false;
  #isAttended = false;
  /** All documents of the last scan were armed to say when they change. */
  #isListening = false;
  /** The last scan has succeeded, and nothing loads. */
  #isConclusive = false;
  /** The documents of the last scan that are asked for what makes no sound. */
  #asked: readonly FrameRef[] = [];
  #askTimer: NodeJS.Timeout | undefined;
  #askPauseMs = FIRST_ASK_MS;
  /** What the last scan says of this window; null: nothing, as it failed, or the page loads. */
  #facts: WindowFacts | null = null;

  constructor(deps: ChallengeWatcherDeps) {
    this.#deps = deps;
    this.#scanner = new PageScanner(deps.frames, planScan(deps.kinds, deps.completion));
    this.#tracker = new ChallengeTracker(deps.kinds);
    this.#quiet = new PageQuiet(deps.tab, deps.frames, deps.kinds);
    this.#acts = new ActLookup(deps.frames);
    this.#listener = new PageListener({ ...deps, onHeard: (document, isMain) => this.#heard(document, isMain) });
    this.#rules = [...(deps.completion?.all ?? []), ...(deps.completion?.any ?? [])];
    this.#asksOthers = this.#rules.some((rule) => "of" in rule && rule.of === "any");
    this.#cookies = new CookieChanges(deps.tab, this.#rules);
    this.#pollMs = deps.completion?.poll_ms ?? DEFAULT_POLL_MS;
    this.#stableMs = deps.completion?.stable_ms ?? DEFAULT_STABLE_MS;
    this.#window = new StabilityWindow(this.#stableMs);
    if (this.#rules.length === 0) deps.tab.watchFields(deps.kinds.flatMap(fieldsOf));
  }

  /** The challenge of the last scan. */
  get challenge(): ShownChallenge | null {
    return this.#tracker.shown;
  }

  /** What shows works by itself: nobody need act yet. */
  get isWorking(): boolean {
    return this.#tracker.isWorking;
  }

  /**
   * Scans at intervals from now on and publishes the verdict. Cookies are compared with what they are now, or with what
   * recall() has brought.
   */
  async begin(): Promise<void> {
    await this.#cookies.begin();
    this.#begun = true;
    this.#publishSeen();
    this.prompt();
  }

  /** Continues from what an earlier server has seen. */
  recall({ selectors, challenge, frames, cookies, host }: WatchState): void {
    const departure = challenge ? () => new Departure(challenge) : () => null;
    for (const selector of selectors) this.#seenSelectors.set(selector, departure());
    if (challenge) this.#tracker.recall(challenge);
    this.#quiet.recall(frames);
    this.#cookies.recall(cookies, host ?? null);
  }

  /** Stops for good. Resolves once nothing listens in the page any more; never rejects. */
  stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#askTimer);
    return this.#listener.stop();
  }

  /** Whether somebody is connected: what makes no sound is asked for more often. */
  attend(isAttended: boolean): void {
    if (this.#isAttended === isAttended) return;
    this.#isAttended = isAttended;
    this.#scheduleAsk();
  }

  /** A pointer moves over the page, which may be pressed next: it is looked at each second at least. */
  hovered(): void {
    if (performance.now() >= this.#activeUntil) this.#schedule(this.#lookedAt + REST_POLL_MS - performance.now());
  }

  /** Somebody pressed, typed or turned the wheel. */
  acted(): void {
    this.#actedAt = performance.now();
    this.#tracker.acted();
  }

  /** Looks up where somebody is about to act, where the kinds' own rules are judged. Await it before the page gets the input: after that it may have changed. */
  async actedAt(target: ActTarget): Promise<void> {
    if (!this.#lastScan || this.#stopped || this.#rules.length > 0) return;
    const act = await this.#acts.lookUp(this.#lastScan, target);
    if (act) this.#tracker.actedAt(act);
  }

  /** The page's frames or documents have changed. */
  changed(): void {
    const hasActed = performance.now() - this.#actedAt < ACTED_FOR_MS;
    const pauseMs = this.#lookedAt + CHANGED_PAUSE_MS - performance.now();
    this.prompt(hasActed ? Math.min(Math.max(CHANGED_POLL_MS, pauseMs), this.#pollMs) : this.#pollMs);
  }

  /** Something happened: scan within this time, and often for a while. */
  prompt(withinMs = this.#pollMs): void {
    this.#activeUntil = performance.now() + (this.#deps.activeForMs ?? ACTIVE_FOR_MS);
    this.#schedule(withinMs);
  }

  /** Scans now, and again while the rules are unknown or not yet stable, for at most about `stable_ms` + 2 s. */
  async check(): Promise<Verdict> {
    const unknownEnd = performance.now() + UNKNOWN_PATIENCE_MS;
    const ripeEnd = unknownEnd + this.#stableMs;
    for (;;) {
      const verdict = await this.scan();
      const now = performance.now();
      const isRipening = verdict.value === true && !verdict.stable && now < ripeEnd;
      const mayBecomeKnown = verdict.value === "unknown" && this.#isInMotion && now < unknownEnd;
      if (!(isRipening || mayBecomeKnown) || this.#stopped) return verdict;
      await delay(RIPENING_POLL_MS);
    }
  }

  /** Scans once; callers at the same time share the scan. Never throws: a page that does not answer is unknown. */
  scan(): Promise<Verdict> {
    this.#scanning ??= this.#scanOnce().finally(() => {
      this.#scanning = null;
    });
    return this.#scanning;
  }

  /** [W47] What this window says of the rules now; null: nothing. Never rejects. */
  async facts(): Promise<WindowFacts | null> {
    await this.scan();
    return this.#facts;
  }

  /** [W47] What is left of this window once it is closed: what it has shown proves nothing by being gone. */
  get factsWhenClosed(): WindowFacts {
    return { facts: { ...this.#factsWithoutPage(), text: () => undefined }, seen: new Set(this.#seenSelectors.keys()) };
  }

  /**
   * The verdict on a page that has closed itself, by the rules that do not need it: those about cookies, and what shows on
   * the page that opened it, for at most about 2 s. Rejects where the browser does not answer either.
   */
  async verdictAtClose(): Promise<Verdict> {
    let judged = UNKNOWN;
    if (!this.#begun || this.#stopped || this.#rules.length === 0) return this.#verdict(judged, null);
    void this.stop();
    const opener = await this.#deps.tab.opener().catch(() => null);
    const scanner = opener && new PageScanner(new PageFrames(opener), this.#scanner.plan);
    const end = performance.now() + OPENER_PATIENCE_MS;
    try {
      do {
        await this.#cookies.look();
        const scan = scanner && !opener.isNavigating ? await scanner.scan(UNGUARDED).catch(() => null) : null;
        const facts = scan ? this.#factsOf(scan) : this.#factsWithoutPage();
        judged = judge(this.#deps.completion, { ...facts, others: [] }, new Set());
        if (judged.value === true || !scanner) break;
        await delay(RIPENING_POLL_MS);
      } while (performance.now() < end);
    } finally {
      await opener?.close();
    }
    const { evidence } = new StabilityWindow(0).update(judged, performance.now(), Date.now());
    return { ...this.#verdict(judged, null), stable: judged.value === true, evidence };
  }

  async #scanOnce(): Promise<Verdict> {
    let judgement = UNKNOWN;
    let kindVerdict: KindVerdict | null = null;
    const before = this.#judgedScan;
    this.#judgedScan = null;
    let scannedAt = performance.now();
    let changedAt: number | null = null;
    const startedAt = performance.now();
    const wasGuarded = this.#guarding;
    this.#facts = null;
    clearTimeout(this.#askTimer);
    // While somebody acts the beat sees it all, and a drag is not slowed down by what is recorded.
    const isResting = this.#begun && startedAt >= this.#activeUntil && !this.#isRipening;
    const listens = isResting && this.#listener.canListen(this.#frameCount);
    this.#isListening = false;
    this.#pace.looking();
    let found: string | null = null;
    let deaf: readonly FrameRef[] = [];
    this.#isConclusive = false;
    try {
      const wasNavigating = this.#deps.tab.isNavigating;
      const hasActed = startedAt - this.#actedAt < ACTED_FOR_MS;
      const actedTickMs = Math.min(MAX_ACTED_TICK_MS, ACTED_TICK_MS_A_FRAME * this.#frameCount);
      const tickMs = this.#isRipening ? TICK_MS : Math.max(TICK_MS, actedTickMs);
      this.#guarding = this.#isRipening || hasActed;
      const guard = { ms: this.#guarding ? GUARD_MS : 0, tickMs, isRipening: this.#isRipening, listens };
      const [scan, others] = await Promise.all([
        this.#scanner.scan(guard),
        this.#asksOthers ? this.#deps.otherWindows?.() : undefined,
        this.#cookies.look(),
      ]);
      if (this.#stopped) return this.#verdict(UNKNOWN, null);
      this.#lastScan = scan;
      this.#deps.onAlive();
      publishMetric("look", performance.now() - startedAt);
      const at = performance.now();
      const { tab, openedUrl } = this.#deps;
      this.#cookies.openedAt(openedUrl ?? scan.main.url);
      // The rules are judged in any case: what is visible counts as seen, also on a page that allows no conclusion.
      const judgedKind = this.#tracker.scanned({
        scan,
        at,
        causeOf: (loaderId) => tab.causeOf(loaderId),
        submissions: tab.takeSubmissions(),
      });
      kindVerdict = judgedKind;
      this.#remember(scan, at);
      const judged = judge(
        this.#deps.completion,
        { ...this.#ruleFacts(scan, judgedKind), others: others ?? [] },
        new Set(this.#seenSelectors.keys()),
      );
      const isNavigating = wasNavigating || tab.isNavigating || tab.pendingUrl(scan.main.id) !== null;
      if (await this.#quiet.allows(scan, judged, isNavigating)) {
        this.#isConclusive = true;
        this.#facts = { facts: this.#factsOf(scan), seen: new Set(this.#seenSelectors.keys()) };
        if (!this.#deps.isOpened) judgement = judged;
      }
      if (wasGuarded && before) changedAt = this.#changedAt(before, scan);
      scannedAt = scan.at;
      this.#judgedScan = judgement === UNKNOWN ? null : scan;
      this.#frameCount = scan.frames.length;
      this.#asked = this.#silentFrames(scan);
      found = foundBy(scan, judged);
      if (listens) deaf = scan.frames.filter(({ answer }) => !answer.listens).map(({ frame }) => frame);
      this.#isListening = listens && deaf.length === 0 && scan.silent.length === 0;
      this.#publishSeen();
      this.#deps.onScan(scan);
    } catch {
      // A frame that does not answer leaves the rules unknown until the next scan.
    }
    this.#isRipening = judgement.value === true;
    this.#lookedAt = performance.now();
    // What happens right after a scan that leaves no guard is not known.
    const isCounted = this.#window.isOpen ? wasGuarded : this.#guarding;
    const counted = isCounted || judgement.value !== true ? judgement : UNKNOWN;
    const at = this.#window.isOpen ? startedAt : scannedAt;
    const now = performance.now();
    const { stable, leftMs, evidence } = this.#window.update(
      counted,
      at,
      Date.now() - (now - at),
      changedAt ?? scannedAt,
    );
    const verdict: Verdict = { ...this.#verdict(judgement, kindVerdict), stable, evidence };
    if (stable && this.#begun && !this.#stopped) {
      void this.stop();
      this.#deps.onSolved(verdict);
    }
    this.#noticeMovingOn(kindVerdict, judgement);
    if (found !== null && this.#pace.looked(found, this.#lookedAt)) this.#askPauseMs = FIRST_ASK_MS;
    this.#scheduleNext(judgement, this.#window.isOpen ? leftMs + at - now : 0);
    if (deaf.length > 0) void this.#listenTo(deaf);
    return verdict;
  }

  /** Makes these documents listen; what they do meanwhile is seen by the look that arms them. */
  async #listenTo(deaf: readonly FrameRef[]): Promise<void> {
    const all = this.#lastScan?.frames.map(({ frame }) => frame) ?? [];
    if ((await this.#listener.begin(deaf, all)) && !this.#stopped) this.#schedule(CHANGED_POLL_MS);
  }

  /** A document has said that it has changed. */
  #heard(document: string, isMain: boolean): void {
    if (this.#stopped) return;
    if (isMain) this.#deps.onAlive();
    this.#pace.heard(document, performance.now());
    // Else the beat looks anyway.
    if (performance.now() >= this.#activeUntil && !this.#isRipening) {
      this.#schedule(this.#pace.dueAt - performance.now());
    }
  }

  /** The documents that have what makes no sound: fields, and the page's address where a rule is about it. */
  #silentFrames(scan: PageScan): FrameRef[] {
    const isByUrl = this.#rules.some((rule) => "url" in rule);
    return scan.frames
      .filter(({ frame, answer }) => answer.hasFields || (isByUrl && frame.parent === null))
      .map(({ frame }) => frame);
  }

  #scheduleAsk(): void {
    clearTimeout(this.#askTimer);
    const isAsked = this.#asked.length > 0 || this.#cookies.isNeeded;
    if (!this.#isListening || !isAsked || !this.#begun || this.#stopped) return;
    const mostMs = this.#isAttended || this.isWorking ? ATTENDED_ASK_MS : NET_POLL_MS;
    this.#askTimer = setTimeout(() => void this.#ask(), Math.min(this.#askPauseMs, mostMs));
  }

  /** Asks only for what makes no sound, and looks at the page where that has changed. */
  async #ask(): Promise<void> {
    this.#askPauseMs = Math.min(2 * this.#askPauseMs, NET_POLL_MS);
    try {
      const changed = await Promise.all([this.#scanner.haveChanged(this.#asked), this.#cookies.look()]);
      if (this.#stopped) return;
      if (this.#asked.some(({ parent }) => parent === null)) this.#deps.onAlive();
      if (changed.includes(true)) this.#schedule(0);
      else if (!this.#scanning) this.#scheduleAsk();
    } catch {
      // A document is gone or does not answer: a look sees which.
      this.#schedule(REST_POLL_MS);
    }
  }

  #verdict({ value, against }: Judgement, kindVerdict: KindVerdict | null): Verdict {
    const isByKind = this.#rules.length === 0;
    const kind = kindVerdict?.kind ?? null;
    const mayOverride =
      this.#deps.completion?.operator_may_override === true || (isByKind && kind !== null && !hasPositiveSign(kind));
    return { value, stable: false, evidence: [], contradictions: against, mayOverride };
  }

  /**
   * When what has made this scan say something else than the last one was seen by a guard, monotonic ms; null: that is
   * not known, as guards see neither cookies and addresses nor where frames are.
   */
  #changedAt(before: PageScan, scan: PageScan): number | null {
    const isSeen = this.#rules.every((rule) => "gone" in rule || "visible" in rule || "value" in rule);
    if (!isSeen || scan.since <= before.at || frameIds(before) !== frameIds(scan)) return null;
    return Math.max(scan.since, scan.at - MAX_SEEN_BEFORE_MS);
  }

  /** Reports, once it has lasted, that the page has moved on and nothing says how it went. */
  #noticeMovingOn(kindVerdict: KindVerdict | null, judgement: Judgement): void {
    const hasMovedOn =
      this.#rules.length === 0 &&
      judgement.value === "unknown" &&
      judgement !== UNKNOWN &&
      (kindVerdict?.state === "closed" || kindVerdict?.state === "moved_on");
    if (!hasMovedOn) {
      // A page that loads has not shown yet what it has moved on to.
      if (judgement !== UNKNOWN) this.#movedOnAt = null;
      return;
    }
    const now = performance.now();
    this.#movedOnAt ??= now;
    if (now - this.#movedOnAt < this.#stableMs || !this.#begun || this.#stopped) return;
    this.#movedOnAt = Infinity;
    this.#tracker.toldMovedOn();
    this.#deps.onMovedOn();
  }

  #scheduleNext(judgement: Judgement, leftMs: number): void {
    const isActive = performance.now() < this.#activeUntil;
    const beat = isActive ? this.#pollMs : this.#restMs;
    this.#loadingLooks = judgement === UNKNOWN && isActive ? this.#loadingLooks + 1 : 0;
    const isLoading = this.#loadingLooks > 0 && this.#loadingLooks <= MAX_LOADING_LOOKS;
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    // A look shortly before the last one would only hold that up.
    const isLastLook = leftMs < 1.5 * RIPENING_POLL_MS;
    if (judgement.value === true) this.#schedule(isLastLook ? leftMs : RIPENING_POLL_MS);
    else this.#schedule(isLoading ? Math.min(LOADING_POLL_MS, beat) : beat);
    if (!isActive) this.#schedule(this.#pace.dueAt - performance.now());
    this.#scheduleAsk();
  }

  /** The interval while nobody acts. */
  get #restMs(): number {
    // Other windows, and what only time decides, tell nothing.
    const isByTime = !this.#isConclusive || (this.#movedOnAt !== null && this.#movedOnAt !== Infinity);
    return this.#isListening && !isByTime && !this.#asksOthers ? NET_POLL_MS : REST_POLL_MS;
  }

  /** The earliest of the scheduled times wins. */
  #schedule(withinMs: number): void {
    // A timer cuts off fractions, and may come a part of a millisecond early.
    const inMs = Math.max(0, Math.ceil(withinMs) + 1);
    const at = performance.now() + inMs;
    if (!this.#begun || this.#stopped || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      void this.scan();
    }, inMs);
  }

  #publishSeen(): void {
    if (!this.#begun) return;
    const state: WatchState = {
      selectors: [...this.#seenSelectors.keys()],
      challenge: this.#tracker.tracked,
      // Some pages make frames without end; the oldest ones hardly belong to the challenge.
      frames: this.#quiet.heldFrames.slice(-MAX_FRAMES_KEPT),
      ...this.#cookies.state,
    };
    const published = JSON.stringify(state);
    if (published === this.#publishedSeen) return;
    this.#publishedSeen = published;
    this.#deps.onSeen(state);
  }

  get #isInMotion(): boolean {
    return this.#deps.tab.isNavigating || this.#quiet.isLoading;
  }

  #remember(scan: PageScan, at: number): void {
    const holders = this.#rules.length === 0 && this.challenge ? [this.challenge.frame, this.challenge.holder] : [];
    for (const rule of this.#rules) {
      if (!("gone" in rule)) continue;
      const frame = visibleMatch(scan, this.#scanner.plan, rule.gone);
      if (frame) {
        this.#seenSelectors.set(rule.gone, Departure.of(scan.main, frame));
        holders.push(frame);
        continue;
      }
      const frames = scan.frames.map((each) => each.frame);
      this.#seenSelectors.get(rule.gone)?.follow(scan.main, frames, (loaderId) => this.#deps.tab.causeOf(loaderId));
    }
    this.#quiet.shown(scan, holders, this.challenge ? [this.challenge.frame, this.challenge.holder] : [], at);
  }

  #factsOf(scan: PageScan): Omit<RuleFacts, "others"> {
    const url = (frame: { url: string } | undefined) => (frame ? { frame: frame.url } : undefined);
    const { plan } = this.#scanner;
    return {
      ...this.#factsWithoutPage(),
      url: scan.main.url,
      isLeft: (selector) => this.#seenSelectors.get(selector)?.isByPage === false,
      visible: (selector) => url(visibleMatch(scan, plan, selector)),
      filled: (selector) => url(filledMatch(scan, plan, selector)),
      text: (selector, pattern) => {
        const index = plan.texts.findIndex((text) => text.selector === selector && text.pattern === pattern);
        const held = scan.frames.find(({ texts }) => texts[index] === true);
        if (held) return { frame: held.frame.url };
        return scan.frames.some(({ texts }) => texts[index] === "unknown") ? "unknown" : undefined;
      },
    };
  }

  #ruleFacts(scan: PageScan, kinds: KindVerdict): Omit<RuleFacts, "others"> {
    return {
      ...this.#factsOf(scan),
      kinds: () => {
        const { value, held, kind, state } = kinds;
        if (held) {
          const isByAbsence = state === "solved_gone" || state === "submitted";
          const fact = { value, frame: held.frame, isByAbsence, ...(held.how && { how: held.how }) };
          return { rule: held.rule, fact };
        }
        const frame = value === false && this.challenge ? redactUrl(this.challenge.frame.url) : null;
        return { rule: kind ? kindRule(kind) : "", fact: { value, frame } };
      },
    };
  }

  /** What is known without the page: all but cookies is not. */
  #factsWithoutPage(): Omit<RuleFacts, "others"> {
    return {
      url: "",
      visible: () => undefined,
      filled: () => undefined,
      text: () => "unknown",
      changedCookie: (name, domain) => this.#cookies.changed(name, domain),
      isLeft: () => true,
      kinds: () => ({ rule: "", fact: { value: "unknown", frame: null } }),
    };
  }
}

/** What a look has found, without where it is: what moves is no news. */
function foundBy(scan: PageScan, { value, held }: Judgement): string {
  return JSON.stringify([
    value,
    held.map(({ rule }) => rule),
    scan.sightings.map(({ widget, state }) => [widget, state]),
    scan.signs.map(({ id, isAnswered }) => [id, isAnswered]),
    scan.frames.map(({ answer, texts }) => [answer.boxes.map((boxes) => boxes.length > 0), answer.filled, texts]),
  ]);
}

/** The documents of the page, and which of them are out of sight. */
function frameIds({ frames }: PageScan): string {
  return frames.map(({ frame, rect }) => `${frame.id} ${frame.loaderId} ${rect?.visible !== false}`).join();
}
