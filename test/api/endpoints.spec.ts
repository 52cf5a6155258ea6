/** [R27] Each row of docs/endpoints.md, against a stand-in that answers as its documents say, a real browser behind it. */
import { readFile } from "node:fs/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { chromium } from "@playwright/test";
import { CdpConnection } from "../../src/browser/cdp/connection.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { type Front, type FrontOptions, startForwarder, startFront } from "../support/fronts.ts";
import { LiveClient } from "../support/live-client.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";
import { TEST_CERTIFICATE } from "../support/test-certificate.ts";

const CHALLENGE = `<!doctype html><title>challenge</title><body style="margin:0">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;
/** All of them are this machine. */
const NAMES = ["chrome.test", "grid.test", "browsers.test", "connect.services.test", "other.test"];
const CDP_ALLOW = ["loopback:*", ...NAMES.map((name) => `${name}:*`)].join();
const TOKEN = "t0ken-0f-a-service";

interface World {
  /** The browser that has the page. */
  readonly browser: { readonly origin: string; readonly port: number; readonly ws: string; readonly path: string };
  front(options: Omit<FrontOptions, "browser"> & { browser?: "fresh" }): Promise<Front>;
  /** Ended with the test. */
  atEnd(stop: () => Promise<unknown>): void;
}

interface Row {
  /** What the document says to pass, made for the stand-in. */
  readonly endpoint: (world: World) => Promise<string>;
  /** Left out: a session on the page, with its first picture. */
  readonly refused?: { readonly code: string; readonly why: RegExp };
}

const FRESH = { code: "target_not_found", why: /only blank tabs.*fresh browser for each connection.*running session/ };

/** The keys are the rows of docs/endpoints.md. */
const ROWS: Readonly<Record<string, Row>> = {
  "Playwright, `launch`": { endpoint: async ({ browser }) => browser.origin },
  "Playwright, `launchServer`": {
    async endpoint({ atEnd }) {
      const server = await chromium.launchServer({ ...test.info().project.use.launchOptions });
      atEnd(() => server.close());
      return server.wsEndpoint();
    },
    refused: { code: "cdp_unreachable", why: /\S/ },
  },
  Puppeteer: { endpoint: async ({ browser }) => browser.ws },
  "Selenium 4, a browser of its own": { endpoint: async ({ browser }) => `http://localhost:${browser.port}` },
  "Selenium 4, Grid": {
    // Grid passes the browser's WebSocket on at this path, and has no /json/version.
    async endpoint({ front }) {
      const path = "/session/0b6e3c1d4f5a/se/cdp";
      return `ws://grid.test:${(await front({ path })).port}${path}`;
    },
  },
  "Chrome, Chromium, Edge": {
    // Where it listens at [::1], as IPv6 is tried first.
    async endpoint({ browser, atEnd }) {
      const forwarder = await startForwarder(browser.port, "::1");
      atEnd(() => forwarder.close());
      return `http://[::1]:${forwarder.port}`;
    },
  },
  "Chrome, allowed by a person in `chrome://inspect`": {
    // It has no /json/version.
    endpoint: async ({ front, browser }) => `ws://127.0.0.1:${(await front({})).port}${browser.path}`,
  },
  "Docker, Compose, Kubernetes": {
    // The browser itself refuses the name.
    endpoint: async ({ browser }) => `http://chrome.test:${browser.port}`,
  },
  "a proxy or tunnel in front": {
    async endpoint({ front, browser }) {
      const hidden = { names: browser.ws.replace("127.0.0.1", "chrome"), base: "/seven", host: "browsers.test" };
      const { port } = await front({ ...hidden, query: { token: TOKEN }, tls: TEST_CERTIFICATE });
      return `https://browsers.test:${port}/seven?token=${TOKEN}`;
    },
  },
  "Browserless, a running session": {
    async endpoint({ front, browser }) {
      const { port } = await front({ query: { token: TOKEN }, tls: TEST_CERTIFICATE });
      return `wss://browsers.test:${port}${browser.path}?token=${TOKEN}`;
    },
  },
  "Browserless, its own address": {
    // It names the address that it listens on, without a path.
    async endpoint({ front }) {
      const { port } = await front({ browser: "fresh", names: "ws://0.0.0.0:3000", query: { token: TOKEN } });
      return `http://browsers.test:${port}?token=${TOKEN}`;
    },
    refused: FRESH,
  },
  Steel: {
    async endpoint({ front }) {
      const query = { apiKey: TOKEN, sessionId: "7d0a3b1e-0000-4000-8000-000000000000" };
      const { port } = await front({ path: "/", query, tls: TEST_CERTIFICATE });
      return `wss://connect.services.test:${port}?${new URLSearchParams(query)}`;
    },
  },
  Browserbase: {
    async endpoint({ front }) {
      const query = { signingKey: `eyJ.${"k".repeat(1_500)}.s` };
      const { port } = await front({ path: "/", query, tls: TEST_CERTIFICATE });
      return `wss://connect.services.test:${port}/?${new URLSearchParams(query)}`;
    },
  },
  "Hyperbrowser, Anchor, Kernel": {
    async endpoint({ front }) {
      const { port } = await front({ path: "/browser/cdp", query: { jwt: TOKEN }, tls: TEST_CERTIFICATE });
      return `wss://connect.services.test:${port}/browser/cdp?jwt=${TOKEN}`;
    },
  },
  "a service that starts a browser for each connection": {
    async endpoint({ front }) {
      const { port } = await front({ browser: "fresh", basic: `zone:${TOKEN}`, tls: TEST_CERTIFICATE });
      return `wss://zone:${TOKEN}@connect.services.test:${port}`;
    },
    refused: FRESH,
  },
  "a service that takes its key in a header only": {
    async endpoint({ front }) {
      const { port } = await front({ browser: "fresh", basic: `key:${TOKEN}`, tls: TEST_CERTIFICATE });
      return `wss://connect.services.test:${port}`;
    },
    refused: { code: "cdp_unreachable", why: /401: check the token/ },
  },
};

