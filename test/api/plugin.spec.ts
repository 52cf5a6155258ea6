/** The service inside a bot's own Fastify server, and the bot's own Playwright page in a person's hands. */
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import websocket from "@fastify/websocket";
import { chromium, type Page } from "@playwright/test";
import Fastify, { type FastifyInstance } from "fastify";
import { WebSocket, WebSocketServer } from "ws";
import { type CaptchaRemoteOptions, captchaRemote } from "../../src/plugin.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { attachStorage } from "../../src/storage/storage.ts";
import { test as base, expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { addKey, TEST_KEY_SPEC } from "../support/key.ts";
import { eachSecond } from "../support/long-run.ts";
import { callTool } from "../support/mcp.ts";
import { call } from "../support/requests.ts";

const CHALLENGE = `<!doctype html><title>shop</title><body style="margin:0;height:2000px">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
  <script>document.querySelector("#captcha").addEventListener("pointerup", (event) => event.target.remove())</script>`;
const COMPLETION = { any: [{ gone: "#captcha" }], stable_ms: 100, poll_ms: 100 };

interface BotServer {
  readonly app: FastifyInstance;
  readonly url: string;
}

const test = base.extend<{ startBotServer: (options?: CaptchaRemoteOptions) => Promise<BotServer>; botPage: Page }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  startBotServer: async ({}, use) => {
    const apps: FastifyInstance[] = [];
    await use(async (options = {}) => {
      const app = Fastify();
      apps.push(app);
      app.get("/own", async () => ({ own: true }));
      app.get("/broken", async () => {
        throw new Error("the bot's own words");
      });
      await app.register(captchaRemote, { apiKeys: TEST_KEY_SPEC, ...options });
      return { app, url: await app.listen({ host: "127.0.0.1", port: 0 }) };
    });
    for (const app of apps) await app.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  botPage: async ({}, use) => {
    const executablePath = process.env["CHROMIUM_PATH"] ?? "";
    const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
    await use(await (await browser.newContext({ viewport: { width: 800, height: 600 } })).newPage());
    await browser.close();
  },
});

function handing(
  app: FastifyInstance,
  page: Page,
  options: Parameters<FastifyInstance["captchaRemote"]["handOff"]>[1] = {},
) {
  const ready = Promise.withResolvers<SessionAnswer>();
  const result = app.captchaRemote.handOff(page, { ...options, onReady: ready.resolve });
  result.catch(ready.reject);
  return { ready: ready.promise, result };
}

/** Playwright's pages are event emitters, whatever their type says. */
function listenersOf(page: Page): number {
  const { listenerCount } = page as unknown as { listenerCount(event: string): number };
  const types = ["close", "crash", "dialog", "request", "requestfailed", "requestfinished"];
  return [...types, "frameattached", "framenavigated", "framedetached"].reduce(
    (sum, type) => sum + listenerCount.call(page, type),
    0,
  );
}

