/** Whether the other side of a socket still lives [W8]: it is pinged when that is due, and given up when it is silent. */

const PING_EVERY_MS = 15_000;
const SILENT_FOR_MS = 30_000;
/** Between two looks. */
export const BEAT_MS = 1_000;

/** Times are in ms on one clock that never goes back. */
export class Heartbeat {
  #heardAt: number;
  #pingedAt: number;

  constructor(now: number) {
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
    if (now - this.#heardAt > SILENT_FOR_MS - BEAT_MS) return "give up";
    if (now - this.#pingedAt < PING_EVERY_MS) return "nothing";
    this.#pingedAt = now;
    return "ping";
  }
}
