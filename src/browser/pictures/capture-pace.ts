/**
 * [W60] How large pictures of a whole viewport may be while something moves, by how fast they come: on a slow machine a
 * capture takes as long as it has pixels. Pure: takes the time as an argument, monotonic ms.
 */

/** Picture px per CSS px, the finest first. */
const SCALES = [1, 3 / 4, 1 / 2, 1 / 3];
const FULL = 0;
/** Where it begins. */
const USUAL = 1;
/** The smallest that can still be read. Who drags looks at one thing only, and the next one is for that. */
const READABLE = 2;
const COARSEST = SCALES.length - 1;

/** Slower than this: the next smaller size. */
const SLOW_GAP_MS = 50;
/** Slower than this: one picture at a time, as each that is under way makes the ones behind it late. */
const LONG_GAP_MS = 33;
/** Faster than this for so long: the next larger size. */
const QUICK_GAP_MS = 22;
const QUICK_FOR_MS = 1_000;
/** Full size costs latency as soon as one frame of 60 a second is missed: it is tried later, and given up sooner. */
const FULL_GAP_MS = 18;
const FULL_AFTER_MS = 2_000;
const FULL_TRIED_FOR_MS = 500;
const MOST_FULL_AFTER_MS = 16_000;
/** The mean of so many gaps counts as slow. */
const SLOW_GAPS = 6;
/** A longer gap is a stall: it says no more of the pace than this. */
const LONGEST_GAP_MS = 100;
/** What an input changes shows one frame later at the soonest. */
const FRAME_MS = 17;

export class CapturePace {
  #step = USUAL;
  #isSlow = false;
  #gaps: number[] = [];
  #pictureAt: number | null = null;
  /** The first input since the last picture; null: the page need not change. */
  #waitsSince: number | null = null;
  #fullAfterMs = FULL_AFTER_MS;

  /** Whether pictures come so slowly that one at a time is better. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** The finest scale that is fast enough, picture px per CSS px; `isDrag`: a button is down. */
  scale(isDrag: boolean): number {
    const step = isDrag ? this.#step : Math.min(this.#step, READABLE);
    return SCALES[step] ?? 1;
  }

  inputAt(now: number): void {
    this.#waitsSince ??= now;
  }

  /** The capture is started anew with other settings: the time until its next picture is not its pace. */
  started(): void {
    this.#pictureAt = null;
  }

  /** A picture that differs from the one before was captured in motion. */
  pictureAt(now: number): void {
    const before = this.#pictureAt;
    const waitsSince = this.#waitsSince;
    this.#pictureAt = now;
    this.#waitsSince = null;
    // A page that changes seldom by itself has few pictures on any machine.
    if (before === null || waitsSince === null) return;
    this.#gaps.push(Math.min(now - Math.max(before, waitsSince - FRAME_MS), LONGEST_GAP_MS));
    this.#decide();
  }

  #decide(): void {
    const last = this.#gaps.slice(-SLOW_GAPS);
    if (last.length < SLOW_GAPS) return;
    const lately = mean(last);
    const isFull = this.#step === FULL;
    if (lately > LONG_GAP_MS) this.#isSlow = true;
    if (lately > (isFull ? LONG_GAP_MS : SLOW_GAP_MS) && this.#step < COARSEST) this.#coarser();
    else if (isFull) this.#tryFull();
    else this.#tryFiner();
  }

  #tryFull(): void {
    const isTried = sum(this.#gaps) >= FULL_TRIED_FOR_MS;
    if (isTried && mean(this.#gaps) >= FULL_GAP_MS) this.#coarser();
    else this.#keep(FULL_TRIED_FOR_MS);
  }

  #tryFiner(): void {
    const [ms, all] = [sum(this.#gaps), mean(this.#gaps)];
    if (ms >= QUICK_FOR_MS && all < QUICK_GAP_MS) this.#isSlow = false;
    const [neededMs, gap] = this.#step === USUAL ? [this.#fullAfterMs, FULL_GAP_MS] : [QUICK_FOR_MS, QUICK_GAP_MS];
    if (ms >= neededMs && all < gap) this.#finer();
    else this.#keep(neededMs);
  }

  #coarser(): void {
    if (this.#step === FULL) this.#fullAfterMs = Math.min(2 * this.#fullAfterMs, MOST_FULL_AFTER_MS);
    this.#step += 1;
    this.#gaps = [];
  }

  #finer(): void {
    this.#step -= 1;
    this.#gaps = [];
  }

  /** Forgets what is longer ago than is asked about. */
  #keep(ms: number): void {
    while (sum(this.#gaps.slice(1)) >= ms) this.#gaps.shift();
  }
}

function sum(gaps: readonly number[]): number {
  return gaps.reduce((total, gap) => total + gap, 0);
}

function mean(gaps: readonly number[]): number {
  return gaps.length === 0 ? 0 : sum(gaps) / gaps.length;
}
