/** Combines many runs of one measurement into one result. */
import { emptyResult, type Latency, type Result } from "./bench.ts";
import type { CpuShares } from "./cpu.ts";
import type { DragRun } from "./drag.ts";

const BYTES_A_KB = 1_000;

/** The value below which `part` (0..1) of the sorted values lie. */
export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function latencyOf(values: readonly number[]): Latency | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return {
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    max: sorted.at(-1) ?? Number.NaN,
    count: sorted.length,
  };
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The mean of the values that are not null. */
function meanKnown(values: readonly (number | null)[]): number | null {
  return mean(values.filter((value) => value !== null));
}

export function shownLatencies(run: DragRun): number[] {
  return run.latencies.filter((ms) => ms !== null);
}

/** Latencies over the moves of all runs, so that a bad round counts in proportion to its length. */
export function resultOfDrags(
  names: Pick<Result, "row" | "title" | "way">,
  runs: readonly DragRun[],
  shares: readonly CpuShares[],
): Result {
  const kilobytes = (bytes: readonly number[]) => {
    const size = mean(bytes);
    return size === null ? null : size / BYTES_A_KB;
  };
  const displacements = runs.map((run) => run.displacementPx).filter((px) => px !== null);
  const faults = {
    "moves never shown": runs.reduce((sum, run) => sum + run.latencies.filter((ms) => ms === null).length, 0),
    "unreadable pictures": runs.reduce((sum, run) => sum + run.unreadable, 0),
    "stray points": runs.reduce((sum, run) => sum + run.strays, 0),
  };
  return {
    ...emptyResult(names.row, names.title, names.way),
    latency: latencyOf(runs.flatMap(shownLatencies)),
    seenPercent: meanKnown(runs.map((run) => run.seenPercent)),
    reachedPercent: meanKnown(runs.map((run) => run.reachedPercent)),
    displacementPx: displacements.length === 0 ? null : Math.max(...displacements),
    picturesPerSecond: meanKnown(runs.map((run) => run.picturesPerSecond)),
    jpegKb: kilobytes(runs.flatMap((run) => run.jpegBytes)),
    wireKb: kilobytes(runs.flatMap((run) => run.wireBytes)),
    browserCpu: meanKnown(shares.map((share) => share.browser)),
    serverCpu: meanKnown(shares.map((share) => share.server)),
    otherCpu: mean(shares.map((share) => share.other)),
    // Listed only if there are any: they reduce the weight of the numbers beside them.
    more: Object.fromEntries(Object.entries(faults).filter(([, count]) => count > 0)),
  };
}
