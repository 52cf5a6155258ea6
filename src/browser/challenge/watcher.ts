/** Looks at the page on a beat, whether or not anyone touches it: where the challenge is, and whether it is done. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ChallengeKind } from "../../config.ts";
import type { Completion } from "../../protocol/rest.ts";
import type { Verdict } from "../../session/ports/page.ts";
import type { WatchMemory } from "../../session/ports/resume-state.ts";
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
/** The beat while a verdict ripens. */
const RIPENING_POLL_MS = 100;
/** While it does, a challenge that comes back for a moment between two looks is not missed either. */
const GUARD_MS = MAX_SCAN_GAP_MS + 500;
/** The beat of a page that nobody touches and that does not change. */
const REST_POLL_MS = 1_000;
/** How long the fast beat lasts after input, a navigation or a frame change. */
const ACTIVE_FOR_MS = 10_000;
/** A check waits this long for rules that are unknown (a page that loads) to become known. */
const UNKNOWN_PATIENCE_MS = 2_000;
/** A document that still loads after this is taken as it is. */
const LOADING_PATIENCE_MS = 10_000;
const COOKIE_DEADLINE_MS = 1_000;
const MAX_FRAMES_KEPT = 100;

type Cookie = Awaited<ReturnType<typeof cookiesOf>>[number];

const UNKNOWN: Judgement = { value: "unknown", held: [] };

interface ChallengeWatcherDeps {
  readonly tab: Tab;
  readonly frames: PageFrames;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  readonly onScan: (scan: PageScan) => void;
  readonly onSolved: (verdict: Verdict) => void;
  /** More was seen than before. */
  readonly onSeen: (memory: WatchMemory) => void;
}

export class ChallengeWatcher {
  readonly #deps: ChallengeWatcherDeps;
  readonly #plan: ScanPlan;
  readonly #pollMs: number;
  readonly #stableMs: number;
  readonly #window: StabilityWindow;
  readonly #seenSelectors = new Set<string>();
  /** Kinds that were visible once, and the frames in which anything that must go was visible. */
  readonly #seenKinds = new Set<string>();
  readonly #seenFrames = new Set<string>();
  readonly #loadingSince = new Map<string, number>();
  /** Of each its value's hash: it may have to be kept. */
  #cookiesAtStart: Map<string, string> | null = null;
  /** How much was seen when it was last told. */
  #publishedSeen = -1;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #scanning: Promise<Verdict> | null = null;
  #activeUntil = 0;
  /** The last look said true: the next ones leave a guard behind. */
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

  /** From now on the beat goes on and a verdict is told; cookies are compared with what they are now, or were at the start. */
  async begin(): Promise<void> {
    if (this.#needsCookies()) this.#cookiesAtStart ??= cookieMap(await this.#cookies());
    this.#begun = true;
    this.#publishSeen();
    this.prompt();
  }

  /** Goes on from what an earlier server has seen. */
  recall({ selectors, kinds, frames, cookies }: WatchMemory): void {
    for (const selector of selectors) this.#seenSelectors.add(selector);
    for (const kind of kinds) this.#seenKinds.add(kind);
    for (const frame of frames) this.#seenFrames.add(frame);
    if (cookies) this.#cookiesAtStart = new Map(cookies);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Something happened: look soon, and often for a while. */
  prompt(withinMs = this.#pollMs): void {
    this.#activeUntil = performance.now() + ACTIVE_FOR_MS;
    this.#schedule(withinMs);
  }

  /** Looks now, and goes on while the rules are unknown or not yet stable, within a bound. */
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

  /** One look; callers at the same time share it. Never throws: a page that cannot be asked is unknown. */
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
      if (this.#stopped) return { value: "unknown", stable: false, evidence: [] };
      publishMetric("look", performance.now() - startedAt);
      this.#remember(scan);
      // Judged in any case: what is visible counts as seen, also on a page of which nothing can be concluded.
      const judged = judge(this.#deps.completion, this.#ruleFacts(scan, cookies), this.#seenSelectors);
      const inMotion = wasNavigating || this.#deps.tab.isNavigating || this.#isLoading(scan);
      if (!inMotion && !this.#isErrorPage(scan)) judgement = judged;
      this.#publishSeen();
      this.#deps.onScan(scan);
    } catch {
      // A frame that cannot be asked leaves the rules unknown; the next beat asks again.
    }
    this.#guarding = judgement.value === true;
    // The window opens with a guarded look: what happened behind the first one nobody has seen.
    const counted = wasGuarded
      ? judgement
      : { ...judgement, value: judgement.value === true ? UNKNOWN.value : judgement.value };
    const { stable, leftMs, evidence } = this.#window.update(counted, performance.now(), Date.now());
    const verdict: Verdict = { value: judgement.value, stable, evidence };
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

  /** The earliest wish wins. */
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
      // Some pages make frames without end; the oldest are hardly the challenge's.
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

  /** The main document, or a frame that held the challenge, shows an error: nothing can be concluded from it. */
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

  /** [K1] The kinds' own "done": of the most telling kind that was ever seen. */
  #judgeKinds(scan: PageScan): { rule: string; fact: RuleFact } {
    const seen = this.#plan.kinds.filter(({ kind }) => this.#seenKinds.has(kind));
    const kind = seen.find((candidate) => candidate.kind !== GENERIC) ?? seen[0];
    if (!kind) return { rule: "", fact: { value: "unknown", frame: null } };
    for (const done of kind.done) {
      const rule = JSON.stringify({ kind: kind.kind, done });
      if ("gone" in done) {
        // Another kind in its place is the next challenge, not the end of this one.
        if (scan.kinds.size === 0) return { rule, fact: { value: true, frame: null } };
        continue;
      }
      const frame =
        "visible" in done ? visibleMatch(scan, this.#plan, done.visible) : filledMatch(scan, this.#plan, done.value);
      if (frame) return { rule, fact: { value: true, frame: frame.url } };
    }
    // Neither done nor there any more (the page went on, say): then nobody knows, and the operator's word counts.
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
