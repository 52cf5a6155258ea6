/** Rows about the start and the end of a session: the time to the first picture, and the time until the bot learns the result. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { CreateSessionInput } from "../../src/protocol/rest.ts";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { startBenchBrowser } from "../browser.ts";
import { atEnd } from "../cleanup.ts";
import { BEARER } from "../key.ts";
import { latencyOf } from "../numbers.ts";
import { VIEWPORT } from "../page.ts";
import type { BenchServer } from "../server.ts";
import { ViewerSocket } from "../ways/viewer.ts";

const ROUNDS_FULL = 20;
const ROUNDS_QUICK = 5;
/** The time of a site's own check of an attempt, between the release and the success. */
const SITE_CHECK_MS = 150;
const LONG_POLL_SECONDS = 20;
const CALLBACK_PATH = "/told";
/** The server's default, which is part of the measured time. */
export const STABLE_MS = 500;

const PAGE = `<!doctype html><div id="the-captcha"
    style="position:absolute;left:100px;top:80px;width:300px;height:200px;background:#ccd"></div>
  <script>addEventListener("mouseup", () => setTimeout(() => {
    document.getElementById("the-captcha").remove();
    navigator.sendBeacon("/success?" + Date.now());
  }, ${SITE_CHECK_MS}))</script>`;

export const END_ROWS: readonly Row[] = [
  { key: "attach", run: attach },
  { key: "told", run: told },
];

/** Measures the time from the bot's POST to the first picture. The operator's socket opens as soon as there is a link. */
async function attach(bench: Bench): Promise<Result[]> {
  const server = await bench.server();
  const times: number[] = [];
  await inRounds(bench, "attach", async () => {
    const browser = await startBenchBrowser(VIEWPORT);
    await browser.page.open(bench.site.page({ kind: "plain", placed: "main" }).url);
    const startedAt = performance.now();
    const session = await server.createSession({ cdp: { endpoint: browser.endpoint } });
    const operator = await ViewerSocket.connect(session.ws_url, "binary", "plain");
    times.push((await operator.log.first()).at - startedAt);
    operator.close();
    await server.endSession(session.session_id);
    await browser.close();
  });
  const title = "a page of the bot's own: POST to first picture";
  return [{ ...emptyResult("attach", title, "ours guest"), latency: latencyOf(times) }];
}

/** Measures the time from the page's success (its challenge leaves the document) to the bot's long poll and webhook. */
async function told(bench: Bench): Promise<Result[]> {
  const server = await bench.server();
  const site = await successSite();
  const [owned, guest]: [Told[], Told[]] = [[], []];
  await inRounds(bench, "told", async () => {
    owned.push(await tellOnce(server, site, { url: site.url }));
    const browser = await startBenchBrowser(VIEWPORT);
    await browser.page.open(site.url);
    guest.push(await tellOnce(server, site, { cdp: { endpoint: browser.endpoint } }));
    await browser.close();
  });
  return [
    ...[["ours binary", owned] as const, ["ours guest", guest] as const].flatMap(([way, runs]) => [
      {
        ...emptyResult("told", "page's own success to the bot's long poll", way),
        latency: latencyOf(runs.map(({ longPollMs }) => longPollMs)),
      },
      {
        ...emptyResult("told webhook", "page's own success to the bot's webhook", way),
        latency: latencyOf(runs.map(({ webhookMs }) => webhookMs)),
      },
    ]),
  ];
}

interface Told {
  readonly longPollMs: number;
  readonly webhookMs: number;
}

async function tellOnce(server: BenchServer, site: SuccessSite, page: CreateSessionInput): Promise<Told> {
  const session = await server.createSession({ ...page, callback_url: site.callbackUrl });
  const webhook = site.endOf(session.session_id);
  const ended = fetch(`${session.status_url}?wait=${LONG_POLL_SECONDS}`, { headers: BEARER });
  const operator = await ViewerSocket.connect(session.ws_url, "binary", "plain");
  for (const event_type of ["down", "move", "up"] as const) {
    operator.send({ type: "mouse_event", event_type, x: 200, y: 150, button: "left" });
  }
  const { state } = (await (await ended).json()) as { state: string };
  const toldAt = Date.now();
  operator.close();
  if (state !== "solved") throw new Error(`The session is ${state}.`);
  return { longPollMs: toldAt - site.successAt(), webhookMs: (await webhook) - site.successAt() };
}

interface SuccessSite {
  readonly url: string;
  /** Receives webhooks. */
  readonly callbackUrl: string;
  /** Time at which the webhook of this session's end arrived, ms since 1970. */
  readonly endOf: (sessionId: string) => Promise<number>;
  /** Time of the success on the page's clock, which is this machine's; ms since 1970. */
  readonly successAt: () => number;
}

async function successSite(): Promise<SuccessSite> {
  let successAt = Number.NaN;
  const ends = new Map<string, PromiseWithResolvers<number>>();
  const endOf = (id: string) => {
    const end = ends.get(id) ?? Promise.withResolvers<number>();
    ends.set(id, end);
    return end;
  };
  const server = createServer(async (request, response) => {
    if (request.url === CALLBACK_PATH) {
      const at = Date.now();
      const { type, data } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      if (type === "session.ended") endOf(data.session_id).resolve(at);
    } else if (request.url?.startsWith("/success?")) successAt = Number(request.url.split("?")[1]);
    response.setHeader("content-type", "text/html; charset=utf-8").end(PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/`,
    callbackUrl: `${origin}${CALLBACK_PATH}`,
    endOf: (id) => endOf(id).promise,
    successAt: () => successAt,
  };
}

async function inRounds(bench: Bench, name: string, run: () => Promise<void>): Promise<void> {
  const rounds = bench.pick(ROUNDS_FULL, ROUNDS_QUICK);
  for (let round = 0; round < rounds; round += 1) {
    say(`  round ${round + 1} of ${rounds}: ${name}`);
    await run();
  }
}
