/** Rows about sessions that nobody does anything in: what each costs beyond its browser alone, all ways side by side. */
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { BENCH_BROWSERS, startBenchBrowser } from "../browser.ts";
import { type CpuShares, type Measured, startCpu } from "../cpu.ts";
import { VIEWPORT } from "../page.ts";
import { BenchServer } from "../server.ts";
import type { PageAsked } from "../site.ts";
import { openOurs } from "../ways/ours.ts";

/** The server looks often for 10 s, and listens after the look that follows. */
const SETTLE_MS = 16_000;
const MEASURE_FULL_MS = 30_000;
const MEASURE_QUICK_MS = 10_000;
const SESSIONS_FULL = 4;
const SESSIONS_QUICK = 2;

const PAGES: Readonly<Record<string, PageAsked>> = {
  gone: { kind: "plain", placed: "main" },
  value: { kind: "plain", placed: "main", hasField: true },
};

export const IDLE_ROWS: readonly Row[] = [{ key: "idle", run: idle }];

interface Way {
  readonly name: string;
  readonly open: (bench: Bench, asked: PageAsked, count: number) => Promise<Opened>;
}

interface Opened {
  readonly measured: Measured;
  readonly close: () => Promise<void>;
}

/** Sessions whose page nobody acts in: nobody is connected, or an operator to each. */
async function idle(bench: Bench): Promise<Result[]> {
  const results: Result[] = [];
  const { against } = bench;
  const ways: readonly Way[] = [
    { name: "browser alone", open: openAlone },
    { name: "ours unwatched", open: sessions(false) },
    { name: "ours watched", open: sessions(true) },
    ...(against === undefined
      ? []
      : [
          { name: "against unwatched", open: sessions(false, against) },
          { name: "against watched", open: sessions(true, against) },
        ]),
  ];
  const count = bench.pick(SESSIONS_FULL, SESSIONS_QUICK);
  for (const [kind, asked] of Object.entries(PAGES)) {
    say(`  ${count} sessions each way on a page of a ${kind} kind`);
    const open: Opened[] = [];
    try {
      for (const way of ways) open.push(await way.open(bench, asked, count));
      await delay(SETTLE_MS);
      const ends = await Promise.all(open.map(({ measured }) => startCpu(measured)));
      await delay(bench.pick(MEASURE_FULL_MS, MEASURE_QUICK_MS));
      const shares = await Promise.all(ends.map((end) => end()));
      results.push(...ways.map(({ name }, at) => resultOf(kind, name, count, shares[at], shares[0])));
    } finally {
      await Promise.all(open.map(({ close }) => close()));
    }
  }
  return results;
}

function resultOf(kind: string, way: string, count: number, all?: CpuShares, alone?: CpuShares): Result {
  const each = (percent: number | null | undefined) => (percent ?? 0) / count;
  const result = emptyResult(`idle ${kind}`, `at rest on a page of a ${kind} kind, each session`, way);
  const beyond = each(all?.browser) + each(all?.server) - each(alone?.browser);
  return {
    ...result,
    browserCpu: each(all?.browser),
    serverCpu: way === "browser alone" ? null : each(all?.server),
    otherCpu: all?.other ?? null,
    more: way === "browser alone" ? {} : { "% of a core beyond the browser": beyond },
  };
}

async function openAlone(bench: Bench, asked: PageAsked, count: number): Promise<Opened> {
  const browsers = await Promise.all(Array.from({ length: count }, () => startBenchBrowser(VIEWPORT)));
  for (const { page } of browsers) await page.open(bench.site.page(asked).url);
  const close = async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
  };
  // All browsers of the bench that are open now.
  return { measured: { browserFolder: BENCH_BROWSERS, serverPid: null }, close };
}

function sessions(isWatched: boolean, checkout?: string): Way["open"] {
  return async ({ site }, asked, count) => {
    const server = await BenchServer.start(checkout === undefined ? {} : { checkout });
    for (let index = 0; index < count; index += 1) {
      if (isWatched) await openOurs({ site, asked, view: "challenge", server, form: "binary" });
      else await server.createSession({ url: site.page(asked).url });
    }
    return { measured: { browserFolder: server.dataDir, serverPid: server.pid }, close: () => server.stop() };
  };
}
