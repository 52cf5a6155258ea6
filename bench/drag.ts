/** Runs one drag over one opened way of showing the page, and computes its numbers. */
import { setTimeout as delay } from "node:timers/promises";
import { type Move, type Point, sendMoves, type TimedPoint } from "./moves.ts";
import type { Line, LineRecord } from "./ways/way.ts";

/** The pause between the press and the first move, as a hand rests a moment on the knob. */
const PRESS_TO_MOVE_MS = 100;
const LAST_MOVE_POLL_MS = 15;
/** The shortest time until a picture can show the last move. */
const FRAME_MS = 1_000 / 60;
/**
 * For a page that rounds, for scaled consoles, and for coarse pictures that are cut at whole px of theirs; neighbouring
 * moves differ by 3 px.
 */
export const TOLERATED_PX = 1.4;

/** Raw results of one drag. */
export interface DragRun {
  readonly sent: readonly TimedPoint[];
  /** For each move the ms until a picture showed it or a later one; null: never. */
  readonly latencies: readonly (number | null)[];
  /** Moves that were shown, or overtaken by a shown one, in time (before the patience after the last was over), %. */
  readonly seenPercent: number;
  /** Moves that the page reports as received, %; null: no report. */
  readonly reachedPercent: number | null;
  /** Largest distance between a target and the point that the page received, px; null: no report. */
  readonly displacementPx: number | null;
  readonly picturesPerSecond: number;
  readonly jpegBytes: readonly number[];
  readonly wireBytes: readonly number[];
  readonly unreadable: number;
  /** Shown points that no move before had sent, or that the page's report does not contain. */
  readonly strays: number;
}

/** The state right after the last move. `finish` still has to read the pictures. */
export interface PendingDrag {
  finish(): Promise<DragRun>;
}

export interface DragOptions {
  /** See sendMoves. */
  readonly exact: boolean;
  /** The time within which the last move must be shown, in ms. */
  readonly seenWithinMs: number;
}

/** Presses, sends the moves, waits until the last one is shown, and releases. Meanwhile only the last picture is decoded. */
export async function drag(
  line: Line,
  from: Point,
  moves: readonly Move[],
  options: DragOptions,
): Promise<PendingDrag> {
  await line.begin();
  line.press(from);
  await delay(PRESS_TO_MOVE_MS);
  const planned = await sendMoves(moves, (point) => line.move(point), options);
  const last = moves.at(-1) ?? from;
  const lastAt = performance.now();
  while (performance.now() - lastAt < line.patienceMs) {
    const shown = await line.lastShown();
    if (shown && isNear(shown, last)) break;
    await delay(LAST_MOVE_POLL_MS);
  }
  return {
    async finish() {
      const record = await line.record();
      line.release(last);
      const report = await line.page.report();
      return numbers(record, record.sent ?? planned, report, moves, options);
    },
  };
}

function numbers(
  record: LineRecord,
  sent: readonly TimedPoint[],
  report: Awaited<ReturnType<Line["page"]["report"]>>,
  moves: readonly Move[],
  { seenWithinMs }: DragOptions,
): DragRun {
  const { latencies, strays } = match(sent, record.shown);
  const [first, last] = [sent[0]?.at ?? 0, sent.at(-1)?.at ?? 0];
  const seenUntil = last + seenWithinMs;
  const seen = latencies.filter((ms, index) => ms !== null && (sent[index] as TimedPoint).at + ms <= seenUntil).length;
  const isDuring = (at: number) => at >= first && at <= last + FRAME_MS;
  const pictures = record.pictures.filter(({ at }) => isDuring(at));
  const painted = new Set(report?.painted.map(([x, y]) => `${Math.round(x)} ${Math.round(y)}`));
  const exactPoints = record.sent === null && record.shown.every(({ x }) => Number.isInteger(x));
  const invented = report && exactPoints ? record.shown.filter(({ x, y }) => !painted.has(`${x} ${y}`)).length : 0;
  return {
    sent,
    latencies,
    seenPercent: (100 * seen) / Math.max(1, sent.length),
    reachedPercent: report && reached(report.seen, moves),
    displacementPx: report && displacement(report.seen, moves),
    picturesPerSecond: record.pictureTimes.filter(isDuring).length / Math.max(0.001, (last - first) / 1_000),
    jpegBytes: pictures.map(({ jpeg }) => jpeg.length),
    wireBytes: pictures.map(({ wireBytes }) => wireBytes),
    unreadable: record.unreadable,
    strays: strays + invented,
  };
}

/** For each move the time in ms until the first picture that shows it or a later one. */
export function match(
  sent: readonly TimedPoint[],
  shown: readonly TimedPoint[],
): { latencies: (number | null)[]; strays: number } {
  const latencies: (number | null)[] = sent.map(() => null);
  let next = 0;
  let strays = 0;
  for (const picture of shown) {
    const index = sent.findIndex((move) => isNear(move, picture));
    if (index === -1 || (sent[index] as TimedPoint).at > picture.at) {
      strays += 1;
      continue;
    }
    for (; next <= index; next += 1) latencies[next] = picture.at - (sent[next] as TimedPoint).at;
  }
  return { latencies, strays };
}

function isNear(a: Point, b: Point): boolean {
  return Math.abs(a.x - b.x) <= TOLERATED_PX && Math.abs(a.y - b.y) <= TOLERATED_PX;
}

/** The part of the moves that the page received, %. No point occurs twice. */
function reached(seen: readonly (readonly [number, number])[], moves: readonly Point[]): number {
  const count = moves.filter((move) => seen.some(([x, y]) => isNear(move, { x, y }))).length;
  return (100 * count) / Math.max(1, moves.length);
}

/** The largest distance between a point that the page received and the nearest target, px. */
function displacement(seen: readonly (readonly [number, number])[], aimed: readonly Point[]): number {
  let farthest = 0;
  for (const [x, y] of seen) {
    const nearest = Math.min(...aimed.map((point) => Math.max(Math.abs(point.x - x), Math.abs(point.y - y))));
    farthest = Math.max(farthest, nearest);
  }
  return farthest;
}
