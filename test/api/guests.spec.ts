/** [R10] Guest pages: which may be named, what is refused, and how a session on one ends. */
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect as connectTo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { test as base, expect } from "../support/guest.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { call } from "../support/requests.ts";

const CHALLENGE = `<!doctype html><title>challenge</title><body style="margin:0">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
  <script>document.querySelector("#captcha").addEventListener("pointerup", (event) => event.target.remove())</script>`;
const DONE = { any: [{ gone: "#captcha" }], stable_ms: 100 };

/** Sockets of a hostile or dead endpoint, all of them ended with the test. */
const test = base.extend<{
  listen: (server: Server) => Promise<string>;
  create: (body: object) => ReturnType<typeof call>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  listen: async ({}, use) => {
    const servers: Server[] = [];
    await use(async (server) => {
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    for (const server of servers) {
      if ("closeAllConnections" in server) (server.closeAllConnections as () => void)();
      server.close();
    }
  },
  create: async ({ server }, use) => {
    const created: string[] = [];
    await use(async (body) => {
      const answer = await call("POST", `${server.api}/sessions`, body);
      if (answer.status === 201) created.push(answer.body.session_id);
      return answer;
    });
    for (const id of created) await call("DELETE", `${server.api}/session/${id}`);
  },
});

/** Half of its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

function refusal({ status, body }: Awaited<ReturnType<typeof call>>) {
  return { status, code: body.error.code, field: body.error.details?.field, why: body.error.details?.why };
}

test("[R10] exactly one of url and cdp, and nothing beside cdp that only a page of the server's can have", async ({
  create,
}) => {
  const cdp = { endpoint: "http://127.0.0.1:9" };
  expect(refusal(await create({}))).toMatchObject({ status: 400, code: "invalid_message", field: "url" });
  expect(refusal(await create({ url: "http://127.0.0.1/", cdp }))).toMatchObject({ status: 400, field: "url" });
  expect(refusal(await create({ cdp, viewport: { width: 500, height: 400 } }))).toMatchObject({ field: "viewport" });
  expect(refusal(await create({ cdp, storage_state: {} }))).toMatchObject({ field: "storage_state" });
  expect(refusal(await create({ cdp: { ...cdp, page: "x" } }))).toMatchObject({ status: 400, code: "invalid_message" });
});

for (const endpoint of [
  "http://10.0.0.1:9222",
  "http://169.254.169.254/",
  "ws://example.com:9222/devtools/browser/x",
  "http://127.0.0.1.example.com:9222",
  "http://user@evil.test:9222#127.0.0.1",
]) {
  test(`[R10] ${endpoint} is not among the endpoints of CDP_ALLOW`, async ({ create }) => {
    const answer = refusal(await create({ cdp: { endpoint } }));
    expect(answer).toMatchObject({ status: 422, code: "url_not_allowed", field: "cdp.endpoint" });
  });
}

for (const endpoint of ["127.0.0.1:9222", "file:///etc/passwd", "ws://127.0.0.1:9222/devtools/page/ABC"]) {
  test(`[R10] ${endpoint} is no browser's endpoint`, async ({ create }) => {
    const answer = refusal(await create({ cdp: { endpoint } }));
    expect(answer).toMatchObject({ status: 400, code: "invalid_message", field: "cdp.endpoint" });
  });
}

test("[R10] an endpoint that is down, that never answers, or that is something else: cdp_unreachable, soon", async ({
  create,
  listen,
}) => {
  const down = createServer();
  const downAddress = await listen(down);
  await new Promise((resolve) => down.close(resolve));
  const silent = await listen(createServer());
  const web = await listen(createHttpServer((_request, response) => response.end("<h1>hello</h1>")));
  const json = await listen(createHttpServer((_request, response) => response.end('{"webSocketDebuggerUrl":7}')));
  const endless = await listen(
    createHttpServer((_request, response) => void setInterval(() => response.write("x".repeat(9_000)), 1).unref()),
  );
  const moved = await listen(
    createHttpServer((_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()),
  );
  const endpoints = [downAddress, silent, web, json, endless, moved].flatMap((at) => [
    `http://${at}`,
    `ws://${at}/devtools/browser/x`,
  ]);
  const isRefusedSoon = async (endpoint: string) => {
    const startedAt = performance.now();
    const answer = refusal(await create({ cdp: { endpoint } }));
    expect(answer, endpoint).toMatchObject({ status: 502, code: "cdp_unreachable", field: "cdp.endpoint" });
    expect(answer.why, endpoint).toMatch(/\S/);
    expectWithin(performance.now() - startedAt, 3_000, endpoint);
  };
  // The silent ones keep one waiting: all at once.
  await Promise.all(endpoints.map(isRefusedSoon));
});

test("[R10] a WebSocket that talks of something else, or of nothing: cdp_unreachable, and the server goes on", async ({
  create,
  listen,
  server,
}) => {
  const socketServer = async (onSocket: (socket: WebSocket) => void) => {
    const http = createHttpServer();
    new WebSocketServer({ server: http }).on("connection", onSocket);
    return `ws://${await listen(http)}/`;
  };
  const answering = (text: string) => socketServer((socket) => socket.on("message", () => socket.send(text)));
  const endpoints = await Promise.all([
    socketServer((socket) => socket.send("RFB 003.008\n")),
    socketServer((socket) => socket.send("null")),
    socketServer((socket) => socket.send('{"method":"Target.detachedFromTarget"}')),
    socketServer(() => {}),
    answering('{"id":1,"result":{}}'),
    answering('{"id":1,"error":{"message":"no such method"}}'),
  ]);
  for (const endpoint of endpoints) {
    const answer = refusal(await create({ cdp: { endpoint } }));
    expect(answer, endpoint).toMatchObject({ status: 502, code: "cdp_unreachable", field: "cdp.endpoint" });
  }
  expect((await call("GET", `${server.url}/healthz`)).status).toBe(200);
});

test("[R7] [R10] an endpoint that does not answer does not hold up a session that is cancelled", async ({
  listen,
  server,
}) => {
  const silent = createServer();
  const connected = new Promise((resolve) => silent.once("connection", resolve));
  const body = { cdp: { endpoint: `ws://${await listen(silent)}/devtools/browser/x` } };
  const { session_id: id } = (await call("POST", `${server.api}/sessions`, body, { prefer: "respond-async" })).body;
  await connected;
  await call("DELETE", `${server.api}/session/${id}`);
  const startedAt = performance.now();
  expect((await call("GET", `${server.api}/session/${id}/result`)).body).toMatchObject({ outcome: "cancelled" });
  expectWithin(performance.now() - startedAt, 2_000);
});

test("[R10] [R27] an endpoint that sends the server elsewhere is dialled itself, and is no browser", async ({
  create,
  listen,
  botBrowser,
}) => {
  const liar = await listen(
    createHttpServer((_request, response) =>
      response.end(JSON.stringify({ webSocketDebuggerUrl: botBrowser.wsEndpoint })),
    ),
  );
  const answer = refusal(await create({ cdp: { endpoint: `http://${liar}` } }));
  expect(answer).toMatchObject({ status: 502, code: "cdp_unreachable", field: "cdp.endpoint" });
});

test("[R10] a browser of the server's own is nobody's guest: its port, and its pages by another way", async ({
  create,
  listen,
  site,
  server,
}) => {
  const owned = await create({ url: site.serve("/", CHALLENGE) });
  const file = join(server.dataDir, "profiles", owned.body.session_id, "DevToolsActivePort");
  const [port = "", path = ""] = (await readFile(file, "utf8")).split("\n");
  const forwarder = createServer((socket) => {
    const inner = connectTo(Number(port), "127.0.0.1");
    socket.pipe(inner).pipe(socket);
    socket.on("error", () => inner.destroy());
    inner.on("error", () => socket.destroy());
  });
  const forwarded = await listen(forwarder);
  const disallowed = refusal(await create({ cdp: { endpoint: "http://10.0.0.1:9222" } }));
  for (const at of [`127.0.0.1:${port}`, `localhost:${port}`, forwarded]) {
    expect(refusal(await create({ cdp: { endpoint: `http://${at}` } })), at).toEqual(disallowed);
    expect(refusal(await create({ cdp: { endpoint: `ws://${at}${path}` } })), at).toEqual(disallowed);
  }
});

test("[R10] which page: by target_id or a part of its address; else the candidates are named", async ({
  create,
  botBrowser,
  site,
}) => {
  const one = await botBrowser.open(site.serve("/shop/one", CHALLENGE));
  const two = await botBrowser.open(site.serve("/shop/two", CHALLENGE));
  const { endpoint } = botBrowser;
  const candidatesOf = async (cdp: object) => {
    const { status, body } = await create({ cdp: { endpoint, ...cdp } });
    return {
      status,
      code: body.error.code,
      candidates: body.error.details.candidates as { url: string; target_id: string }[],
    };
  };
  const ambiguous = await candidatesOf({ url_contains: "/shop/" });
  expect(ambiguous).toMatchObject({ status: 409, code: "target_ambiguous" });
  const targets = await Promise.all([one, two].map((page) => botBrowser.targetOf(page)));
  expect(ambiguous.candidates.map(({ target_id }) => target_id).toSorted()).toEqual(targets.toSorted());
  expect((await candidatesOf({})).code).toBe("target_ambiguous");
  const absent = await candidatesOf({ url_contains: "/nowhere" });
  expect(absent).toMatchObject({ status: 404, code: "target_not_found" });
  expect(absent.candidates.map(({ url }) => url)).toContain(one.url());
  expect(await candidatesOf({ target_id: "0".repeat(32) })).toMatchObject({ code: "target_not_found" });

  const byId = await create({ cdp: { endpoint: botBrowser.wsEndpoint, target_id: targets[1] } });
  expect(byId.status).toBe(201);
  expect((await call("GET", byId.body.status_url.replace("/status/", "/session/"))).body.url).toBe(two.url());
});

test("[R10] a page is in one session at a time, and free again after it", async ({
  create,
  botBrowser,
  site,
  server,
}) => {
  await botBrowser.open(site.serve("/guest", CHALLENGE));
  const cdp = { endpoint: botBrowser.endpoint, url_contains: "/guest" };
  const first = await create({ cdp });
  expect(refusal(await create({ cdp }))).toMatchObject({ status: 409, code: "page_in_use" });
  await call("DELETE", `${server.api}/session/${first.body.session_id}`);
  await expect.poll(async () => (await create({ cdp })).status).toBe(201);
});

test("[R10] a page that does not answer is refused; another tab that does not is none of our business", async ({
  create,
  botBrowser,
  site,
}) => {
  const stuck = await botBrowser.open(site.serve("/stuck", CHALLENGE));
  await botBrowser.open(site.serve("/fine", CHALLENGE));
  stuck.on("dialog", () => {});
  const asked = stuck.evaluate("alert('wait')").catch(() => {});
  await stuck.waitForEvent("dialog");
  const cdp = { endpoint: botBrowser.endpoint };
  const refused = refusal(await create({ cdp: { ...cdp, url_contains: "/stuck" } }));
  expect(refused).toMatchObject({ status: 504, code: "timeout", field: "cdp" });
  expect((await create({ cdp: { ...cdp, url_contains: "/fine" } })).status).toBe(201);
  await stuck.close();
  await asked;
});

test("[R10] [S5] many sessions on one bot browser, each ending as its own operator ends it @long", async ({
  create,
  botBrowser,
  bot,
  site,
  connect,
}) => {
  const SESSIONS = IS_LONG_RUN ? 20 : 5;
  const pages = [];
  for (let number = 0; number < SESSIONS; number += 1) {
    pages.push(await botBrowser.open(site.serve(`/guest-${number}-`, CHALLENGE)));
  }
  const answers = await Promise.all(
    pages.map((_page, number) =>
      create({ cdp: { endpoint: botBrowser.endpoint, url_contains: `/guest-${number}-` }, completion: DONE }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(pages.map(() => 201));
  const sessions = answers.map(({ body }) => body as SessionAnswer);
  await Promise.all(
    sessions.map(async ({ ws_url }, number) => {
      const client = await connect(ws_url, { protocols: ["captcha.json.v1"] });
      await client.next("session_info");
      if (number % 2 === 0) {
        const at = { x: 100, y: 100, button: "left" };
        client.send({ type: "mouse_event", event_type: "down", ...at, buttons: 1 });
        client.send({ type: "mouse_event", event_type: "up", ...at, buttons: 0 });
      } else client.send({ type: "finish", outcome: "cannot", note: `number ${number}` });
    }),
  );
  for (const [number, { session_id }] of sessions.entries()) {
    const { state } = await bot.waitForEnd(session_id);
    const { outcome, reason, note, has_storage_state } = await bot.result(session_id);
    expect(outcome).toBe(state);
    if (number % 2 === 0) expect({ state, reason }).toEqual({ state: "solved", reason: "rules_met" });
    else
      expect({ state, reason, note }).toEqual({
        state: "failed",
        reason: "operator_gave_up",
        note: `number ${number}`,
      });
    expect(has_storage_state).toBe(false);
  }
  for (const page of pages) expect(await page.title()).toBe("challenge");
});

test("[S2] [R21] a login window that closes itself is solved by a cookie, by its opener's page, or page_closed", async ({
  site,
  bot,
  botBrowser,
}) => {
  const opener = site.serve(
    "/shop",
    `<h1>Shop</h1><script>addEventListener("storage", () => { document.querySelector("h1").id = "in"; });</script>`,
  );
  const login = site.serve("/login", "<h1>Sign in</h1>");
  const windowWith = async (completion: object) => {
    const shop = await botBrowser.open(opener);
    const [page] = await Promise.all([shop.waitForEvent("popup"), shop.evaluate((url) => void open(url), login)]);
    await page.waitForLoadState();
    const cdp = { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(page) };
    return { page, id: (await bot.create({ cdp, completion })).session_id };
  };
  const cookie = { any: [{ cookie: "signed", changed: true }] };
  const shown = { any: [{ visible: "#in" }] };
  for (const [completion, script, reason] of [
    [cookie, "document.cookie = 'signed=1; path=/'; close()", "rules_met"],
    [shown, "localStorage.signed = Math.random(); close()", "rules_met"],
    [cookie, "close()", "page_closed"],
    [shown, "close()", "page_closed"],
  ] as const) {
    const { page, id } = await windowWith(completion);
    await page.evaluate(script).catch(() => {});
    expect(await bot.waitForEnd(id), script).toMatchObject({ reason });
  }
});
