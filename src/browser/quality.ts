/** Which JPEG quality the picture has at this moment. Pure. */

export const MOTION_QUALITY = 30;
export const STILL_QUALITY = 80;
/** Quiet for so long, the page is at rest and the sharp picture follows. */
export const STILL_AFTER_QUIET_MS = 120;
/** More pictures than this within the window is motion; a blinking caret is not. */
const MOTION_PICTURES = 4;
const MOTION_WINDOW_MS = 500;

export class QualityControl {
  #recent: number[] = [];
  #pressed = false;
  #quality = STILL_QUALITY;

  get quality(): number {
    return this.#quality;
  }

  /** A button went down or up: while it is down, speed is all that counts. */
  setPressed(pressed: boolean): void {
    this.#pressed = pressed;
    if (pressed) this.#quality = MOTION_QUALITY;
  }

  /** A picture that differs from the one before arrived at `now` (monotonic ms). */
  pictureAt(now: number): void {
    this.#recent = [...this.#recent.filter((at) => now - at < MOTION_WINDOW_MS), now];
    if (this.#recent.length > MOTION_PICTURES) this.#quality = MOTION_QUALITY;
  }

  /** Nothing has changed for STILL_AFTER_QUIET_MS. */
  quiet(): void {
    this.#recent = [];
    if (!this.#pressed) this.#quality = STILL_QUALITY;
  }
}
