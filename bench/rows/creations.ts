/** Rows about creations of pages of the server's own: to the answer and to the first picture, with and without a browser that waits. */
import { setTimeout as delay } from "node:timers/promises";
import { gaugesSchema } from "../../src/protocol/health.ts";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { startBenchBrowser } from "../browser.ts";
import { BEARER } from "../key.ts";
import { latencyOf } from "../numbers.ts";
import { VIEWPORT } from "../page.ts";
import { BenchServer } from "../server.ts";
import { ViewerSocket } from "../ways/viewer.ts";

const ROUNDS_FULL = 20;
const ROUNDS_QUICK = 5;
const READY_POLL_MS = 50;
const READY_DEADLINE_MS = 60_000;

export const CREATION_ROWS: readonly Row[] = [{ key: "created", run: created }];

/** Times of one creation, ms. */
interface Creation {
  readonly answerMs: number;
  readonly pictureMs: number;
}

async function created(bench: Bench): Promise<Result[]> {
  const servers = { new: await bench.server(), warm: await BenchServer.start({ warmBrowsers: 1 }) };
  const page = bench.site.page({ kind: "plain", placed: "main" });
  const nothing = bench.site.paintedAtOnce;
  const floor: Creation[] = [];
  const found = { new: [] as Creation[], warm: [] as Creation[] };
  const lost = { new: [] as number[], warm: [] as number[] };
  const rounds = bench.pick(ROUNDS_FULL, ROUNDS_QUICK);
  try {
    for (let round = 0; round < rounds; round += 1) {
      say(`  round ${round + 1} of ${rounds}: created`);
      floor.push(await startRaw(page.url));
      for (const way of ["new", "warm"] as const) {
        found[way].push(await create(servers[way], page.url, way === "warm" ? 1 : 0));
        lost[way].push(await createUnwatched(servers[way], nothing, way === "warm" ? 1 : 0));
      }
    }
  } finally {
    await servers.warm.stop();
  }
  const row = (key: string, title: string, way: string, times: readonly number[]): Result => ({
    ...emptyResult(key, title, way),
    latency: latencyOf(times),
  });
  const answer = ["created", "a page of the server's own: POST to 201"] as const;
  const picture = ["created picture", "the same: POST to first picture"] as const;
  const none = ["created nothing", "the same where no challenge is found: POST to 201"] as const;
  return [
    row(
      ...answer,
      "floor",
      floor.map(({ answerMs }) => answerMs),
    ),
    ...(["new", "warm"] as const).map((way) =>
      row(
        ...answer,
        `ours ${way}`,
        found[way].map(({ answerMs }) => answerMs),
      ),
    ),
    row(
      ...picture,
      "floor",
      floor.map(({ pictureMs }) => pictureMs),
    ),
    ...(["new", "warm"] as const).map((way) =>
      row(
        ...picture,
        `ours ${way}`,
        found[way].map(({ pictureMs }) => pictureMs),
      ),
    ),
    ...(["new", "warm"] as const).map((way) => row(...none, `ours ${way}`, lost[way])),
  ];
}

/** A raw start: until the debugging port is open, and until a screenshot of the loaded page is there. */
async function startRaw(url: string): Promise<Creation> {
  const startedAt = performance.now();
  const browser = await startBenchBrowser(VIEWPORT);
  await browser.page.open(url);
  await browser.page.send("Page.captureScreenshot", { format: "jpeg", quality: 50 });
  const pictureMs = performance.now() - startedAt;
  await browser.close();
  return { answerMs: browser.portMs, pictureMs };
}

/** The operator's socket opens as soon as there is a link. */
async function create(server: BenchServer, url: string, waiting: number): Promise<Creation> {
  await untilReady(server, waiting);
  const startedAt = performance.now();
  const session = await server.createSession({ url });
  const answerMs = performance.now() - startedAt;
  const operator = await ViewerSocket.connect(session.ws_url, "binary", "plain");
  const pictureMs = (await operator.log.first()).at - startedAt;
  operator.close();
  await server.endSession(session.session_id);
  return { answerMs, pictureMs };
}

async function createUnwatched(server: BenchServer, url: string, waiting: number): Promise<number> {
  await untilReady(server, waiting);
  const startedAt = performance.now();
  const session = await server.createSession({ url });
  const answerMs = performance.now() - startedAt;
  await server.endSession(session.session_id);
  return answerMs;
}

/** Waits until nothing is left of the last session, and so many browsers wait. */
async function untilReady({ url }: BenchServer, waiting: number): Promise<void> {
  const end = performance.now() + READY_DEADLINE_MS;
  while (performance.now() < end) {
    const answer = (await (await fetch(`${url.origin}/healthz`, { headers: BEARER })).json()) as { gauges: unknown };
    const { browsers, releasing, warm_browsers } = gaugesSchema.parse(answer.gauges);
    if (browsers === 0 && releasing === 0 && warm_browsers === waiting) return;
    await delay(READY_POLL_MS);
  }
  throw new Error(`The server has no ${waiting} browsers that wait.`);
}
