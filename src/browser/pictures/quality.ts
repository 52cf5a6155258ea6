/** Whether the page is moving or at rest, and how sharp a picture of it may be. Pure: takes the time as an argument. */
import type { CaptureRequest, Level } from "../../session/ports/page.ts";

export const STILL_QUALITY = 80;
/** After this long without a change the page is at rest, and the sharp picture follows. */
export const STILL_AFTER_QUIET_MS = 120;
/** More pictures than this within the window are motion. A blinking caret makes fewer. */
const MOTION_PICTURES = 4;
const MOTION_WINDOW_MS = 500;
/** This long after the last input nobody aims at what moves: every third picture is enough, 20 a second. */
const AIMING_MS = 1_000;
const UNATTENDED_EVERY_NTH = 3;
/** Where pictures are too large, their quality goes down to the next of these, and after the last one their scale. */
const LOWER_QUALITIES = [55, 30, 15];
const SMALLEST_SHARE = 0.25;
/** More pixels than this cost the browser too much, whatever scale was asked for. */
const MAX_PIXELS = 4_200_000;

/** The settings that the screencast is to run with now; `everyNth`: only each nth frame is sent. */
export interface CastLevel extends Level {
  readonly everyNth: number;
  readonly kind: "motion" | "still";
}

export class QualityControl {
  #recent: number[] = [];
  #moving = false;
  #inputAt = -Infinity;
  #limit = STILL_QUALITY;
  #share = 1;

  get isMoving(): boolean {
    return this.#moving;
  }

  /** A button was pressed: a drag follows, and only speed counts. */
  pressed(): void {
    this.#moving = true;
  }

  /** Input was sent at `now` (monotonic ms). */
  inputAt(now: number): void {
    this.#inputAt = now;
  }

  /** A picture that differs from the one before arrived at `now` (monotonic ms). */
  pictureAt(now: number): void {
    this.#recent = [...this.#recent.filter((at) => now - at < MOTION_WINDOW_MS), now];
    if (this.#recent.length > MOTION_PICTURES) this.#moving = true;
  }

  /** The page has not changed for STILL_AFTER_QUIET_MS. */
  quiet(): void {
    this.#recent = [];
    this.#moving = false;
  }

  /** A picture of this quality was too large to send. */
  tooLarge(quality: number): void {
    const lower = LOWER_QUALITIES.find((candidate) => candidate < quality);
    if (lower === undefined) this.#share = Math.max(this.#share / 2, SMALLEST_SHARE);
    else this.#limit = Math.min(this.#limit, lower);
  }

  /** Pictures show another part of the page, which may be cheaper: the limits start again. */
  newView(): void {
    this.#limit = STILL_QUALITY;
    this.#share = 1;
  }

  /**
   * The settings at `now` (monotonic ms). `motion`: what the viewers' connections carry while something moves. `scale`:
   * the scale wanted of a still. `pixels`: the number of pixels of the view at scale 1.
   */
  level(now: number, motion: Level, scale: number, pixels: number): CastLevel {
    const most = Math.max(1, Math.sqrt(MAX_PIXELS / pixels));
    if (!this.#moving) {
      const quality = Math.min(STILL_QUALITY, this.#limit);
      return { quality, scale: Math.min(scale, most) * this.#share, everyNth: 1, kind: "still" };
    }
    return {
      quality: Math.min(motion.quality, this.#limit),
      scale: Math.min(motion.scale, scale, most) * this.#share,
      everyNth: now - this.#inputAt > AIMING_MS ? UNATTENDED_EVERY_NTH : 1,
      kind: "motion",
    };
  }
}

/** The request while there are no viewers. */
export const UNWATCHED: CaptureRequest = {
  mode: "challenge",
  scale: 1,
  motion: { quality: STILL_QUALITY, scale: 1 },
  exact: false,
  masked: false,
};
