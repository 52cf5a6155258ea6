/**
 * Notices a frozen screencast: Chromium's capture sometimes holds pictures back for 250 to 400 ms, also at the end of a
 * drag, when the operator aims. Stopping and starting it costs one picture's time. Pure: time comes in, ms.
 */

/** A page that changes at all shows an input within this; a restart before would only cost. */
const PATIENCE_MS = 28;
/** After restarts that showed nothing new (a page that does not react) the next one waits twice as long, up to this. */
const MAX_PATIENCE_MS = 1_000;
/** A picture that arrives sooner after an input was made before it. */
const SHOWN_AFTER_MS = 8;

export class FreezeWatch {
  /** An input that no picture has surely shown. */
  #owedSince: number | null = null;
  #inputAt = -Infinity;
  #pictureAt = -Infinity;
  #patience = PATIENCE_MS;

  /** When the screencast is to be restarted unless a picture comes; null: nothing is due. */
  get dueAt(): number | null {
    return this.#owedSince === null ? null : this.#owedSince + this.#patience;
  }

  input(now: number): void {
    this.#inputAt = now;
    // A picture since the input that is owed says that the capture is alive: from here on it has its time again.
    if (this.#owedSince === null || this.#pictureAt > this.#owedSince) this.#owedSince = now;
  }

  /** A drag begins: the page will surely react. */
  press(): void {
    this.#patience = PATIENCE_MS;
  }

  /** A picture that differs from the one before. */
  picture(now: number): void {
    this.#pictureAt = now;
    this.#patience = PATIENCE_MS;
    this.#owedSince = now - this.#inputAt < SHOWN_AFTER_MS ? this.#inputAt : null;
  }

  /** The screencast was started anew: its first picture shows all input until now. */
  restarted(): void {
    this.#patience = Math.min(2 * this.#patience, MAX_PATIENCE_MS);
    this.#owedSince = null;
  }

  /** Nobody is shown anything. */
  stop(): void {
    this.#owedSince = null;
  }
}
