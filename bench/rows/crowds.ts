/** Rows with several people: drags in several sessions at the same time, and watchers of one drag. */
import { type Bench, type Result, type Row, say } from "../bench.ts";
import { BENCH_BROWSERS } from "../browser.ts";
import { type CpuShares, startCpu } from "../cpu.ts";
import { type DragRun, drag, match } from "../drag.ts";
import { planMoves } from "../moves.ts";
import { latencyOf, resultOfDrags, shownLatencies } from "../numbers.ts";
import { KNOB } from "../page.ts";
import type { PageAsked } from "../site.ts";
import { openFloor } from "../ways/floor.ts";
import { formOf, openOurs } from "../ways/ours.ts";
import { type Line, type OursName, USUAL_PATIENCE_MS, type WayName } from "../ways/way.ts";

const FULL_SECONDS = 6;
const QUICK_SECONDS = 3;
const FULL_ROUNDS = 2;
const MOVES_PER_SECOND = 60;
const SESSIONS_AT_ONCE = [1, 4, 8] as const;
const VIEWERS = [1, 5] as const;
const OURS = ["ours json", "ours binary"] as const;
const ASKED: PageAsked = { kind: "strip", placed: "main" };

export const CROWD_ROWS: readonly Row[] = [
  {
    key: "sessions",
    run: (bench) => inTurn(bench, ["floor", ...OURS], SESSIONS_AT_ONCE, sessionsOf),
  },
  { key: "viewers", run: (bench) => inTurn(bench, OURS, VIEWERS, viewersOf) },
];

interface Crowd {
  readonly drags: DragRun[];
  readonly shares: CpuShares;
  readonly more: Record<string, number>;
}

interface Contest<Way extends WayName> {
  readonly row: (count: number) => string;
  readonly title: (count: number) => string;
  readonly run: (bench: Bench, way: Way, count: number) => Promise<Crowd>;
}

/** The worst of several rounds. */
function worseOf(a: number, b: number, name: string): number {
  return name.startsWith("fewest") ? Math.min(a, b) : Math.max(a, b);
}

const sessionsOf: Contest<"floor" | OursName> = {
  row: (count) => `sessions ${count}`,
  title: (count) => `${count} dragging at once`,
  run: dragAtOnce,
};

const viewersOf: Contest<OursName> = {
  row: (count) => `viewers ${count}`,
  title: (count) => (count === 1 ? "nobody else watches" : `${count - 1} others watch`),
  run: dragWatched,
};

async function inTurn<Way extends WayName>(
  bench: Bench,
  ways: readonly Way[],
  counts: readonly number[],
  { row, title, run }: Contest<Way>,
): Promise<Result[]> {
  const entries = counts.flatMap((count) => ways.map((way) => ({ count, way, crowds: [] as Crowd[] })));
  const rounds = bench.pick(FULL_ROUNDS, 1);
  for (let round = 0; round < rounds; round += 1) {
    for (const { count, way, crowds } of entries) {
      say(`  round ${round + 1} of ${rounds}: ${title(count)}, ${way}`);
      crowds.push(await run(bench, way, count));
    }
  }
  return entries.map(({ count, way, crowds }) => {
    const drags = crowds.flatMap((crowd) => crowd.drags);
    const shares = crowds.map((crowd) => crowd.shares);
    const result = resultOfDrags({ row: row(count), title: title(count), way }, drags, shares);
    const more: Record<string, number> = { ...result.more };
    for (const [name, value] of crowds.flatMap((crowd) => Object.entries(crowd.more))) {
      more[name] = name in more ? worseOf(more[name] as number, value, name) : value;
    }
    return { ...result, more };
  });
}

/** Drags in several sessions, each with its own operator. All begin at the same moment. */
async function dragAtOnce(bench: Bench, way: "floor" | OursName, count: number): Promise<Crowd> {
  const lines: Line[] = [];
  try {
    const server = await bench.server();
    const options = { site: bench.site, asked: ASKED, view: "challenge" } as const;
    for (let index = 0; index < count; index += 1) {
      lines.push(
        way === "floor" ? await openFloor(options) : await openOurs({ ...options, server, form: formOf(way) }),
      );
    }
    const endCpu = await startCpu(
      way === "floor"
        ? { browserFolder: BENCH_BROWSERS, serverPid: null }
        : { browserFolder: server.dataDir, serverPid: server.pid },
    );
    const pending = await Promise.all(
      lines.map((line, index) => {
        const moves = planMoves(KNOB, MOVES_PER_SECOND, bench.pick(FULL_SECONDS, QUICK_SECONDS), index + 1);
        return drag(line, KNOB, moves, { exact: count === 1, seenWithinMs: USUAL_PATIENCE_MS });
      }),
    );
    const shares = await endCpu();
    const drags: DragRun[] = [];
    for (const each of pending) drags.push(await each.finish());
    const p95 = drags.map((run) => latencyOf(shownLatencies(run))?.p95 ?? Number.POSITIVE_INFINITY);
    const pictures = drags.map((run) => run.picturesPerSecond);
    return {
      drags,
      shares,
      more: {
        "worst session's p95 ms": Math.max(...p95),
        "fewest pictures/s": Math.min(...pictures),
        "slowest/fastest p95": Math.max(...p95) / Math.min(...p95),
        "slowest/fastest pictures/s": Math.max(...pictures) / Math.max(0.001, Math.min(...pictures)),
      },
    };
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

/** One operator drags and others watch: measures the latency in control, and that of the slowest watcher. */
async function dragWatched(bench: Bench, way: OursName, count: number): Promise<Crowd> {
  const server = await bench.server();
  const watchers = count - 1;
  const options = { site: bench.site, asked: ASKED, view: "challenge", server, form: formOf(way) } as const;
  const line = await openOurs({ ...options, watchers });
  try {
    const moves = planMoves(KNOB, MOVES_PER_SECOND, bench.pick(FULL_SECONDS, QUICK_SECONDS));
    const endCpu = await startCpu(line.measured);
    const pending = await drag(line, KNOB, moves, { exact: true, seenWithinMs: USUAL_PATIENCE_MS });
    const shares = await endCpu();
    const run = await pending.finish();
    const p95: number[] = [];
    for (const watcher of line.watchers) {
      const { latencies } = match(run.sent, (await watcher.log.read()).shown);
      p95.push(latencyOf(latencies.filter((ms) => ms !== null))?.p95 ?? Number.POSITIVE_INFINITY);
    }
    return { drags: [run], shares, more: watchers === 0 ? {} : { "worst watcher's p95 ms": Math.max(...p95) } };
  } finally {
    await line.close();
  }
}
