/**
 * Spreads the acknowledgements of a bot's pictures, so that its line carries so many bytes a second and no more. The bot
 * sends the newest picture when one is acknowledged: a slower pace means fewer pictures, not older ones.
 */
import { RELAYED_BYTES_PER_SECOND } from "../pictures/quality.ts";

/** What may come at once: a sharp picture, and the first ones of a drag. */
const CREDIT_MS = 100;
/** A picture counts for no more than this, so that large ones still come 30 times a second. */
const MOST_COUNTED_MS = 33;

export class PicturePace {
  /** When the pictures so far are paid for, monotonic ms. */
  #paidAt = -Infinity;

  /** How long the acknowledgement of a picture of so many bytes waits, ms; it arrived at `now` (monotonic ms). */
  delay(bytes: number, now: number): number {
    const takes = Math.min((bytes * 1_000) / RELAYED_BYTES_PER_SECOND, MOST_COUNTED_MS);
    this.#paidAt = Math.max(this.#paidAt, now - CREDIT_MS) + takes;
    return Math.max(0, this.#paidAt - now);
  }
}
