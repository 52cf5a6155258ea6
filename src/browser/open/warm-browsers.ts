/**
 * [S17] Browsers that wait for creations to come: each is used once, and another one takes its place when there is time for
 * that. Those that die are replaced, less and less often while that goes on.
 */
import type { Logger } from "pino";

/** How often the pool looks whether it has what it should have. */
const LOOK_EVERY_MS = 1_000;
/** A server that starts has better things to do: sessions of an earlier one resume. */
const FIRST_START_MS = 2_000;
/** The creation that has taken a browser comes first. Where others follow without a pause, it is not waited for longer. */
const OPENING_PATIENCE_MS = 2_000;
/** A browser has 80 MB and more for itself: below this much memory those that wait are ended, and above that one is started. */
const END_BELOW_BYTES = 400_000_000;
const START_ABOVE_BYTES = 600_000_000;
/** The pause after a browser that could not be started, or has died; twice as long each time, up to this. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** One that has waited so long has died for another reason than the last one. */
const STEADY_AFTER_MS = 60_000;

/** A browser that waits. */
export interface WarmBrowser {
  /** Settles when it is gone, for whatever reason. */
  readonly gone: Promise<unknown>;
  /** Whether it answers, and soon. Never rejects. */
  answers(): Promise<boolean>;
  /** Ends it; safe to call more than once. Never rejects. */
  stop(): Promise<void>;
}

export interface WarmBrowsersDeps<Browser extends WarmBrowser> {
  /** How many wait; 0: there is no pool. */
  readonly size: number;
  /** Starts one. Rejects where it cannot be started, or `signal` aborts; nothing of it is left then. */
  readonly start: (signal: AbortSignal) => Promise<Browser>;
  /** Bytes that are left for further browsers. */
  readonly memoryLeft: () => number;
  /** Whether somebody drags in any page: a start takes half a second of a core, and more. */
  readonly isDragging: () => boolean;
  /** Whether a page is being opened. */
  readonly isOpening: () => boolean;
  readonly log: Pick<Logger, "warn" | "info">;
  /** In place of performance.now(), ms. */
  readonly now?: () => number;
}

export class WarmBrowsers<Browser extends WarmBrowser> {
  readonly #deps: WarmBrowsersDeps<Browser>;
  readonly #now: () => number;
  /** Since when each waits, ms; the one that has waited longest first. */
  readonly #waiting = new Map<Browser, number>();
  readonly #ending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | null = null;
  /** Starts that failed and browsers that died, in a row. */
  #failures = 0;
  #notBefore: number;
  /** Since when one is missing, ms; null: none is. */
  #missingSince: number | null = null;
  #isMemoryShort = false;

  constructor(deps: WarmBrowsersDeps<Browser>) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
    this.#notBefore = this.#now() + FIRST_START_MS;
    if (deps.size > 0) this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** How many wait now. */
  get count(): number {
    return this.#waiting.size;
  }

  /** The browser that has waited longest; the caller ends it. Null: none waits. */
  async take(): Promise<Browser | null> {
    for (;;) {
      const [first] = this.#waiting.keys();
      if (first === undefined) return null;
      this.#waiting.delete(first);
      if (await first.answers()) {
        this.#failures = 0;
        this.#missingSince = this.#now();
        return first;
      }
      this.#failed(new Error("a warm browser does not answer"));
      this.#end(first);
    }
  }

  /** Starts or ends browsers, where that is due now. It is called by itself every second. */
  look(): void {
    const { size, isDragging, isOpening } = this.#deps;
    if (this.#closing.signal.aborted || size === 0) return;
    if (this.#lacksMemory()) {
      for (const browser of this.#waiting.keys()) this.#end(browser);
      this.#waiting.clear();
      return;
    }
    if (this.#waiting.size >= size) {
      this.#missingSince = null;
      return;
    }
    const now = this.#now();
    this.#missingSince ??= now;
    if (this.#starting || now < this.#notBefore || isDragging()) return;
    if (isOpening() && now - this.#missingSince < OPENING_PATIENCE_MS) return;
    this.#starting = this.#start().finally(() => {
      this.#starting = null;
    });
  }

  /** Ends all that wait, and the one that is being started. Resolves when they are gone. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    for (const browser of this.#waiting.keys()) this.#end(browser);
    this.#waiting.clear();
    await this.#starting;
    await Promise.all(this.#ending);
  }

  async #start(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const browser = await this.#deps.start(signal);
      if (signal.aborted) return await browser.stop();
      this.#waiting.set(browser, this.#now());
      void browser.gone.then(() => this.#gone(browser));
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }

  /** One that was taken, or ended here, waits no longer. */
  #gone(browser: Browser): void {
    const since = this.#waiting.get(browser);
    if (since === undefined) return;
    this.#waiting.delete(browser);
    if (this.#now() - since >= STEADY_AFTER_MS) this.#failures = 0;
    this.#failed(new Error("a warm browser has died"));
    this.#end(browser);
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#notBefore = this.#now() + Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
    // Those that follow have the same reason, most likely.
    if (this.#failures === 1) this.#deps.log.warn({ err: error }, "a warm browser is replaced");
  }

  #end(browser: Browser): void {
    const ended = browser.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #lacksMemory(): boolean {
    const left = this.#deps.memoryLeft();
    const isShort = left < (this.#isMemoryShort ? START_ABOVE_BYTES : END_BELOW_BYTES);
    if (isShort && !this.#isMemoryShort) this.#deps.log.info({ bytes: left }, "memory is short: no warm browsers");
    this.#isMemoryShort = isShort;
    return isShort;
  }
}
