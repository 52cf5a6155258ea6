/** Whether the other side of a socket still lives [W8]: it is pinged when that is due, and given up when it is silent. */

export interface HeartbeatTiming {
  readonly pingEveryMs: number;
  /** Given up after so long without a frame. */
  readonly silentForMs: number;
}
const OPERATORS_HEARTBEAT: HeartbeatTiming = { pingEveryMs: 15_000, silentForMs: 30_000 };
/** [R18] Who only reads events. */
export const READERS_HEARTBEAT: HeartbeatTiming = { pingEveryMs: 30_000, silentForMs: 45_000 };
/** Between two looks. */
export const BEAT_MS = 1_000;

/** Times are in ms on one clock that never goes back. */
export class Heartbeat {
  readonly #pulse: HeartbeatTiming;
  #heardAt: number;
  #pingedAt: number;

  constructor(now: number, pulse = OPERATORS_HEARTBEAT) {
    this.#pulse = pulse;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** Something came: any frame is a sign of life. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** What is to be done at this beat. */
  beat(now: number): "nothing" | "ping" | "give up" {
    // At the next beat it would be too late.
    if (now - this.#heardAt > this.#pulse.silentForMs - BEAT_MS) return "give up";
    if (now - this.#pingedAt < this.#pulse.pingEveryMs) return "nothing";
    this.#pingedAt = now;
    return "ping";
  }
}
