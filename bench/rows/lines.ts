/** Rows about the network: a slow connection with a long delay, and a viewer who stops reading. */
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { startCpu } from "../cpu.ts";
import { type DragRun, drag } from "../drag.ts";
import { planMoves } from "../moves.ts";
import { latencyOf, resultOfDrags } from "../numbers.ts";
import { KNOB } from "../page.ts";
import { startRelay } from "../relay.ts";
import { type OursLine, openOurs } from "../ways/ours.ts";
import type { Form } from "../ways/viewer.ts";
import { USUAL_PATIENCE_MS } from "../ways/way.ts";

const FORMS: readonly Form[] = ["json", "binary", "damage"];

interface LineCase {
  readonly row: string;
  readonly title: string;
  readonly line: { readonly bitsPerSecond: number; readonly delayMs: number };
  readonly view: "challenge" | "page";
}

const SLOW_LINE: LineCase = {
  row: "slow-line",
  title: "1 Mbit/s, 150 ms round trip",
  line: { bitsPerSecond: 1_000_000, delayMs: 75 },
  view: "challenge",
};
/** A faster line carries whole pages whole [W63]. */
const PAGE_LINE: LineCase = {
  row: "page-line",
  title: "whole page, 10 Mbit/s, 40 ms",
  line: { bitsPerSecond: 10_000_000, delayMs: 20 },
  view: "page",
};
const SLOW_FULL_SECONDS = 20;
const SLOW_QUICK_SECONDS = 5;
const MOVES_PER_SECOND = 60;
/** The length of the beginning and the end that are compared, as a part of the drag. */
const COMPARED_PART = 0.25;

const STALL_FULL_MS = 10_000;
const STALL_QUICK_MS = 3_000;
const BEFORE_STALL_MS = 1_000;
const AFTER_STALL_MS = 2_000;
const BYTES_A_MB = 1_000_000;

export const LINE_ROWS: readonly Row[] = [
  ...[SLOW_LINE, PAGE_LINE].map((given) => ({
    key: given.row,
    run: (bench: Bench) => eachForm(given.title, (form) => slowLine(bench, given, form)),
  })),
  { key: "stalled", run: (bench) => eachForm("a viewer stops reading", (form) => stalled(bench, form)) },
];

async function eachForm(title: string, run: (form: Form) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const form of FORMS) {
    say(`  ${title}, ours ${form}`);
    results.push(await run(form));
  }
  return results;
}

/** A long drag, which shows whether the delay grows because something queues up. */
async function slowLine(bench: Bench, { row, title, line: limits, view }: LineCase, form: Form): Promise<Result> {
  const server = await bench.server();
  const relay = await startRelay(server.url, limits);
  let line: OursLine | undefined;
  try {
    const asked = { kind: "strip", placed: "main" } as const;
    line = await openOurs({ site: bench.site, asked, view, server, form, route: relay.route });
    const moves = planMoves(KNOB, MOVES_PER_SECOND, bench.pick(SLOW_FULL_SECONDS, SLOW_QUICK_SECONDS));
    const endCpu = await startCpu(line.measured);
    const pending = await drag(line, KNOB, moves, { exact: true, seenWithinMs: USUAL_PATIENCE_MS });
    const shares = await endCpu();
    const run = await pending.finish();
    const names = { row, title, way: `ours ${form}` };
    const result = resultOfDrags(names, [run], [shares]);
    const compared = { "first quarter's p95 ms": partP95(run, 0), "last quarter's p95 ms": partP95(run, 0.75) };
    return { ...result, more: { ...result.more, ...compared } };
  } finally {
    await line?.close();
    await relay.stop();
  }
}

function partP95({ latencies }: DragRun, from: number): number {
  const start = Math.floor(latencies.length * from);
  const part = latencies.slice(start, start + Math.ceil(latencies.length * COMPARED_PART));
  return latencyOf(part.filter((ms) => ms !== null))?.p95 ?? Number.POSITIVE_INFINITY;
}

/** The page moves by itself. The only viewer stops reading for a while and then reads on. */
async function stalled(bench: Bench, form: Form): Promise<Result> {
  const server = await bench.server();
  const asked = { kind: "strip", placed: "main", animated: true } as const;
  const line = await openOurs({ site: bench.site, asked, view: "challenge", server, form, moving: true });
  try {
    const { operator } = line;
    await delay(BEFORE_STALL_MS);
    const before = await server.memory();
    operator.pause();
    await delay(bench.pick(STALL_FULL_MS, STALL_QUICK_MS));
    const after = await server.memory();
    operator.log.clear();
    const resumedAt = Date.now();
    operator.resume();
    await delay(AFTER_STALL_MS);
    const { pictures } = operator.log;
    // The offset between both clocks is computed again, as the system's clock may be set meanwhile.
    const clockMs = Date.now() - performance.now();
    const fresh = pictures.find(({ capturedAt }) => (capturedAt ?? 0) >= resumedAt);
    const freshAge = fresh ? clockMs + fresh.at - (fresh.capturedAt ?? 0) : Number.POSITIVE_INFINITY;
    return {
      ...emptyResult("stalled", "a viewer stops reading", `ours ${form}`),
      picturesPerSecond: pictures.length / (AFTER_STALL_MS / 1_000),
      more: {
        "old pictures": pictures.filter(({ capturedAt }) => (capturedAt ?? 0) < resumedAt).length,
        "first fresh one's age ms": freshAge,
        "until the first fresh one ms": fresh ? clockMs + fresh.at - resumedAt : Number.POSITIVE_INFINITY,
        "server memory MB": (after.held - before.held) / BYTES_A_MB,
        "server rss MB": (after.rss - before.rss) / BYTES_A_MB,
      },
    };
  } finally {
    await line.close();
  }
}