const test = base.extend<{ world: World & { readonly fronts: readonly Front[] }; own: OwnServer }>({
  world: async ({ guestPages, site }, use) => {
    const page = await guestPages.open(site.serve("/endpoint-of", CHALLENGE));
    const origin = page.cdp.endpoint;
    const { webSocketDebuggerUrl: ws } = await (await fetch(`${origin}/json/version`)).json();
    const { port, pathname: path } = new URL(ws);
    const fronts: Front[] = [];
    const stops: (() => Promise<unknown>)[] = [() => page.close()];
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, TEST_CERTIFICATE.cert]);
    await use({
      fronts,
      browser: { origin, ws, path, port: Number(port) },
      async front(options) {
        const front = await startFront({ browser: ws, ...options });
        fronts.push(front);
        stops.push(() => front.close());
        return front;
      },
      atEnd: (stop) => stops.push(stop),
    });
    for (const stop of stops) await stop();
    setDefaultCACertificates(before);
  },
  own: async ({ startServer }, use) => {
    await use(
      await startServer({ CDP_ALLOW }, { resolve: async (name) => (NAMES.includes(name) ? ["127.0.0.1"] : []) }),
    );
  },
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

for (const [name, { endpoint: makeEndpoint, refused }] of Object.entries(ROWS)) {
  test(`[R27] ${name}: ${refused ? refused.code : "attached, with a picture"}`, async ({ world, own }) => {
    const endpoint = await makeEndpoint(world);
    const startedAt = performance.now();
    const { status, body } = await call("POST", `${own.api}/sessions`, {
      cdp: { endpoint, url_contains: "/endpoint-of" },
    });
    if (refused) {
      expect(body.error).toMatchObject({ code: refused.code, details: { why: expect.stringMatching(refused.why) } });
      expectWithin(performance.now() - startedAt, 3_000);
    } else {
      expect(status, JSON.stringify(body)).toBe(201);
      const client = await LiveClient.connect(body.ws_url, ["captcha.json.v1"]);
      const { screenshot } = await client.next("session_info", (info) => info.screenshot !== null);
      expect(screenshot?.length).toBeGreaterThan(1_000);
      client.terminate();
      await call("DELETE", `${own.api}/session/${body.session_id}`);
    }
    // Nothing is left there: no connection, and no command that opens something.
    for (const front of world.fronts) {
      await expect.poll(front.open).toBe(0);
      expect(front.commands.filter((command) => command !== "Target.getTargets")).toEqual([]);
    }
  });
}