/** A reader of events by a key that is in the database; what is due from time to time is due when `tick` is called. */
const withReader = test.extend<{ reader: BotServer & { dataDir: string; socket: WebSocket; tick: () => void } }>({
  reader: async ({ startBotServer }, use) => {
    const dataDir = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const storage = attachStorage(dataDir);
    const { secret } = addKey(storage.keys, "kept in the database");
    storage.close();
    mock.timers.enable({ apis: ["setInterval"] });
    const server = await startBotServer({ dataDir });
    const headers = { authorization: `Bearer ${secret}` };
    const socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/api/captcha/events`, { headers });
    await once(socket, "message");
    await use({ ...server, dataDir, socket, tick: () => mock.timers.tick(1_000) });
    mock.timers.reset();
    socket.terminate();
    await server.app.close();
    await rm(dataDir, { recursive: true, force: true });
  },
});

withReader("[S4] the bot's server closes in order while a client is slow to close its socket", async ({ reader }) => {
  const { app, socket, tick } = reader;
  // From here on it answers nothing, a close neither.
  socket.pause();
  let isClosed = false;
  const closing = app.close().finally(() => {
    isClosed = true;
  });
  while (!isClosed) {
    tick();
    await setImmediate();
  }
  await closing;
  tick();
});

withReader(
  "keys that cannot be looked up for a moment end nothing, and the bot's server neither",
  async ({ reader }) => {
    const { url, dataDir, socket, tick } = reader;
    const db = new DatabaseSync(join(dataDir, "sessions.db"));
    db.exec("ALTER TABLE api_keys RENAME TO keys_away");
    tick();
    db.exec("ALTER TABLE keys_away RENAME TO api_keys");
    tick();
    expect((await fetch(`${url}/own`)).status).toBe(200);
    socket.send(JSON.stringify({ type: "ping" }));
    expect(JSON.parse(String((await once(socket, "message"))[0]))).toMatchObject({ type: "pong" });
    db.exec("UPDATE api_keys SET revoked_at = 1");
    const closed = once(socket, "close");
    tick();
    await closed;
    db.close();
  },
);

test("[R10] [W6] a page is handed over, a person clears it in the console, and the bot goes on in it", async ({
  startBotServer,
  botPage,
  site,
  operator,
}) => {
  const { app } = await startBotServer();
  await botPage.goto(site.serve("/", CHALLENGE));
  const before = await botPage.evaluate("[innerWidth, innerHeight, devicePixelRatio, document.hasFocus(), scrollY]");
  const listeners = listenersOf(botPage);
  const { ready, result } = handing(app, botPage, { completion: COMPLETION, instructions: "Press the box." });
  const session = await ready;
  expect(session).toMatchObject({
    state: "waiting",
    viewport: { width: 800, height: 600 },
    captcha_info: { x: 40, y: 60 },
  });
  await operator.open(session.control_url);
  await operator.click({ x: 100, y: 100 });
  expect(await result).toMatchObject({ outcome: "solved", verified: "checked", has_storage_state: false });
  expect(await botPage.title()).toBe("shop");
  expect(await botPage.evaluate("[innerWidth, innerHeight, devicePixelRatio, document.hasFocus(), scrollY]")).toEqual(
    before,
  );
  expect(listenersOf(botPage)).toBe(listeners);
});

test("[R20] what is opened for a page that is handed over is closed when it is given back, also on the bot's connection", async ({
  botPage,
  site,
  startBotServer,
}) => {
  await botPage.goto(site.serve("/", `${CHALLENGE}<iframe src="${site.otherOrigin}/frame"></iframe>`));
  const { app, url } = await startBotServer({ auth: "off" });
  const gauges = async () => (await call("GET", `${url}/api/captcha/healthz`)).body.gauges;
  const before = await gauges();
  const giveUp = new AbortController();
  const { ready, result } = handing(app, botPage, { signal: giveUp.signal });
  await ready;
  expect(await gauges()).toMatchObject({ sessions: 1, browsers: 0, cdp_connections: 0, playwright_connections: 0 });
  expect((await gauges()).cdp_sessions).toBeGreaterThanOrEqual(2);
  giveUp.abort(new Error("no more"));
  await expect(result).rejects.toThrow("no more");
  await expect.poll(gauges).toEqual(before);
});

test("[R20] a DevTools session that comes later than anybody waits for is let go of @long", async ({
  botPage,
  site,
  startBotServer,
}) => {
  await botPage.goto(site.serve("/", CHALLENGE));
  const { app, url } = await startBotServer({ auth: "off" });
  const gauges = async () => (await call("GET", `${url}/api/captcha/healthz`)).body.gauges;
  const before = await gauges();
  const context = botPage.context();
  const attach = context.newCDPSession.bind(context);
  const answer = Promise.withResolvers<void>();
  const detached = Promise.withResolvers<void>();
  context.newCDPSession = async (page) => {
    await answer.promise;
    const session = await attach(page);
    session.on("close", () => detached.resolve());
    return session;
  };
  await expect(app.captchaRemote.handOff(botPage)).rejects.toMatchObject({ code: "timeout" });
  answer.resolve();
  await detached.promise;
  await expect.poll(gauges).toEqual(before);
});

test("[R7] aborting cancels the session and rejects with the reason; the page can be handed over again", async ({
  startBotServer,
  botPage,
  site,
}) => {
  const { app, url } = await startBotServer();
  await botPage.goto(site.serve("/", CHALLENGE));
  const giveUp = new AbortController();
  const first = handing(app, botPage, { signal: giveUp.signal });
  const { session_id } = await first.ready;
  const second = handing(app, botPage);
  await expect(second.result).rejects.toMatchObject({ code: "page_in_use" });
  await expect(second.ready).rejects.toMatchObject({ code: "page_in_use" });
  giveUp.abort(new Error("the bot has changed its mind"));
  await expect(first.result).rejects.toThrow("changed its mind");
  const { body } = await call("GET", `${url}/api/captcha/status/${session_id}`);
  expect(body).toMatchObject({ state: "cancelled", reason: "cancelled_by_bot" });
  expect(await handing(app, botPage, { timeoutMs: 1_000 }).result).toMatchObject({ outcome: "expired" });
});

test("[R7] aborting ends the call also where onReady never returns; what it throws later harms nobody", async ({
  startBotServer,
  botPage,
  site,
}) => {
  const { app, url } = await startBotServer({ auth: "off" });
  await botPage.goto(site.serve("/", CHALLENGE));
  const listeners = listenersOf(botPage);
  const giveUp = new AbortController();
  const ready = Promise.withResolvers<SessionAnswer>();
  const chat = Promise.withResolvers<void>();
  const handedOff = app.captchaRemote.handOff(botPage, {
    signal: giveUp.signal,
    onReady: (session) => {
      ready.resolve(session);
      return chat.promise;
    },
  });
  const { session_id } = await ready.promise;
  giveUp.abort(new Error("the bot has changed its mind"));
  await expect(handedOff).rejects.toThrow("changed its mind");
  const { body } = await call("GET", `${url}/api/captcha/status/${session_id}`);
  expect(body).toMatchObject({ state: "cancelled", reason: "cancelled_by_bot" });
  // The runner fails a test in whose time a rejection is handled by nobody.
  chat.reject(new Error("the chat is down"));
  expect(listenersOf(botPage)).toBe(listeners);
  expect(await handing(app, botPage, { timeoutMs: 1_000 }).result).toMatchObject({ outcome: "expired" });
});

test("[R7] what goes wrong on the way leaves no session, no listener, and the page free at once", async ({
  botPage,
  site,
}) => {
  await botPage.goto(site.serve("/", CHALLENGE));
  const listeners = listenersOf(botPage);
  const app = Fastify();
  await app.register(captchaRemote);
  await app.ready();
  await expect(app.captchaRemote.handOff(botPage)).rejects.toThrow("publicUrl");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const bad = app.captchaRemote.handOff(botPage, { completion: { any: [{ gone: "div[" }] } });
  await expect(bad).rejects.toMatchObject({ code: "invalid_message", details: { field: "completion.any.0" } });
  const untold = app.captchaRemote.handOff(botPage, {
    onReady: async () => {
      throw new Error("the chat is down");
    },
  });
  await expect(untold).rejects.toThrow("the chat is down");
  const early = app.captchaRemote.handOff(botPage, { signal: AbortSignal.timeout(50), completion: COMPLETION });
  await expect(early).rejects.toMatchObject({ name: "TimeoutError" });
  expect(listenersOf(botPage)).toBe(listeners);
  expect(await app.captchaRemote.handOff(botPage, { timeoutMs: 1_000 })).toMatchObject({ outcome: "expired" });
  await app.close();
});

for (const own of eachSecond([
  "a socket library of its own",
  "@fastify/websocket before",
  "@fastify/websocket behind",
])) {
  test(`[W3] the console's sockets stand beside those of a bot with ${own}, under a prefix`, async ({
    botPage,
    site,
    connect,
  }) => {
    const app = Fastify();
    const echo = (socket: WebSocket) => void socket.on("message", (data) => socket.send(`echo ${data}`));
    const route = async () => void app.get("/own-socket", { websocket: true }, echo);
    if (own.endsWith("before")) await app.register(websocket).after(route);
    await app.register(captchaRemote, { prefix: "/bots", apiKeys: TEST_KEY_SPEC });
    if (own.endsWith("behind")) await app.register(websocket).after(route);
    const library = new WebSocketServer({ noServer: true }).on("connection", echo);
    if (own.startsWith("a socket")) {
      app.server.on("upgrade", (request, socket, head) => {
        if (request.url === "/own-socket")
          library.handleUpgrade(request, socket, head, (ws) => library.emit("connection", ws));
      });
    }
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const socket = new WebSocket(`${url.replace("http", "ws")}/own-socket`);
    await once(socket, "open");
    socket.send("hello");
    expect(String((await once(socket, "message"))[0])).toBe("echo hello");

    await botPage.goto(site.serve("/", CHALLENGE));
    const { ready, result } = handing(app, botPage);
    const { control_url, ws_url } = await ready;
    expect(control_url).toMatch(`${url}/bots/api/captcha/control/`);
    const client = await connect(ws_url, { protocols: ["captcha.json.v1"] });
    await client.next("session_info");
    client.send({ type: "finish", outcome: "cannot" });
    expect(await result).toMatchObject({ outcome: "failed", reason: "operator_gave_up" });
    socket.send("still here");
    expect(String((await once(socket, "message"))[0])).toBe("echo still here");
    socket.terminate();
    await app.close();
  });
}

