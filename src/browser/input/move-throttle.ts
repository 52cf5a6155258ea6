/** How fast moves are given to a browser: at once, unless it is behind. Pure: time comes in, ms. */

/** Moves that the browser has not taken yet; above it the next ones wait. */
const MAX_UNDER_WAY = 8;
/** A browser takes a move within a frame. One that usually needs longer has too much to do and is given fewer: ... */
const PROMPT_MS = 13;
/** ... so much time between two for each ms that it needs more, */
const REST_SHARE = 8;
/** at most this: thirteen a second are still a drag. */
const MAX_REST_MS = 75;
/** How fast what is usual follows what happens, */
const USUAL_SHARE = 0.15;
/** and the most that one move says: a browser that stood still for a second is quick again right after. */
const MAX_TAKES_MS = 100;

export class MoveThrottle {
  #underWay = 0;
  #sentAt = -Infinity;
  /** From a move to its answer. */
  #usuallyTakes = 0;

  sent(now: number): void {
    this.#sentAt = now;
    this.#underWay += 1;
  }

  /** The browser has taken the move that was sent at `sentAt`. */
  answered(sentAt: number, now: number): void {
    this.#underWay -= 1;
    this.#usuallyTakes += (Math.min(now - sentAt, MAX_TAKES_MS) - this.#usuallyTakes) * USUAL_SHARE;
  }

  /** How long the next move has to wait; Infinity: until an answer comes. */
  wait(now: number): number {
    if (this.#underWay >= MAX_UNDER_WAY) return Infinity;
    const rest = Math.min(Math.max(0, (this.#usuallyTakes - PROMPT_MS) * REST_SHARE), MAX_REST_MS);
    return Math.max(0, this.#sentAt + rest - now);
  }
}
