/** [W8] Whether the other side of a socket is alive: it is pinged at intervals, and given up if it is silent. */

export interface HeartbeatTiming {
  readonly pingEveryMs: number;
  /** A socket without a frame for so long is given up. */
  readonly silentForMs: number;
}
export const OPERATOR_HEARTBEAT: HeartbeatTiming = { pingEveryMs: 15_000, silentForMs: 30_000 };
/** [R18] For sockets that only read events. */
export const READER_HEARTBEAT: HeartbeatTiming = { pingEveryMs: 30_000, silentForMs: 45_000 };
/** How often `beat` is called. */
export const BEAT_MS = 1_000;

/** Times are in ms, on one monotonic clock. */
export class Heartbeat {
  readonly #timing: HeartbeatTiming;
  #heardAt: number;
  #pingedAt: number;

  constructor(now: number, timing = OPERATOR_HEARTBEAT) {
    this.#timing = timing;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** A frame has arrived: any frame is a sign of life. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** What is due at this beat. */
  beat(now: number): "nothing" | "ping" | "give up" {
    // By the next beat the silence would be longer than allowed.
    if (now - this.#heardAt > this.#timing.silentForMs - BEAT_MS) return "give up";
    if (now - this.#pingedAt < this.#timing.pingEveryMs) return "nothing";
    this.#pingedAt = now;
    return "ping";
  }
}