test("[S4] the page that is handed over is closed: the call answers, with the code", async ({
  startBotServer,
  botPage,
  site,
}) => {
  const { app } = await startBotServer();
  await botPage.goto(site.serve("/", CHALLENGE));
  const { ready, result } = handing(app, botPage);
  await ready;
  await botPage.close();
  expect(await result).toMatchObject({ outcome: "failed", reason: "page_closed" });
  await expect(app.captchaRemote.handOff(botPage)).rejects.toMatchObject({
    code: "invalid_message",
    details: { field: "page" },
  });
});

test("the bot's own routes keep their own errors and headers; its server's end ends the session and not its page", async ({
  startBotServer,
  botPage,
  site,
}) => {
  const { app, url } = await startBotServer();
  expect((await call("GET", `${url}/own`)).headers.get("content-security-policy")).toBe(null);
  expect((await call("GET", `${url}/broken`)).body).toMatchObject({ message: "the bot's own words", statusCode: 500 });
  expect((await call("GET", `${url}/nowhere`)).body).toMatchObject({ statusCode: 404 });
  expect((await call("GET", `${url}/api/captcha/session/none`)).body.error.code).toBe("session_not_found");
  await botPage.goto(site.serve("/", CHALLENGE));
  const { ready, result } = handing(app, botPage);
  await ready;
  await app.close();
  expect(await result).toMatchObject({ outcome: "cancelled", reason: "shutting_down" });
  expect(await botPage.title()).toBe("shop");
});

