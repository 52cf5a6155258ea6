/** Estimates how much one viewer's connection carries, from when its pictures arrive. Pure: time comes in, ms. */

import { MAX_SCALE } from "../../protocol/live.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { Level } from "../ports/page.ts";

/** The levels from a slow connection to a fast one; `scale` is the most, a viewer may want less. */
export const LEVELS: readonly Level[] = [
  { quality: 15, scale: 0.5 },
  { quality: 30, scale: 0.5 },
  { quality: 15, scale: 1 },
  { quality: 22, scale: 1 },
  { quality: 30, scale: 1 },
  { quality: 40, scale: 1 },
  { quality: 50, scale: 1 },
  { quality: 60, scale: 1 },
  { quality: 70, scale: 1 },
  { quality: 70, scale: MAX_SCALE },
];
/** Quality 30 at 1:1: what the contract promises while something moves [W22]. */
export const FIRST_LEVEL = 4;
/** A picture is late, and so too large, if it took this much longer than an empty message. */
const LATE_MS = 80;
const EARLY_MS = 25;
/** Pictures in a row before the level changes: a single late picture may be chance. */
const LATE_IN_A_ROW = 2;
const EARLY_IN_A_ROW = 30;
/** Levels above the first are used only while they are cheap: 3 Mbit/s for one viewer. */
const MOST_BYTES_A_SECOND = 375_000;
/** Estimated bytes of the next level, relative to the present one. */
const NEXT_LEVEL_COST_FACTOR = 1.4;
const RATE_WINDOW_MS = 1_000;
/** Where a whole picture takes longer to arrive, two under way are too few for 30 a second: the connection is slow. */
const SLOW_MS = 60;
/** A hiccup holds up both that are under way. */
const SLOW_IN_A_ROW = 3;
const QUICK_MS = 40;
const QUICK_IN_A_ROW = 3;
/** The most pictures under way where only what has changed is sent [W63]. */
const FEWEST_SLOTS = 2;
const MOST_SLOTS = 8;
/** Connections change: a longer round trip on an idle connection moves the base by this share. */
const FORGET_SHARE = 0.1;

interface Sent {
  readonly seq: number;
  readonly bytes: number;
  readonly at: number;
  /** No other picture was under way: its round trip measures the connection alone. */
  readonly isAlone: boolean;
  /** False: only what has changed [W63], which says nothing about what a picture would take. */
  readonly isWhole: boolean;
}

export class BandwidthEstimator {
  #underWay: Sent[] = [];
  #recent: Sent[] = [];
  /** Round trip of an empty message, ms. */
  #base = Infinity;
  #index = FIRST_LEVEL;
  #late = 0;
  #early = 0;
  #isSlow = false;
  /** Whole pictures in a row that speak against `isSlow`. */
  #unlike = 0;
  #slots = FEWEST_SLOTS;
  /** Pictures up to this number were made at another level: they say nothing about this one. */
  #changedAfter = -1;
  #lastSent = -1;

  /** The level of pictures while something moves. */
  get level(): Level {
    return LEVELS[this.#index] as Level;
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  get bytesUnderWay(): number {
    return this.#underWay.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether whole pictures take so long that it pays to send only what has changed. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** How many pictures may be under way where most of them are small: more while none of them has to wait. */
  get slots(): number {
    return this.#slots;
  }

  /** The highest number that was sent; -1 before the first. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** `isWhole`: false for what has changed of a picture [W63]. */
  sent(seq: number, bytes: number, now: number, isWhole = true): void {
    const sent = { seq, bytes, at: now, isAlone: this.#underWay.length === 0, isWhole };
    this.#underWay.push(sent);
    this.#recent = [...this.#recent.filter(({ at }) => now - at < RATE_WINDOW_MS), sent];
    this.#lastSent = Math.max(this.#lastSent, seq);
  }

  /** The picture `seq` and all before it have arrived. */
  arrived(seq: number, now: number): void {
    const newest = this.#underWay.findLast((sent) => sent.seq <= seq);
    if (!newest || seq > this.#lastSent) return;
    this.#underWay = this.#underWay.filter((sent) => sent.seq > seq);
    const took = now - newest.at;
    publishMetric("round_trip", took);
    if (took < this.#base) this.#base = took;
    else if (newest.isAlone) this.#base += (took - this.#base) * FORGET_SHARE;
    if (newest.isWhole) this.#judgeLine(took);
    const waited = took - this.#base;
    if (waited > LATE_MS) this.#slots = FEWEST_SLOTS;
    else if (waited < EARLY_MS) this.#slots = Math.min(this.#slots + 1, MOST_SLOTS);
    if (newest.seq > this.#changedAfter) this.#judge(waited, newest.isWhole, now);
  }

  #judgeLine(took: number): void {
    const [speaksAgainst, inARow] = this.#isSlow ? [took < QUICK_MS, QUICK_IN_A_ROW] : [took > SLOW_MS, SLOW_IN_A_ROW];
    this.#unlike = speaksAgainst ? this.#unlike + 1 : 0;
    if (this.#unlike < inARow) return;
    this.#isSlow = !this.#isSlow;
    this.#unlike = 0;
  }

  #judge(waited: number, isWhole: boolean, now: number): void {
    this.#late = waited > LATE_MS ? this.#late + 1 : 0;
    if (waited >= EARLY_MS) this.#early = 0;
    else if (isWhole) this.#early += 1;
    if (this.#late >= LATE_IN_A_ROW) this.#step(-1);
    else if (this.#early >= EARLY_IN_A_ROW && this.#mayRise(now)) this.#step(1);
  }

  #mayRise(now: number): boolean {
    if (this.#index < FIRST_LEVEL) return true;
    const recent = this.#recent.filter(({ at }) => now - at < RATE_WINDOW_MS);
    // What whole pictures would cost is not known.
    if (recent.some(({ isWhole }) => !isWhole)) return false;
    const bytes = recent.reduce((sum, sent) => sum + sent.bytes, 0);
    return bytes * NEXT_LEVEL_COST_FACTOR < MOST_BYTES_A_SECOND;
  }

  #step(by: 1 | -1): void {
    this.#index = Math.min(Math.max(this.#index + by, 0), LEVELS.length - 1);
    this.#late = 0;
    this.#early = 0;
    this.#changedAfter = this.#lastSent;
  }
}
