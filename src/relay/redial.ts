/** When a bot dials its server again after a loss: at once, then after ever longer waits. */

/** Before each try to come back, in ms; then the last one again and again. */
const RETRY_MS = [0, 100, 200, 400, 800, 1_000];
/** A line that was up for less than this is no success: the waits go on growing. */
const STEADY_MS = 3_000;
const RATE_LIMITED_MS = 10_000;
export const CLOSE_RATE_LIMITED = 4429;

export class Redial {
  #tries = 0;
  #upAt = -Infinity;

  /** The line is up. */
  up(): void {
    this.#upAt = performance.now();
  }

  /** How long to wait before the next try, ms. `code`: the close code of the line, or of the try, that failed. */
  waitAfter(code: number): number {
    if (performance.now() - this.#upAt > STEADY_MS) this.#tries = 0;
    this.#upAt = Infinity;
    const wait = code === CLOSE_RATE_LIMITED ? RATE_LIMITED_MS : (RETRY_MS[this.#tries] ?? RETRY_MS.at(-1) ?? 0);
    this.#tries += 1;
    return wait;
  }
}
