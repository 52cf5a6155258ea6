/** Scans the page at intervals, with or without operators: where the challenge is, and whether it is done. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ChallengeKind } from "../../config.ts";
import type { Completion } from "../../protocol/rest.ts";
import type { Verdict } from "../../session/ports/page.ts";
import type { WatchState } from "../../session/ports/resume-state.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { cookiesOf, type Tab } from "../tabs/tab.ts";
import {
  type Judgement,
  judge,
  MAX_SCAN_GAP_MS,
  type RuleFact,
  type RuleFacts,
  StabilityWindow,
} from "./completion-rules.ts";
import { GENERIC } from "./kinds.ts";
import { filledMatch, type PageScan, planScan, type ScanPlan, scanPage, visibleMatch } from "./scan-page.ts";

const DEFAULT_STABLE_MS = 500;
const DEFAULT_POLL_MS = 200;
/** The interval while a verdict is true and not yet stable. */
const RIPENING_POLL_MS = 100;
/** How long a scan leaves a guard in the page meanwhile: it notices a challenge that is visible for a moment between scans. */
const GUARD_MS = MAX_SCAN_GAP_MS + 500;
/** The interval of a page that gets no input and does not change. */
const REST_POLL_MS = 1_000;
/** How long the short interval lasts after input, a navigation or a frame change. */
const ACTIVE_FOR_MS = 10_000;
/** The longest that a check waits for unknown rules (the page loads) to become known. */
const UNKNOWN_PATIENCE_MS = 2_000;
/** A document that still loads after this time is judged as it is. */
const LOADING_PATIENCE_MS = 10_000;
const COOKIE_DEADLINE_MS = 1_000;
const MAX_FRAMES_KEPT = 100;

type Cookie = Awaited<ReturnType<typeof cookiesOf>>[number];

const UNCONTRADICTED: Pick<Verdict, "contradictions" | "mayOverride"> = { contradictions: [], mayOverride: false };
const UNKNOWN: Judgement = { value: "unknown", held: [] };

interface ChallengeWatcherDeps {
  readonly tab: Tab;
  readonly frames: PageFrames;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  readonly onScan: (scan: PageScan) => void;
  readonly onSolved: (verdict: Verdict) => void;
  /** More selectors, kinds or frames were visible than before. */
  readonly onSeen: (state: WatchState) => void;
}

export class ChallengeWatcher {
  readonly #deps: ChallengeWatcherDeps;
  readonly #plan: ScanPlan;
  readonly #pollMs: number;
  readonly #stableMs: number;
  readonly #window: StabilityWindow;
  readonly #seenSelectors = new Set<string>();
  /** Kinds that were visible once. */
  readonly #seenKinds = new Set<string>();
  /** Frames in which a kind, or a match of a `gone` rule, was visible once. */
  readonly #seenFrames = new Set<string>();
  /** When each document that loads was first scanned. */
  readonly #loadingSince = new Map<string, number>();
  /** The hash of each cookie's value: it may be stored, and the value may be secret. */
  #cookiesAtStart: Map<string, string> | null = null;
  /** How much was seen when that was last published. */
  #publishedSeen = -1;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #scanning: Promise<Verdict> | null = null;
  #activeUntil = 0;
  /** The last scan said true: the next ones leave a guard in the page. */
  #guarding = false;
  #begun = false;
  #stopped = false;

  constructor(deps: ChallengeWatcherDeps) {
    this.#deps = deps;
    this.#plan = planScan(deps.kinds, deps.completion);
    this.#pollMs = deps.completion?.poll_ms ?? DEFAULT_POLL_MS;
    this.#stableMs = deps.completion?.stable_ms ?? DEFAULT_STABLE_MS;
    this.#window = new StabilityWindow(this.#stableMs);
  }