test("[R27] docs/endpoints.md has these rows, and no other", async () => {
  const text = await readFile(new URL("../../docs/endpoints.md", import.meta.url), "utf8");
  const [, table = ""] = text.split("\n|---|---|---|\n");
  const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\| (.+?) \| /gm)].map(([, cell]) => cell);
  // The last is the way without an endpoint: a relay.
  expect(rows.slice(0, -1)).toEqual(Object.keys(ROWS));
});

test("[R27] TLS keeps its name: a certificate of another name is refused, whatever the Host header says", async ({
  world,
  own,
}) => {
  const front = await world.front({ tls: TEST_CERTIFICATE, names: world.browser.ws });
  const create = (host: string) =>
    call("POST", `${own.api}/sessions`, { cdp: { endpoint: `https://${host}:${front.port}` } });
  const { body } = await create("other.test");
  expect(body.error).toMatchObject({ code: "cdp_unreachable", details: { why: expect.stringContaining("altnames") } });
  expect(front.asked).toEqual([]);
  expect((await create("browsers.test")).status).toBe(201);
  // Of a handshake that the client breaks off, the front hears nothing.
  expect(new Set(front.serverNames)).toEqual(new Set(["browsers.test"]));
});

test("[R27] a try that fails leaves nothing in the browser: no page, no session, no connection", async ({
  world,
  own,
}) => {
  const front = await world.front({ names: world.browser.ws });
  const endpoint = `http://127.0.0.1:${front.port}`;
  const create = (cdp: object, more: object = {}) =>
    call("POST", `${own.api}/sessions`, { cdp: { endpoint, ...cdp }, ...more });
  const watching = await CdpConnection.connect(world.browser.ws);
  world.atEnd(async () => watching.close());
  const targets = async () =>
    (await watching.send("Target.getTargets")).targetInfos.map(({ targetId, attached }) => `${targetId} ${attached}`);
  const before = await targets();
  const url_contains = "/endpoint-of";
  const notCss = { completion: { any: [{ gone: "###" }] } };
  for (const [answer, code] of [
    [await create({ url_contains: "/nowhere" }), "target_not_found"],
    [await create({ target_id: "0".repeat(32) }), "target_not_found"],
    [await create({ url_contains }, notCss), "invalid_message"],
  ] as const) {
    expect(answer.body.error).toMatchObject({ code });
    await expect.poll(front.open).toBe(0);
    await expect.poll(targets).toEqual(before);
  }
  const held = await create({ url_contains });
  expect(held.status).toBe(201);
  expect((await create({ url_contains })).body.error).toMatchObject({ code: "page_in_use" });
  await expect.poll(front.open).toBe(1);
  await call("DELETE", `${own.api}/session/${held.body.session_id}`);
  await expect.poll(front.open).toBe(0);
  await expect.poll(targets).toEqual(before);
});

test("[R27] a blank tab is no candidate, and is chosen by its id alone", async ({ world, own, guestPages }) => {
  const blank = await guestPages.open("about:blank");
  world.atEnd(() => blank.close());
  const create = (cdp: object) =>
    call("POST", `${own.api}/sessions`, { cdp: { endpoint: world.browser.origin, ...cdp } });
  const unknown = await create({ url_contains: "/nowhere" });
  expect(unknown.body.error).toMatchObject({ code: "target_not_found" });
  const urls = unknown.body.error.details.candidates.map(({ url }: { url: string }) => url);
  expect(urls.filter((url: string) => url.startsWith("about:"))).toEqual([]);
  expect(urls.filter((url: string) => url.endsWith("/endpoint-of"))).toHaveLength(1);
  expect((await create({ url_contains: "about:blank" })).body.error).toMatchObject({ code: "target_not_found" });
  expect((await create({ target_id: blank.cdp.target_id })).status).toBe(201);
});

