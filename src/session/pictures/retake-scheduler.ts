/** Takes a picture again for those who could not be shown one: soon at first, then ever more seldom. */

/** A page that has changed is known well enough to be masked after so long. */
const FIRST_RETAKE_MS = 400;
/** A page that does not answer is asked this often at most. */
const MAX_RETAKE_MS = 4_000;

export class RetakeScheduler<Who> {
  readonly #take: (who: Who) => void;
  readonly #waiting = new Set<Who>();
  #timer: NodeJS.Timeout | undefined;
  #patienceMs = FIRST_RETAKE_MS;

  constructor(take: (who: Who) => void) {
    this.#take = take;
  }

  /** What was shown, or could not be, is not what it should be; a later picture may mend it. */
  missed(who: Who): void {
    this.#waiting.add(who);
    this.#timer ??= setTimeout(() => this.#again(), this.#patienceMs);
  }

  /** All is well again. */
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