  /**
   * Scans at intervals from now on and publishes the verdict. Cookies are compared with what they are now, or with what
   * recall() has brought.
   */
  async begin(): Promise<void> {
    if (this.#needsCookies()) this.#cookiesAtStart ??= cookieMap(await this.#cookies());
    this.#begun = true;
    this.#publishSeen();
    this.prompt();
  }

  /** Continues from what an earlier server has seen. */
  recall({ selectors, kinds, frames, cookies }: WatchState): void {
    for (const selector of selectors) this.#seenSelectors.add(selector);
    for (const kind of kinds) this.#seenKinds.add(kind);
    for (const frame of frames) this.#seenFrames.add(frame);
    if (cookies) this.#cookiesAtStart = new Map(cookies);
  }

  /** Stops for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Something happened: scan within this time, and often for a while. */
  prompt(withinMs = this.#pollMs): void {
    this.#activeUntil = performance.now() + ACTIVE_FOR_MS;
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

  async #scanOnce(): Promise<Verdict> {
    let judgement = UNKNOWN;
    const startedAt = performance.now();
    const wasGuarded = this.#guarding;
    try {
      const wasNavigating = this.#deps.tab.isNavigating;
      const guardMs = this.#guarding ? GUARD_MS : 0;
      const [scan, cookies] = await Promise.all([
        scanPage(this.#deps.frames, this.#plan, guardMs),
        this.#changedCookies(),
      ]);
      if (this.#stopped) return { value: "unknown", stable: false, evidence: [], ...UNCONTRADICTED };
      publishMetric("look", performance.now() - startedAt);
      this.#remember(scan);
      // The rules are judged in any case: what is visible counts as seen, also on a page that allows no conclusion.
      const judged = judge(this.#deps.completion, this.#ruleFacts(scan, cookies), this.#seenSelectors);
      const inMotion = wasNavigating || this.#deps.tab.isNavigating || this.#isLoading(scan);
      if (!inMotion && !this.#isErrorPage(scan)) judgement = judged;
      this.#publishSeen();
      this.#deps.onScan(scan);
    } catch {
      // A frame that does not answer leaves the rules unknown until the next scan.
    }
    this.#guarding = judgement.value === true;
    // The window opens with a guarded scan: what happened right after an unguarded one is not known.
    const counted = wasGuarded
      ? judgement
      : { ...judgement, value: judgement.value === true ? UNKNOWN.value : judgement.value };
    const { stable, leftMs, evidence } = this.#window.update(counted, performance.now(), Date.now());
    const verdict: Verdict = { value: judgement.value, stable, evidence, ...UNCONTRADICTED };
    if (stable && this.#begun && !this.#stopped) {
      this.stop();
      this.#deps.onSolved(verdict);
    }
    this.#scheduleNext(judgement, wasGuarded ? leftMs : 0);
    return verdict;
  }

  #scheduleNext(judgement: Judgement, leftMs: number): void {
    const beat = performance.now() < this.#activeUntil ? this.#pollMs : REST_POLL_MS;
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    this.#schedule(judgement.value === true ? Math.min(RIPENING_POLL_MS, leftMs) : beat);
  }

  /** The earliest of the scheduled times wins. */
  #schedule(inMs: number): void {
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
    const count = this.#seenSelectors.size + this.#seenKinds.size + this.#seenFrames.size;
    if (!this.#begun || count === this.#publishedSeen) return;
    this.#publishedSeen = count;
    this.#deps.onSeen({
      selectors: [...this.#seenSelectors],
      kinds: [...this.#seenKinds],
      // Some pages make frames without end; the oldest ones hardly belong to the challenge.
      frames: [...this.#seenFrames].slice(-MAX_FRAMES_KEPT),
      cookies: this.#cookiesAtStart && [...this.#cookiesAtStart],
    });
  }

  get #isInMotion(): boolean {
    return this.#deps.tab.isNavigating || this.#loadingSince.size > 0;
  }

  #remember(scan: PageScan): void {
    for (const [kind, frame] of scan.kinds) {
      this.#seenKinds.add(kind);
      this.#seenFrames.add(frame.id);
    }
    for (const rule of [...(this.#deps.completion?.all ?? []), ...(this.#deps.completion?.any ?? [])]) {
      const frame = "gone" in rule ? visibleMatch(scan, this.#plan, rule.gone) : undefined;
      if (frame) this.#seenFrames.add(frame.id);
    }
  }

  #isLoading(scan: PageScan): boolean {
    const now = performance.now();
    const loading = scan.frames
      .filter(({ answer }) => !answer.ready)
      .map(({ frame }) => `${frame.id} ${frame.loaderId}`);
    for (const key of this.#loadingSince.keys()) if (!loading.includes(key)) this.#loadingSince.delete(key);
    for (const key of loading) if (!this.#loadingSince.has(key)) this.#loadingSince.set(key, now);
    return loading.some((key) => now - (this.#loadingSince.get(key) ?? now) < LOADING_PATIENCE_MS);
  }

  /** Whether the main document, or a frame that contained the challenge, shows an error: it allows no conclusion. */
  #isErrorPage(scan: PageScan): boolean {
    return scan.frames.some(
      ({ frame, answer }) => answer.errorPage && (frame.parent === null || this.#seenFrames.has(frame.id)),
    );
  }

  #ruleFacts(scan: PageScan, changedCookies: ReadonlySet<string>): RuleFacts {
    const url = (frame: { url: string } | undefined) => (frame ? { frame: frame.url } : undefined);
    return {
      url: scan.frames.find(({ frame }) => frame.parent === null)?.frame.url ?? "",
      visible: (selector) => url(visibleMatch(scan, this.#plan, selector)),
      filled: (selector) => url(filledMatch(scan, this.#plan, selector)),
      text: (selector, pattern) => {
        const index = this.#plan.texts.findIndex((text) => text.selector === selector && text.pattern === pattern);
        const held = scan.frames.find(({ texts }) => texts[index] === true);
        if (held) return { frame: held.frame.url };
        return scan.frames.some(({ texts }) => texts[index] === "unknown") ? "unknown" : undefined;
      },
      cookieChanged: (name) => changedCookies.has(name),
      kinds: () => this.#judgeKinds(scan),
    };
  }

  /** [K1] The kinds' own "done": the rules of the most specific kind that was ever seen. */
  #judgeKinds(scan: PageScan): { rule: string; fact: RuleFact } {
    const seen = this.#plan.kinds.filter(({ kind }) => this.#seenKinds.has(kind));
    const kind = seen.find((candidate) => candidate.kind !== GENERIC) ?? seen[0];
    if (!kind) return { rule: "", fact: { value: "unknown", frame: null } };
    for (const done of kind.done) {
      const rule = JSON.stringify({ kind: kind.kind, done });
      if ("gone" in done) {
        // Another kind in its place is the next challenge: this one is not done.
        if (scan.kinds.size === 0) return { rule, fact: { value: true, frame: null } };
        continue;
      }
      const frame =
        "visible" in done ? visibleMatch(scan, this.#plan, done.visible) : filledMatch(scan, this.#plan, done.value);
      if (frame) return { rule, fact: { value: true, frame: frame.url } };
    }
    // Neither done nor visible any more (the page navigated, say): the verdict is unknown, and the operator's word counts.
    return { rule: "", fact: { value: scan.kinds.has(kind.kind) ? false : "unknown", frame: null } };
  }

  #needsCookies(): boolean {
    return [...(this.#deps.completion?.all ?? []), ...(this.#deps.completion?.any ?? [])].some(
      (rule) => "cookie" in rule,
    );
  }

  async #changedCookies(): Promise<ReadonlySet<string>> {
    const start = this.#cookiesAtStart;
    if (!start) return new Set();
    const now = await this.#cookies();
    return new Set(now.filter((cookie) => start.get(cookieKey(cookie)) !== valueHash(cookie)).map(({ name }) => name));
  }

  #cookies(): ReturnType<typeof cookiesOf> {
    return withDeadline(cookiesOf(this.#deps.tab), COOKIE_DEADLINE_MS, "cookies");
  }
}

function cookieKey({ name, domain, path }: Cookie): string {
  return [name, domain, path].join("\t");
}

function valueHash({ value }: Cookie): string {
  return createHash("sha256").update(value).digest("base64url");
}

function cookieMap(cookies: readonly Cookie[]): Map<string, string> {
  return new Map(cookies.map((cookie) => [cookieKey(cookie), valueHash(cookie)]));
}
