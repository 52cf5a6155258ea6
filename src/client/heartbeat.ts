/** Pings a quiet connection, and reports when it no longer answers. */

/** The time as this code takes it; tests hand in their own. */
export interface Clock {
  /** Ms since 1970. */
  now(): number;
  /** Calls `run` after `ms`; returns a function that cancels it. */
  later(run: () => void, ms: number): () => void;
}

/** Between two looks at the clock. */
const BEAT_MS = 1_000;
/** A phone that wakes up often has a socket that is dead without knowing it: the answer then has to come sooner. */
const PROBE_PATIENCE_MS = 4_000;

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  later(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Between two pings. */
  readonly everyMs: number;
  /** A connection without any message for so long is broken; more than `everyMs`. */
  readonly silentForMs: number;
  readonly ping: () => void;
  readonly onSilence: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #cancel = (): void => {};
  #lastPingAt = 0;
  /** When the oldest ping without an answer was sent. */
  #unansweredSince: number | null = null;
  #patience = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    this.heard();
    this.#lastPingAt = this.#options.clock.now();
    this.#next();
  }

  stop(): void {
    this.#cancel();
  }

  /** A message came: any message is a sign of life. */
  heard(): void {
    this.#unansweredSince = null;
    this.#patience = Math.max(0, this.#options.silentForMs - this.#options.everyMs);
  }

  /** Pings at once, and waits for the answer for less time than usual. */
  probe(): void {
    this.#patience = PROBE_PATIENCE_MS;
    this.#ping();
  }

  #next(): void {
    this.#cancel = this.#options.clock.later(() => {
      this.#next();
      this.#check();
    }, BEAT_MS);
  }

  /** A hidden tab's timers run once a minute; so not silence alone counts, but silence after a ping. */
  #check(): void {
    const now = this.#options.clock.now();
    if (this.#unansweredSince !== null && now - this.#unansweredSince >= this.#patience) this.#options.onSilence();
    else if (now - this.#lastPingAt >= this.#options.everyMs) this.#ping();
  }

  #ping(): void {
    this.#lastPingAt = this.#options.clock.now();
    this.#unansweredSince ??= this.#lastPingAt;
    this.#options.ping();
  }
}
