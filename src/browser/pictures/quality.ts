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
/** What motion may cost where pictures cross a bot's own line: with what else goes up, below 2 Mbit/s. */
export const RELAYED_BYTES_PER_SECOND = 205_000;
/** Above this share of it, pictures may be held back already: coarser ones come more often. */
const TOO_DEAR_SHARE = 0.93;
/** What the least quality takes of the first one's bytes. Where even that is too much, it would only be hard to read. */
const LEAST_COST_SHARE = 0.7;
/** So often pictures come whatever they cost. */
const LEAST_PICTURES_A_SECOND = 30;
/** Qualities of motion where bytes count. Each change costs about one picture, so the steps down are few. */
const THRIFTY_QUALITIES = [15, 30, 40, 50, 60, 70] as const;
/** Where motion begins, before it is known what it costs. */
const FIRST_THRIFTY_QUALITY = 30;
/** What costs too much is to be seen soon; what costs little is to last. */
const TOO_DEAR_AFTER_MS = 250;
const CHEAP_AFTER_MS = 1_000;
/** Estimated bytes of the next quality, relative to the present one. */
const NEXT_QUALITY_COST_FACTOR = 1.4;

/** The settings that the screencast is to run with now; `everyNth`: only each nth frame is sent. */
export interface CastLevel extends Level {
  readonly everyNth: number;
  readonly kind: "motion" | "still";
}

/** The bytes of one picture, and the quality that it was made with. */
export interface PictureCost {
  readonly bytes: number;
  readonly quality: number;
}

const NOTHING_SPENT = { bytes: 0, quality: 0, pictures: 0, since: 0 };

export class QualityControl {
  /** Bytes a second, while something moves. */
  readonly #mostBytes: number;
  /** The highest quality of motion that these bytes pay for, as far as it is known. */
  #affordable: number;
  /** Pictures of one quality in a row, which show what it costs. */
  #spent: PictureCost & { readonly pictures: number; readonly since: number } = NOTHING_SPENT;
  #recent: number[] = [];
  #moving = false;
  #inputAt = -Infinity;
  #limit = STILL_QUALITY;
  #share = 1;

  /** `mostBytes`: of the pictures of a second while something moves; left out: they cross no line of a bot's. */
  constructor(mostBytes = Infinity) {
    this.#mostBytes = mostBytes;
    this.#affordable = mostBytes === Infinity ? STILL_QUALITY : FIRST_THRIFTY_QUALITY;
  }

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
  pictureAt(now: number, cost: PictureCost = { bytes: 0, quality: 0 }): void {
    this.#recent = [...this.#recent.filter((at) => now - at < MOTION_WINDOW_MS), now];
    if (this.#recent.length > MOTION_PICTURES) this.#moving = true;
    if (this.#moving && this.#mostBytes < Infinity) this.#spend(now, cost);
  }

  /** Goes to the next quality, finer or coarser, by what the present one has cost. */
  #spend(now: number, { bytes, quality }: PictureCost): void {
    const spent = this.#spent;
    if (quality !== spent.quality) {
      this.#spent = { ...NOTHING_SPENT, quality, since: now };
      return;
    }
    this.#spent = { ...spent, bytes: spent.bytes + bytes, pictures: spent.pictures + 1 };
    const ms = now - spent.since;
    if (ms < TOO_DEAR_AFTER_MS) return;
    const aSecond = (this.#spent.bytes * 1_000) / ms;
    const [least] = THRIFTY_QUALITIES;
    if (aSecond > this.#mostBytes * TOO_DEAR_SHARE) {
      const each = this.#spent.bytes / this.#spent.pictures;
      const atLeast = each * LEAST_COST_SHARE * LEAST_PICTURES_A_SECOND;
      const isOfUse = quality > FIRST_THRIFTY_QUALITY || atLeast <= this.#mostBytes;
      const coarser = THRIFTY_QUALITIES.findLast((lower) => lower < quality) ?? least;
      if (isOfUse) this.#affordable = Math.min(this.#affordable, coarser);
    } else if (ms < CHEAP_AFTER_MS) {
      return;
    } else if (quality >= this.#affordable && aSecond * NEXT_QUALITY_COST_FACTOR < this.#mostBytes) {
      this.#affordable = THRIFTY_QUALITIES.find((higher) => higher > quality) ?? quality;
    }
    this.#spent = { ...NOTHING_SPENT, quality, since: now };
  }

  /** The page has not changed for STILL_AFTER_QUIET_MS. */
  quiet(): void {
    this.#recent = [];
    this.#moving = false;
    // A pause would make pictures look cheap.
    this.#spent = NOTHING_SPENT;
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
    if (this.#mostBytes < Infinity) this.#affordable = FIRST_THRIFTY_QUALITY;
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
      quality: Math.min(motion.quality, this.#affordable, this.#limit),
      scale: Math.min(motion.scale, scale, most) * this.#share,
      everyNth: now - this.#inputAt > AIMING_MS ? UNATTENDED_EVERY_NTH : 1,
      kind: "motion",
    };
  }
}

/** A part that comes over a bot's line: a dense screen's four times the pixels would cost it all of its quality. */
export const RELAYED_MOTION_SCALE = 1;

/** The request while there are no viewers. */
export const UNWATCHED: CaptureRequest = {
  mode: "challenge",
  scale: 1,
  motion: { quality: STILL_QUALITY, scale: 1 },
  exact: false,
  masked: false,
};