test("wrong options are told by name; without dataDir nothing is left behind", async ({ startBotServer, botPage }) => {
  await expect(startBotServer({ maxSessions: 0 })).rejects.toThrow(/^MAX_SESSIONS: /);
  await expect(startBotServer({ maxSession: 3 } as CaptchaRemoteOptions)).rejects.toThrow("maxSession: not an option");
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  const usual = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  const { app } = await startBotServer();
  expect(await readdir(folder)).toHaveLength(1);
  await expect(app.captchaRemote.handOff(botPage, { completion: { any: [] } })).rejects.toMatchObject({
    code: "invalid_message",
    details: { field: "completion.any" },
  });
  await app.close();
  expect(await readdir(folder)).toEqual([]);
  if (usual === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = usual;
  await rm(folder, { recursive: true });
});

test("[M1] with AUTH=off an agent on this machine uses the tools by any address of the machine", async () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address;
  test.skip(address === undefined, "this machine has no address but loopback");
  const app = Fastify();
  try {
    await app.register(captchaRemote, { auth: "off" });
    const { port } = new URL(await app.listen({ host: "0.0.0.0", port: 0 }));
    const asked = await callTool(`http://${address}:${port}/api/captcha`, "", "get_result", { session_id: "nobody" });
    expect(JSON.stringify(asked.body.result)).toContain("session_not_found");
  } finally {
    await app.close();
  }
});
