/** The moves of a drag: the same for every way, each at a different point, at an even pace with the jitter of a hand. */
import { setTimeout as delay } from "node:timers/promises";

/** px of the page */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface TimedPoint extends Point {
  /** ms on the clock of the process that measures */
  readonly at: number;
}

export interface Move extends Point {
  /** ms after the start of the drag */
  readonly dueMs: number;
}

/** The largest jitter of a move. A perfectly even sender locks to the browser's frame clock and measures a random constant. */
const MOST_JITTER_MS = 8;
/** The distance between neighbours. It is more than twice the tolerated displacement, so no point is mistaken for another. */
const STEP_PX = 3;
const STEPS_A_LAP = 100;
/** Node's timers fire up to this much late, so the last part of a wait is spent awake. */
const TIMER_COARSENESS_MS = 1.5;

/** The moves forth and back along the track. Each lap is a little lower, so that no point occurs twice. */
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
 * Sends each move when it is due, without waiting for anything. Resolves with the times at which they were sent.
 * `exact` spends the last part of each wait awake. It is not for many drags at once, whose waits would take a core.
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
  // Yields to the event loop, so that pictures that arrive meanwhile get their time at once.
  while (exact && performance.now() < at) await new Promise((resolve) => setImmediate(resolve));
}

/** A small random generator with a seed, so that every run and every way gets the same moves. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
