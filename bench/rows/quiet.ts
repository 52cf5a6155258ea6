/** Rows about the cost while nobody drags, and the time to the first picture. */
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { startBenchBrowser } from "../browser.ts";
import { type CpuShares, startCpu } from "../cpu.ts";
import { latencyOf, resultOfDrags } from "../numbers.ts";
import { VIEWPORT } from "../page.ts";
import { BenchServer } from "../server.ts";
import type { PageAsked } from "../site.ts";
import { type Opening, openConsole } from "../ways/console.ts";
import { type OursLine, openOurs } from "../ways/ours.ts";

/** The server checks the page often for 10 s after input or a change. In quick runs only the rest row waits for the end of that. */
const SETTLE_FULL_MS = 12_000;
const SETTLE_QUICK_MS = 3_000;
const REST_FULL_MS = 10_000;
const REST_QUICK_MS = 3_000;
const PLAY_FULL_MS = 6_000;
const PLAY_QUICK_MS = 2_000;
const PLAY_FULL_ROUNDS = 2;
const SESSIONS = 8;
const OPENINGS_FULL = 7;
const OPENINGS_QUICK = 3;
const SLOWDOWN = 4;
/** No person opens a link sooner than it was made, sent and read. */
const PERSON_COMES_MS = 2_000;
const BYTES_A_MB = 1_000_000;

const RESTING: PageAsked = { kind: "strip", placed: "main" };
const PLAYING: PageAsked = { ...RESTING, animated: true };

export const QUIET_ROWS: readonly Row[] = [
  { key: "rest", run: rest },
  { key: "unwatched", run: unwatched },
  { key: "memory", run: memory },
  { key: "first-picture", run: firstPicture },
];

/** A page at rest with an operator connected. */
async function rest(bench: Bench): Promise<Result[]> {
  const server = await bench.server();
  const line = await openOurs({ site: bench.site, asked: RESTING, view: "challenge", server, form: "binary" });
  try {
    say("  settling");
    await delay(SETTLE_FULL_MS);
    await line.begin();
    const endCpu = await startCpu(line.measured);
    await delay(bench.pick(REST_FULL_MS, REST_QUICK_MS));
    const { browser, server: serverCpu, other } = await endCpu();
    const result = emptyResult("rest", "page at rest, operator connected", "ours binary");
    const pictures = line.operator.log.pictures.length;
    return [{ ...result, browserCpu: browser, serverCpu, otherCpu: other, more: { pictures } }];
  } finally {
    await line.close();
  }
}

/** A page that moves by itself: without a session, with a session that nobody watches any more, and watched. */
async function unwatched(bench: Bench): Promise<Result[]> {
  const ways = { "no session": playAlone, unwatched: playUnwatched, watched: playWatched };
  const shares = new Map(Object.keys(ways).map((way) => [way, [] as CpuShares[]]));
  const rounds = bench.pick(PLAY_FULL_ROUNDS, 1);
  for (let round = 0; round < rounds; round += 1) {
    for (const [way, run] of Object.entries(ways)) {
      say(`  round ${round + 1} of ${rounds}: page playing, ${way}`);
      shares.get(way)?.push(await run(bench));
    }
  }
  const names = { row: "unwatched", title: "page playing by itself" };
  return [...shares].map(([way, runs]) => resultOfDrags({ ...names, way }, [], runs));
}

async function playAlone(bench: Bench) {
  const browser = await startBenchBrowser(VIEWPORT);
  try {
    await browser.page.open(bench.site.page(PLAYING).url);
    await delay(bench.pick(SETTLE_FULL_MS, SETTLE_QUICK_MS) / 4);
    const endCpu = await startCpu({ browserFolder: browser.folder, serverPid: null });
    await delay(bench.pick(PLAY_FULL_MS, PLAY_QUICK_MS));
    return await endCpu();
  } finally {
    await browser.close();
  }
}

