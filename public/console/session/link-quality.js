// The quality of the connection and the picture: round trip, pictures a second, and whether silence means rest or trouble.
// All times are ms on one clock that only goes forward, e.g. `performance.now()`.

/** Often enough to notice trouble within a breath, rare enough to cost nothing. */
export const PING_EVERY_MS = 2_000;
/** Longer than the round trip of the slowest network that a person can work with. */
export const PING_LATE_MS = 2_500;
/** The server sends a still within some 200 ms after the page rests; the rest is patience with the network. */
export const PICTURE_LATE_MS = 1_000;
/** Enough for one slow answer not to show. */
const TRIPS_KEPT = 5;
const RATE_WINDOW_MS = 1_000;

/** @typedef {"moving" | "rest" | "stalled"} LinkState */
/** @typedef {{ roundTrip: number | null, rate: number, state: LinkState }} LinkReading `roundTrip` in ms, `rate` in pictures a second */

export class LinkQuality {
  #count = 0;
  /** Pings without an answer: id and when it was sent, oldest first. @type {Map<string, number>} */
  #unanswered = new Map();
  #lastPingAt = Number.NEGATIVE_INFINITY;
  /** @type {number[]} */
  #trips = [];
  /** When the pictures of the last second were shown. @type {number[]} */
  #shownAt = [];
  /** The newest picture. @type {{ at: number, isMotion: boolean } | null} */
  #last = null;

  /** A new connection: nothing of the old one counts. */
  reset() {
    this.#unanswered.clear();
    this.#lastPingAt = Number.NEGATIVE_INFINITY;
    this.#trips = [];
    this.#shownAt = [];
    this.#last = null;
  }

  /**
   * The id of a ping that is to be sent now, or null. While one is overdue no further one is sent.
   * @param {number} now
   */
  nextPing(now) {
    if (now - this.#lastPingAt < PING_EVERY_MS || this.#isPingLate(now)) return null;
    this.#count += 1;
    const id = `pulse-${this.#count}`;
    this.#lastPingAt = now;
    this.#unanswered.set(id, now);
    return id;
  }

  /** @param {string | number | undefined} id that the pong answers; any that is not from `nextPing` is ignored @param {number} now */
  answered(id, now) {
    const sentAt = this.#unanswered.get(String(id));
    if (sentAt === undefined) return;
    // The connection keeps the order: an earlier ping was answered, or never will be.
    for (const [earlier, at] of this.#unanswered) if (at <= sentAt) this.#unanswered.delete(earlier);
    this.#trips.push(now - sentAt);
    if (this.#trips.length > TRIPS_KEPT) this.#trips.shift();
  }

  /** A picture is on the screen. @param {"motion" | "still" | undefined} kind @param {number} now */
  pictureShown(kind, now) {
    this.#last = { at: now, isMotion: kind === "motion" };
    this.#shownAt.push(now);
    this.#forgetOldPictures(now);
  }

  /** @param {number} now @returns {LinkReading} */
  read(now) {
    this.#forgetOldPictures(now);
    return { roundTrip: median(this.#trips), rate: this.#shownAt.length, state: this.#stateAt(now) };
  }

  /** @param {number} now @returns {LinkState} */
  #stateAt(now) {
    if (this.#isPingLate(now)) return "stalled";
    if (this.#last === null || !this.#last.isMotion) return "rest";
    return now - this.#last.at > PICTURE_LATE_MS ? "stalled" : "moving";
  }

  /** @param {number} now */
  #isPingLate(now) {
    const [oldest] = this.#unanswered.values();
    return oldest !== undefined && now - oldest > PING_LATE_MS;
  }

  /** @param {number} now */
  #forgetOldPictures(now) {
    const first = this.#shownAt.findIndex((at) => now - at < RATE_WINDOW_MS);
    this.#shownAt.splice(0, first === -1 ? this.#shownAt.length : first);
  }
}

/** @param {readonly number[]} values @returns {number | null} */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
