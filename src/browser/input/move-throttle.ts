/** How fast moves are sent to a browser: at once, unless it is behind. Pure: takes the time as an argument, ms. */

/** The most moves that the browser has not taken yet; above that the next ones wait. */
const MAX_UNDER_WAY = 8;
/** A browser takes a move within one frame. A browser that usually needs longer is overloaded and gets fewer moves. */
const PROMPT_MS = 13;
/** The time between two moves, in ms for each ms that the browser needs above PROMPT_MS. */
const REST_SHARE = 8;
/** The longest time between two moves: thirteen a second still make a drag. */
const MAX_REST_MS = 75;
/** The weight of one move in the running average. */
const USUAL_SHARE = 0.15;
/** The most that one move counts: a browser that paused for a second is fast again right after. */
const MAX_TAKES_MS = 100;

export class MoveThrottle {
  #underWay = 0;
  #sentAt = -Infinity;
  /** The running average from a move to its answer, ms. */
  #usuallyTakes = 0;

  /** A move was sent. */
  sent(now: number): void {
    this.#sentAt = now;
    this.#underWay += 1;
  }

  /** The browser has taken the move that was sent at `sentAt`; `lineMs` of that was the line's round trip. */
  answered(sentAt: number, now: number, lineMs = 0): void {
    this.#underWay -= 1;
    const takes = Math.max(0, now - sentAt - lineMs);
    this.#usuallyTakes += (Math.min(takes, MAX_TAKES_MS) - this.#usuallyTakes) * USUAL_SHARE;
  }

  /** How long the next move waits, ms; Infinity: until an answer comes. */
  wait(now: number): number {
    if (this.#underWay >= MAX_UNDER_WAY) return Infinity;
    const rest = Math.min(Math.max(0, (this.#usuallyTakes - PROMPT_MS) * REST_SHARE), MAX_REST_MS);
    return Math.max(0, this.#sentAt + rest - now);
  }
}
