// Asks a quiet line whether it still lives, and says when it does not.

/** Between two looks at the clock. */
const BEAT_MS = 1_000;
/** After a phone wakes up its socket is often dead without knowing; then the answer has to come sooner. */
const PROBE_PATIENCE_MS = 4_000;

/** @typedef {{ now: () => number, later: (run: () => void, ms: number) => () => void }} Clock `later` answers its cancel */

/** @type {Clock} */
export const SYSTEM_CLOCK = {
  now: () => Date.now(),
  later(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * @typedef {object} HeartbeatOptions
 * @property {Clock} clock
 * @property {number} everyMs between two pings
 * @property {number} silentForMs without any message the line is broken; more than `everyMs`
 * @property {() => void} ping
 * @property {() => void} onSilence
 */

export class Heartbeat {
  #options;
  #cancel = () => {};
  #lastPingAt = 0;
  /** When the ping was sent that nothing has answered yet. @type {number | null} */
  #unansweredSince = null;
  #patience = 0;

  /** @param {HeartbeatOptions} options */
  constructor(options) {
    this.#options = options;
  }

  start() {
    this.stop();
    this.heard();
    this.#lastPingAt = this.#options.clock.now();
    this.#next();
  }

  stop() {
    this.#cancel();
  }

  /** Something came: any message is a sign of life. */
  heard() {
    this.#unansweredSince = null;
    this.#patience = Math.max(0, this.#options.silentForMs - this.#options.everyMs);
  }

  /** Asks at once, and does not wait as long as usual. */
  probe() {
    this.#patience = PROBE_PATIENCE_MS;
    this.#ping();
  }

  #next() {
    this.#cancel = this.#options.clock.later(() => {
      this.#next();
      this.#check();
    }, BEAT_MS);
  }

  /** A hidden tab's timers run once a minute; so not silence alone counts, but silence after a ping. */
  #check() {
    const now = this.#options.clock.now();
    if (this.#unansweredSince !== null && now - this.#unansweredSince >= this.#patience) this.#options.onSilence();
    else if (now - this.#lastPingAt >= this.#options.everyMs) this.#ping();
  }

  #ping() {
    this.#lastPingAt = this.#options.clock.now();
    this.#unansweredSince ??= this.#lastPingAt;
    this.#options.ping();
  }
}