test("[R27] a browser's own surfaces are never candidates, by no name", async ({ world, own }) => {
  const surfaces = [
    "chrome://newtab/",
    "chrome://new-tab-page/",
    "chrome://omnibox-popup.top-chrome/",
    "chrome://read-later.top-chrome/",
    "chrome-untrusted://read-anything-side-panel.top-chrome/",
    "chrome-extension://gighmmpiobklfepjocnamgkkbiglidom/panel.html",
    "chrome-search://local-ntp/local-ntp.html",
    "devtools://devtools/bundled/inspector.html",
    "edge://settings/",
  ].map((url, at) => ({ targetId: `surface-${at}`, type: "page", url }));
  const others = [
    { targetId: "worker", type: "service_worker", url: "https://shop.example/login/worker.js" },
    { targetId: "early", type: "page", subtype: "prerender", url: "https://shop.example/login" },
  ];
  const { port } = await world.front({ browser: "fresh", targets: [...surfaces, ...others] });
  const endpoint = `ws://127.0.0.1:${port}`;
  const named = [...surfaces, ...others].map(({ targetId }) => ({ target_id: targetId }));
  for (const cdp of [{}, { url_contains: "shop.example/login" }, { url_contains: "chrome" }, ...named]) {
    const { body } = await call("POST", `${own.api}/sessions`, { cdp: { endpoint, ...cdp } });
    expect(body.error, JSON.stringify(cdp)).toMatchObject({ code: "target_not_found", details: { candidates: [] } });
  }
});

test("[R27] [S9] a service's address is found again after a restart, token and all, and is gone from the storage at the end", async ({
  world,
  startServer,
}) => {
  const { port } = await world.front({ path: "/", query: { token: TOKEN }, tls: TEST_CERTIFICATE });
  const endpoint = `wss://browsers.test:${port}?token=${TOKEN}`;
  const start = () => startServer({ CDP_ALLOW, KEEP_BROWSERS: "on" }, { resolve: async () => ["127.0.0.1"] });
  const first = await start();
  const cdp = { endpoint, url_contains: "/endpoint-of" };
  const { status, body } = await call("POST", `${first.api}/sessions`, { cdp });
  expect(status, JSON.stringify(body)).toBe(201);
  await first.close();

  const second = await start();
  const wsUrl = body.ws_url.replace(new URL(first.api).host, new URL(second.api).host);
  const client = await LiveClient.connect(wsUrl, ["captcha.json.v1"]);
  await client.next("session_info", ({ screenshot }) => screenshot !== null);
  client.terminate();
  const stored = () => readFile(`${second.dataDir}/sessions.db`, "latin1");
  const log = () => readFile(`${second.dataDir}/sessions.db-wal`, "latin1").catch(() => "");
  expect((await stored()) + (await log())).toContain(TOKEN);
  await call("DELETE", `${second.api}/session/${body.session_id}`);
  await second.close();
  expect((await stored()) + (await log())).not.toContain(TOKEN);
});

test("[S9] [R10] [W46] whose the dialogs of a guest are is kept over a restart", async ({ world, startServer }) => {
  const first = await startServer({ KEEP_BROWSERS: "on" });
  const cdp = { endpoint: world.browser.ws, url_contains: "/endpoint-of", dialogs: "operator" };
  const { status, body } = await call("POST", `${first.api}/sessions`, { cdp });
  expect(status, JSON.stringify(body)).toBe(201);
  await first.close();

  const second = await startServer({ KEEP_BROWSERS: "on" });
  const wsUrl = body.ws_url.replace(new URL(first.api).host, new URL(second.api).host);
  const person = await LiveClient.connect(wsUrl, ["captcha.json.v1"]);
  await person.next("session_info", ({ screenshot }) => screenshot !== null);
  person.send({ type: "features", features: ["dialogs"] });
  await person.next("control", ({ you }) => you);
  const bot = await CdpConnection.connect(world.browser.ws);
  world.atEnd(async () => bot.close());
  const { targetInfos } = await bot.send("Target.getTargets");
  const page = await bot.attach(targetInfos.find(({ url }) => url.endsWith("/endpoint-of"))?.targetId ?? "");
  const answered = page.send("Runtime.evaluate", { expression: 'confirm("Go on?")', returnByValue: true });
  const { question_id } = await person.next("ask_dialog", ({ message }) => message === "Go on?");
  person.send({ type: "answer_dialog", question_id, accept: true });
  expect((await answered).result.value).toBe(true);
  person.terminate();
  await call("DELETE", `${second.api}/session/${body.session_id}`);
});
