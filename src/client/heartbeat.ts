// Asks a quiet line whether it still lives, and says when it does not.

export interface Clock {
  now(): number;
  later(run: () => void, ms: number): () => void;
}

/** Between two looks at the clock. */
const BEAT_MS = 1_000;
/** After a phone wakes up its socket is often dead without knowing; then the answer has to come sooner. */
const PROBE_PATIENCE_MS = 4_000;

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  later(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 */
export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly silentForMs: number;
  readonly ping: () => void;
  readonly onSilence: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #cancel = (): void => {};
  #lastPingAt = 0;
  /** When the ping was sent that nothing has answered yet. @type {number | null} */
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

  /** Something came: any message is a sign of life. */
  heard(): void {
    this.#unansweredSince = null;
    this.#patience = Math.max(0, this.#options.silentForMs - this.#options.everyMs);
  }

  /** Asks at once, and does not wait as long as usual. */
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
