/**
 * Notices a screencast that is stuck, so that it can be restarted, which costs one picture's time. Chromium's capture
 * sometimes holds pictures back for 250 to 400 ms, also at the end of a drag, when the operator aims. And sometimes, after
 * a change of size, it sends only pictures of neither size. Pure: takes the time as an argument, ms.
 */

/** A page that reacts to an input shows it within this time. An earlier restart would only cost. */
const PATIENCE_MS = 28;
/** On a busy machine pictures take longer, and restarts would add to its work. So many times the usual gap is a freeze. */
const MORE_THAN_USUAL = 3;
/** The longest gap that is no freeze, however slow the machine is. */
const MAX_USUAL_PATIENCE_MS = 180;
/** The weight of one gap in the running average. */
const USUAL_SHARE = 0.2;
/** After a restart that showed nothing new (the page does not react) the next one waits twice as long, up to this. */
const MAX_PATIENCE_MS = 1_000;
/** A picture that arrives sooner than this after an input was captured before the input. */
const SHOWN_AFTER_MS = 8;
/** A started screencast sends its first picture within this time. Each further restart waits twice as long, up to the maximum. */
const FIRST_PICTURE_MS = 150;
const MAX_FIRST_PICTURE_MS = 2_400;

export class FreezeDetector {
  readonly #lineMs: () => number;
  /** When the input was made that no picture has certainly shown; null: there is none. */
  #unshownSince: number | null = null;
  #inputAt = -Infinity;
  #pictureAt = -Infinity;
  #patience = PATIENCE_MS;
  /** The running average between pictures while there is input, ms. */
  #usualGap = 0;
  /** When the screencast was started that has sent no picture of the right size yet; null: there is none. */
  #startedAt: number | null = null;
  #firstPatience = FIRST_PICTURE_MS;

  /** `lineMs`: the round trip of the line to the browser, by which all that it shows comes later. */
  constructor(lineMs: () => number = () => 0) {
    this.#lineMs = lineMs;
  }

  /** When the screencast is to be restarted unless a picture comes before; null: no restart is due. */
  get dueAt(): number | null {
    const due = Math.min(this.#inputDueAt, this.#startDueAt);
    return due === Infinity ? null : due;
  }

  input(now: number): void {
    this.#inputAt = now;
    // A picture since that input shows that the capture works: its time starts again with this input.
    if (this.#unshownSince === null || this.#pictureAt > this.#unshownSince) this.#unshownSince = now;
  }

  /** A drag begins: the page will react. */
  press(): void {
    this.#patience = this.#usualPatience;
  }

  /** The screencast was started. */
  started(now: number): void {
    this.#startedAt = now;
  }

  /** A picture of another size has come: as after a start, one of the right size is due. */
  strange(now: number): void {
    this.#startedAt ??= now;
  }

  /** A picture of the right size has come; `isNew`: it differs from the one before. */
  picture(now: number, isNew: boolean): void {
    this.#startedAt = null;
    this.#firstPatience = FIRST_PICTURE_MS;
    if (!isNew) return;
    if (this.#unshownSince !== null) {
      const late = this.#unshownSince > this.#pictureAt ? this.#lineMs() : 0;
      const since = Math.max(0, now - Math.max(this.#pictureAt, this.#unshownSince) - late);
      const gap = Math.min(since, MAX_USUAL_PATIENCE_MS);
      this.#usualGap += (gap - this.#usualGap) * USUAL_SHARE;
    }
    this.#pictureAt = now;
    this.#patience = this.#usualPatience;
    this.#unshownSince = now - this.#inputAt < SHOWN_AFTER_MS + this.#lineMs() ? this.#inputAt : null;
  }

  /** The due restart is done. Returns whether not even a first picture had come. */
  restarted(): boolean {
    const hadNone = this.#startDueAt <= this.#inputDueAt;
    if (hadNone) this.#firstPatience = Math.min(2 * this.#firstPatience, MAX_FIRST_PICTURE_MS);
    else this.#patience = Math.min(2 * this.#patience, MAX_PATIENCE_MS);
    this.stop();
    return hadNone;
  }

  get #inputDueAt(): number {
    return this.#unshownSince === null ? Infinity : this.#unshownSince + this.#patience + this.#lineMs();
  }

  get #startDueAt(): number {
    return this.#startedAt === null ? Infinity : this.#startedAt + this.#firstPatience + this.#lineMs();
  }

  get #usualPatience(): number {
    return Math.min(Math.max(PATIENCE_MS, MORE_THAN_USUAL * this.#usualGap), MAX_USUAL_PATIENCE_MS);
  }

  /** No picture is captured any more: nothing can be stuck. */
  stop(): void {
    this.#unshownSince = null;
    this.#startedAt = null;
  }
}
