/** Does something at once, then at most once in a while: what comes too soon is done at the end of that time. */

export class Throttle {
  readonly #work: () => void;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;

  constructor(work: () => void, everyMs: number) {
    this.#work = work;
    this.#everyMs = everyMs;
  }

  /** Asks for it to be done: however often that is asked meanwhile, it is done once. */
  ask(): void {
    this.#isDue = true;
    if (this.#timer) return;
    this.#isDue = false;
    this.#work();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isDue) this.ask();
    }, this.#everyMs);
  }

  /** Nothing that was put off is done any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = false;
  }
}
