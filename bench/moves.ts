/** The moves of a drag: the same for every way, each at a point of its own, at an even pace with a hand's unevenness. */
import { setTimeout as delay } from "node:timers/promises";

/** px of the page */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface TimedPoint extends Point {
  /** ms, on the clock of whoever measures */
  readonly at: number;
}

export interface Move extends Point {
  /** ms after the drag's begin */
  readonly dueMs: number;
}

/** A perfectly even sender locks to the browser's frame clock and measures a random constant of it. */
const MOST_JITTER_MS = 8;
/** Neighbours differ by more than twice the displacement that is tolerated, so no point can be taken for another. */
const STEP_PX = 3;
const STEPS_A_LAP = 100;
/** Node's timers fire up to so much late; the rest is waited for without sleeping. */
const TIMER_COARSENESS_MS = 1.5;

/** Forth and back along the track, each lap a little lower: no point comes twice. */
export function planMoves(start: Point, perSecond: number, seconds: number, seed = 1): Move[] {
  const random = mulberry32(seed);
  const due = Array.from({ length: Math.round(perSecond * seconds) }, (_, index) =>
    Math.max(0, ((index + 1) * 1_000) / perSecond + (random() * 2 - 1) * MOST_JITTER_MS),
  ).sort((a, b) => a - b);
  return due.map((dueMs, index) => {
    const lap = Math.floor(index / STEPS_A_LAP);
    const step = index % STEPS_A_LAP;
    const along = lap % 2 === 0 ? step : STEPS_A_LAP - 1 - step;
    return { x: start.x + (along + 1) * STEP_PX, y: start.y + lap * STEP_PX, dueMs };
  });
}

/**
 * Sends each move when it is due, without waiting for anything. Answers when each was really sent.
 * `exact`: the last part of each wait is spent awake; not for many drags at once, whose waits would take a core.
 */
export async function sendMoves(
  moves: readonly Move[],
  send: (point: Point) => void,
  { exact }: { exact: boolean },
): Promise<TimedPoint[]> {
  const begin = performance.now();
  const sent: TimedPoint[] = [];
  for (const { x, y, dueMs } of moves) {
    await until(begin + dueMs, exact);
    sent.push({ x, y, at: performance.now() });
    send({ x, y });
  }
  return sent;
}

async function until(at: number, exact: boolean): Promise<void> {
  const sleepMs = at - performance.now() - (exact ? TIMER_COARSENESS_MS : 0);
  if (sleepMs >= 1) await delay(sleepMs);
  // A turn of the event loop each: pictures that arrive meanwhile are stamped at once.
  while (exact && performance.now() < at) await new Promise((resolve) => setImmediate(resolve));
}

/** A small random generator with a seed: every run and every way gets the same moves. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
