/** Schedules retakes for viewers that could not be shown a picture: soon at first, then with backoff. */

/** After this time, a changed page is known well enough to be masked. */
const FIRST_RETAKE_MS = 400;
/** The longest interval: a page that does not answer is not asked more often. */
const MAX_RETAKE_MS = 4_000;

export class RetakeScheduler<Who> {
  readonly #take: (who: Who) => void;
  readonly #waiting = new Set<Who>();
  #timer: NodeJS.Timeout | undefined;
  #patienceMs = FIRST_RETAKE_MS;

  constructor(take: (who: Who) => void) {
    this.#take = take;
  }

  /** A viewer was shown no picture, or an incomplete one: takes another one later. */
  missed(who: Who): void {
    this.#waiting.add(who);
    this.#timer ??= setTimeout(() => this.#again(), this.#patienceMs);
  }

  /** The viewer was shown a complete picture, or is gone. */
  shown(who: Who): void {
    this.#waiting.delete(who);
    if (this.#waiting.size === 0) this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#patienceMs = FIRST_RETAKE_MS;
    this.#waiting.clear();
  }

  #again(): void {
    this.#timer = undefined;
    this.#patienceMs = Math.min(2 * this.#patienceMs, MAX_RETAKE_MS);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const who of waiting) this.#take(who);
  }
}
