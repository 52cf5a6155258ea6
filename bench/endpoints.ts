/**
 * The time from a creation to the first picture at an operator, for each kind of endpoint [R27]; and the time to the code
 * of each that is refused. `node bench/endpoints.ts [--rounds 10]`. Server, fronts and operator are one process.
 */
import { mkdtemp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { loadConfig } from "../src/config.ts";
import type { SessionAnswer } from "../src/protocol/rest.ts";
import { buildApp } from "../src/server/standalone.ts";
import { startForwarder, startFront } from "../test/support/fronts.ts";
import { TEST_CERTIFICATE } from "../test/support/test-certificate.ts";
import { chromiumPath, startBenchBrowser } from "./browser.ts";
import { atEnd, endAll, endOnSignals, RUN_FOLDER } from "./cleanup.ts";
import { BEARER, BENCH_KEY_SPEC } from "./key.ts";
import { describeMachine } from "./machine.ts";
import { latencyOf } from "./numbers.ts";
import { VIEWPORT } from "./page.ts";
import { Site } from "./site.ts";
import { ViewerSocket } from "./ways/viewer.ts";

const FIRST_PICTURE_BAR_MS = 500;
const REFUSAL_BAR_MS = 3_000;
const RELEASE_POLL_MS = 20;
const TOKEN = "t0ken";
const NAMES = ["chrome.test", "browsers.test"];

interface Refusal {
  readonly error: { readonly code: string };
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "10" } } });
endOnSignals();
await main().finally(() => endAll());
process.exit(0);

async function main(): Promise<void> {
  setDefaultCACertificates([...getCACertificates("default"), TEST_CERTIFICATE.cert]);
  const api = await startServer();
  const browser = await startBenchBrowser(VIEWPORT);
  const site = await Site.start();
  await browser.page.open(site.page({ kind: "plain", placed: "main" }).url);
  const { attached, refused } = await endpoints(browser.endpoint);
  const rounds = Number(values.rounds);
  const times = new Map<string, number[]>([...attached.keys(), ...refused.keys()].map((name) => [name, []]));
  const codes = new Map<string, string>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, endpoint] of attached) times.get(name)?.push(await firstPicture(api, endpoint));
  }
  for (const [name, endpoint] of refused) {
    const startedAt = performance.now();
    const { error } = await create<Refusal>(api, endpoint);
    times.get(name)?.push(performance.now() - startedAt);
    codes.set(name, error.code);
  }
  console.log(Object.values(await describeMachine(await chromiumPath())).join(", "));
  for (const [name, taken] of times) {
    const { p50 = Number.NaN, max = Number.NaN } = latencyOf(taken) ?? {};
    const code = codes.get(name);
    const isGood = code === undefined ? p50 <= FIRST_PICTURE_BAR_MS : max <= REFUSAL_BAR_MS;
    const what = code === undefined ? "first picture" : code;
    console.log(`${isGood ? "pass" : "FAIL"}  ${name}: ${what} p50 ${p50.toFixed(0)} ms, max ${max.toFixed(0)} ms`);
  }
}

async function startServer(): Promise<string> {
  const config = loadConfig({
    PATH: process.env["PATH"],
    CHROMIUM_PATH: await chromiumPath(),
    DATA_DIR: await mkdtemp(join(RUN_FOLDER, "endpoints-")),
    PORT: "0",
    DEMO: "off",
    WARM_BROWSERS: "0",
    API_KEYS: BENCH_KEY_SPEC,
    MAX_CREATES_PER_MINUTE: "10000",
    CDP_ALLOW: ["loopback:*", ...NAMES.map((name) => `${name}:*`)].join(),
  });
  const { app } = await buildApp(config, { log: pino({ level: "silent" }), resolve: async () => ["127.0.0.1"] });
  await app.listen({ host: "127.0.0.1", port: 0 });
  atEnd(() => app.close());
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/captcha`;
}

/** An endpoint of each kind that leads to this browser, and of each that leads to none. */
async function endpoints(ws: string): Promise<Record<"attached" | "refused", Map<string, string>>> {
  const { port, pathname } = new URL(ws);
  const query = { token: TOKEN };
  const front = async (options: Partial<Parameters<typeof startFront>[0]>) => {
    const started = await startFront({ browser: ws, ...options });
    atEnd(() => started.close());
    return started.port;
  };
  const six = await startForwarder(Number(port), "::1");
  atEnd(() => six.close());
  const behind = await front({ names: ws, base: "/seven" });
  const secured = await front({ names: ws, query, tls: TEST_CERTIFICATE });
  const fresh = await front({ browser: "fresh", query });
  return {
    attached: new Map([
      ["an address", `http://127.0.0.1:${port}`],
      ["its WebSocket", ws],
      ["localhost", `http://localhost:${port}`],
      ["[::1]", `http://[::1]:${six.port}`],
      ["a name that Chrome refuses", `http://chrome.test:${port}`],
      ["the WebSocket of such a name", `ws://chrome.test:${port}${pathname}`],
      ["a front with a sub-path", `http://browsers.test:${behind}/seven`],
      ["a front with TLS and a token", `https://browsers.test:${secured}?token=${TOKEN}`],
      ["a service's WebSocket", `wss://browsers.test:${secured}${pathname}?token=${TOKEN}`],
    ]),
    refused: new Map([
      ["a fresh browser for each connection", `ws://browsers.test:${fresh}?token=${TOKEN}`],
      ["a wrong token", `https://browsers.test:${secured}?token=wrong`],
      ["nobody there", "http://127.0.0.1:1"],
      ["a name that is not allowed", "http://other.test:9222"],
    ]),
  };
}

async function firstPicture(api: string, endpoint: string): Promise<number> {
  const startedAt = performance.now();
  const session = await create<SessionAnswer | Refusal>(api, endpoint);
  if ("error" in session) {
    if (session.error.code !== "page_in_use") throw new Error(`${endpoint}: ${session.error.code}`);
    // The session before lets go of the page a moment after its end.
    await delay(RELEASE_POLL_MS);
    return firstPicture(api, endpoint);
  }
  const operator = await ViewerSocket.connect(session.ws_url, "binary", "plain");
  const { at } = await operator.log.first();
  operator.close();
  await fetch(`${api}/session/${session.session_id}`, { method: "DELETE", headers: BEARER });
  return at - startedAt;
}

async function create<Answer>(api: string, endpoint: string): Promise<Answer> {
  const response = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { ...BEARER, "content-type": "application/json" },
    body: JSON.stringify({ cdp: { endpoint } }),
  });
  return (await response.json()) as Answer;
}
