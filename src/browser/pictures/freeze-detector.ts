/**
 * Notices a screencast that is stuck, so that it can be started anew, which costs one picture's time. Chromium's capture
 * sometimes holds pictures back for 250 to 400 ms, also at the end of a drag, when the operator aims; and sometimes, after
 * a change of size, it sends nothing but pictures of neither size. Pure: time comes in, ms.
 */

/** A page that changes at all shows an input within this; a restart before would only cost. */
const PATIENCE_MS = 28;
/** On a busy machine pictures take longer: restarts would only add to its work. So much more than usual is a freeze ... */
const MORE_THAN_USUAL = 3;
/** ... and this at the latest. */
const MAX_USUAL_PATIENCE_MS = 180;
/** How fast what is usual follows what happens. */
const USUAL_SHARE = 0.2;
/** After restarts that showed nothing new (a page that does not react) the next one waits twice as long, up to this. */
const MAX_PATIENCE_MS = 1_000;
/** A picture that arrives sooner after an input was made before it. */
const SHOWN_AFTER_MS = 8;
/** A screencast that was started sends its first picture within this; again twice as long each time, up to the last. */
const FIRST_PICTURE_MS = 150;
const MAX_FIRST_PICTURE_MS = 2_400;

export class FreezeDetector {
  /** An input that no picture has surely shown. */
  #unshownSince: number | null = null;
  #inputAt = -Infinity;
  #pictureAt = -Infinity;
  #patience = PATIENCE_MS;
  /** Between pictures while there is input. */
  #usualGap = 0;
  /** A start that no picture of the right size has followed yet. */
  #startedAt: number | null = null;
  #firstPatience = FIRST_PICTURE_MS;

  /** When the screencast is to be restarted unless a picture comes; null: nothing is due. */
  get dueAt(): number | null {
    const due = Math.min(this.#inputDueAt, this.#startDueAt);
    return due === Infinity ? null : due;
  }

  input(now: number): void {
    this.#inputAt = now;
    // A picture since the input that is owed says that the capture is alive: from here on it has its time again.
    if (this.#unshownSince === null || this.#pictureAt > this.#unshownSince) this.#unshownSince = now;
  }

  /** A drag begins: the page will surely react. */
  press(): void {
    this.#patience = this.#usualPatience;
  }

  started(now: number): void {
    this.#startedAt = now;
  }

  /** A picture of the right size; `isNew` when it differs from the one before. */
  picture(now: number, isNew: boolean): void {
    this.#startedAt = null;
    this.#firstPatience = FIRST_PICTURE_MS;
    if (!isNew) return;
    if (this.#unshownSince !== null) {
      const gap = Math.min(now - Math.max(this.#pictureAt, this.#unshownSince), MAX_USUAL_PATIENCE_MS);
      this.#usualGap += (gap - this.#usualGap) * USUAL_SHARE;
    }
    this.#pictureAt = now;
    this.#patience = this.#usualPatience;
    this.#unshownSince = now - this.#inputAt < SHOWN_AFTER_MS ? this.#inputAt : null;
  }

  /** What was due is done: the screencast is started anew. Returns whether not even a first picture had come. */
  restarted(): boolean {
    const hadNone = this.#startDueAt <= this.#inputDueAt;
    if (hadNone) this.#firstPatience = Math.min(2 * this.#firstPatience, MAX_FIRST_PICTURE_MS);
    else this.#patience = Math.min(2 * this.#patience, MAX_PATIENCE_MS);
    this.stop();
    return hadNone;
  }

  get #inputDueAt(): number {
    return this.#unshownSince === null ? Infinity : this.#unshownSince + this.#patience;
  }

  get #startDueAt(): number {
    return this.#startedAt === null ? Infinity : this.#startedAt + this.#firstPatience;
  }

  get #usualPatience(): number {
    return Math.min(Math.max(PATIENCE_MS, MORE_THAN_USUAL * this.#usualGap), MAX_USUAL_PATIENCE_MS);
  }

  /** Nobody is shown anything. */
  stop(): void {
    this.#unshownSince = null;
    this.#startedAt = null;
  }
}