async function playWatched(bench: Bench) {
  return playInSession(bench, () => {});
}

async function playUnwatched(bench: Bench) {
  return playInSession(bench, (line) => line.operator.close());
}

/** The page is watched for a while in either case, so that the capture has run and could have been left running. */
async function playInSession(bench: Bench, before: (line: OursLine) => void) {
  const server = await bench.server();
  const options = { site: bench.site, asked: PLAYING, view: "challenge", server, form: "binary" } as const;
  const line = await openOurs({ ...options, moving: true });
  try {
    before(line);
    await delay(bench.pick(SETTLE_FULL_MS, SETTLE_QUICK_MS));
    const endCpu = await startCpu(line.measured);
    await delay(bench.pick(PLAY_FULL_MS, PLAY_QUICK_MS));
    return await endCpu();
  } finally {
    await line.close();
  }
}

/** Measures the memory of a session with an operator, on a separate server. */
async function memory(bench: Bench): Promise<Result[]> {
  const server = await BenchServer.start();
  const options = { site: bench.site, asked: RESTING, view: "challenge", server, form: "binary" } as const;
  const lines: OursLine[] = [];
  const settleMs = bench.pick(SETTLE_FULL_MS, SETTLE_QUICK_MS) / 4;
  try {
    // The first session loads code that stays in memory.
    await (await openOurs(options)).close();
    await delay(settleMs);
    const before = await server.memory();
    for (let index = 0; index < SESSIONS; index += 1) lines.push(await openOurs(options));
    await delay(settleMs);
    const after = await server.memory();
    const perSession = (bytes: number) => bytes / SESSIONS / BYTES_A_MB;
    return [
      {
        ...emptyResult("memory", `server memory, ${SESSIONS} sessions`, "ours binary"),
        more: {
          "MB a session": perSession(after.held - before.held),
          "rss MB a session": perSession(after.rss - before.rss),
          "rss MB without": before.rss / BYTES_A_MB,
        },
      },
    ];
  } finally {
    await Promise.all(lines.map((line) => line.close()));
    await server.stop();
  }
}

/**
 * Measures the time from opening the link, in a browser that has never seen the console, to the first painted picture. A
 * page that paints at once, and that gets a process of its own as the console does, gives the browser's own part of it.
 */
async function firstPicture(bench: Bench): Promise<Result[]> {
  const server = await bench.server();
  const { paintedAtOnce, otherSite } = bench.site;
  const ways: readonly { readonly row: string; readonly title: string; readonly opening: Opening }[] = [
    { row: "first-picture", title: "link opened to first picture", opening: {} },
    { row: "first-picture from", title: "the same from another site's page", opening: { from: otherSite } },
    { row: "first-picture slow", title: "the same, CPU 4 times slower", opening: { slowdown: SLOWDOWN } },
  ];
  const times = ways.map((way) => ({ ...way, floor: [] as number[], ours: [] as number[] }));
  const openings = bench.pick(OPENINGS_FULL, OPENINGS_QUICK);
  for (let turn = 0; turn < openings; turn += 1) {
    for (const { title, opening, floor, ours } of times) {
      say(`  opening ${turn + 1} of ${openings}: ${title}`);
      floor.push(await openOnce(paintedAtOnce, opening));
      const session = await server.createSession({ url: bench.site.page(RESTING).url });
      await delay(PERSON_COMES_MS);
      ours.push(await openOnce(session.control_url, opening));
      await server.endSession(session.session_id);
    }
  }
  return times.flatMap(({ row, title, floor, ours }) => [
    { ...emptyResult(row, title, "floor"), latency: latencyOf(floor) },
    { ...emptyResult(row, title, "console"), latency: latencyOf(ours) },
  ]);
}

async function openOnce(url: string, opening: Opening): Promise<number> {
  const { firstPictureMs, close } = await openConsole(url, opening);
  await close();
  return firstPictureMs;
}
