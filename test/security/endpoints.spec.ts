/** [R27] Hostile endpoints: each is refused with a code within 3 s, leads nowhere else, and leaves nothing open. */
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";

const WITHIN_MS = 3_000;
const GIGABYTE = 2 ** 30;
/** What fits into the buffers of two sockets before anybody notices. */
const BUFFERED_BYTES = 32 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, "x");
const TRICKLE_MS = 50;
const CDP_ALLOW = "loopback:*,browsers.test:*,*.bots.test:*";

interface Listener {
  readonly port: number;
  /** How many connections came, and are open. */
  readonly came: () => number;
  readonly open: () => number;
  readonly bytesSent: () => number;
}

const test = base.extend<{ listen: (server: Server) => Promise<Listener> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  listen: async ({}, use) => {
    const servers: Server[] = [];
    const sockets = new Set<Socket>();
    await use(async (server) => {
      const own = new Set<Socket>();
      let came = 0;
      let sent = 0;
      servers.push(server);
      server.on("connection", (socket: Socket) => {
        came += 1;
        own.add(socket);
        sockets.add(socket);
        socket.on("error", () => {});
        socket.once("close", () => {
          sent += socket.bytesWritten;
          own.delete(socket);
          sockets.delete(socket);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return {
        port: (server.address() as AddressInfo).port,
        came: () => came,
        open: () => own.size,
        bytesSent: () => [...own].reduce((sum, socket) => sum + socket.bytesWritten, sent),
      };
    });
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  },
});

/** Writes for as long as somebody reads. */
async function pour(socket: Socket): Promise<void> {
  while (!socket.destroyed) {
    if (!socket.write(CHUNK)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), delay(20)]);
  }
}

/** Writes a letter at a time. */
async function trickle(socket: Socket, beginning: string): Promise<void> {
  socket.write(beginning);
  while (!socket.destroyed) {
    socket.write("x");
    await delay(TRICKLE_MS);
  }
}

/** Answers each request in raw bytes. */
function raw(answer: (socket: Socket) => unknown): Server {
  return createServer((socket) => socket.once("data", () => answer(socket)));
}

function accepting(onSocket: (socket: Socket) => unknown): Server {
  const http = createHttpServer();
  new WebSocketServer({ server: http }).on("connection", (_socket, { socket }) => onSocket(socket));
  return http;
}

/** Each is asked as an http: and as a ws: endpoint. */
const HOSTILE: Readonly<Record<string, () => Server>> = {
  redirects: () =>
    raw((socket) => socket.end("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")),
  "answers 1 GB": () =>
    raw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${GIGABYTE}\r\n\r\n`);
      return pour(socket);
    }),
  "answers 1 GB of headers": () =>
    raw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx: ");
      return pour(socket);
    }),
  "answers HTML": () => createHttpServer((_request, response) => response.end("<h1>hello</h1>")),
  "sends a header slowly for ever": () => raw((socket) => trickle(socket, "HTTP/1.1 200 OK\r\nx: ")),
  "sends a body slowly for ever": () => raw((socket) => trickle(socket, "HTTP/1.1 200 OK\r\n\r\n")),
  // It reads, or it would not hear that the other side has gone.
  "says nothing for ever": () => createServer((socket) => socket.resume()),
};

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

for (const [what, makeServer] of Object.entries(HOSTILE)) {
  test(`[R27] an endpoint that ${what} is refused within 3 s, and nothing stays open`, async ({
    startServer,
    listen,
  }) => {
    const { api } = await startServer({ CDP_ALLOW });
    const listener = await listen(makeServer());
    await Promise.all(
      ["http", "ws"].map(async (scheme) => {
        const startedAt = performance.now();
        const endpoint = `${scheme}://127.0.0.1:${listener.port}/b?token=s3cret-0f-mine`;
        const { status, body } = await call("POST", `${api}/sessions`, { cdp: { endpoint } });
        expect({ status, code: body.error.code }, scheme).toEqual({ status: 502, code: "cdp_unreachable" });
        expect(JSON.stringify(body)).not.toContain("s3cret");
        expectWithin(performance.now() - startedAt, WITHIN_MS, scheme);
      }),
    );
    await expect.poll(listener.open).toBe(0);
    expect(listener.bytesSent()).toBeLessThan(BUFFERED_BYTES);
  });
}

for (const [what, onSocket] of Object.entries({
  "sends a message of 1 GB": (socket: Socket) => {
    const head = Buffer.alloc(10);
    head.set([0x81, 127]);
    head.writeBigUInt64BE(BigInt(GIGABYTE), 2);
    socket.write(head);
    return pour(socket);
  },
  "sends a message slowly for ever": (socket: Socket) => trickle(socket, "\x01\x7e\x7f\x7f"),
  "says nothing": () => {},
})) {
  test(`[R27] a WebSocket that ${what} is refused within 3 s, and nothing stays open`, async ({
    startServer,
    listen,
  }) => {
    const { api } = await startServer({ CDP_ALLOW });
    const listener = await listen(accepting(onSocket));
    const startedAt = performance.now();
    const cdp = { endpoint: `ws://127.0.0.1:${listener.port}/b` };
    const { status, body } = await call("POST", `${api}/sessions`, { cdp });
    expect({ status, code: body.error.code }).toEqual({ status: 502, code: "cdp_unreachable" });
    expectWithin(performance.now() - startedAt, WITHIN_MS);
    await expect.poll(listener.open).toBe(0);
    expect(listener.bytesSent()).toBeLessThan(BUFFERED_BYTES);
  });
}

for (const targetInfos of [
  [null],
  [{ targetId: 7 }],
  { length: 1 },
  [{ targetId: "x".repeat(10_000), type: "page", url: "" }],
]) {
  test(`[R27] pages such as ${JSON.stringify(targetInfos).slice(0, 40)} are no browser's`, async ({
    startServer,
    listen,
  }) => {
    const { api } = await startServer({ CDP_ALLOW });
    const http = createHttpServer();
    new WebSocketServer({ server: http }).on("connection", (socket) => {
      socket.on("message", () => socket.send(JSON.stringify({ id: 1, result: { targetInfos } })));
    });
    const { port } = await listen(http);
    const { body } = await call("POST", `${api}/sessions`, { cdp: { endpoint: `ws://127.0.0.1:${port}/b` } });
    expect(body.error).toMatchObject({ code: "cdp_unreachable" });
  });
}

test("[R27] an endpoint that names another host, port or scheme leads nowhere but to itself", async ({
  startServer,
  listen,
}) => {
  const { api } = await startServer({ CDP_ALLOW });
  const elsewhere = await listen(createServer());
  const named = `ws://127.0.0.1:${elsewhere.port}/devtools/browser/x`;
  const asked: string[] = [];
  const liar = await listen(
    createHttpServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(JSON.stringify({ webSocketDebuggerUrl: named }));
    }).on("upgrade", (request, socket) => {
      asked.push(request.url ?? "");
      socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    }),
  );
  const { body } = await call("POST", `${api}/sessions`, { cdp: { endpoint: `http://127.0.0.1:${liar.port}` } });
  expect(body.error).toMatchObject({ code: "cdp_unreachable", details: { why: "it answers 404" } });
  expect(asked).toEqual(["/json/version", "/devtools/browser/x"]);
  expect(elsewhere.came()).toBe(0);
});

test("[R27] rebinding: a name is resolved once, and both its requests go to the address that was checked", async ({
  startServer,
  listen,
}) => {
  const named = await listen(
    createHttpServer((_request, response) => response.end('{"webSocketDebuggerUrl":"ws://browsers.test/b"}')),
  );
  let lookups = 0;
  // The second answer would lead to whatever listens at another address.
  const resolve = async () => {
    lookups += 1;
    return [lookups === 1 ? "127.0.0.1" : "127.0.0.2"];
  };
  const { api } = await startServer({ CDP_ALLOW }, { resolve });
  const { body } = await call("POST", `${api}/sessions`, { cdp: { endpoint: `http://browsers.test:${named.port}` } });
  expect(body.error).toMatchObject({
    code: "cdp_unreachable",
    details: { why: "it answers 200, without a WebSocket" },
  });
  expect(lookups).toBe(1);
  expect(named.came()).toBe(2);
});

test("[R27] a name that is made to lead to a browser of the server's own is refused, as one that is not allowed", async ({
  startServer,
  site,
}) => {
  const { api, dataDir } = await startServer({ CDP_ALLOW }, { resolve: async () => ["127.0.0.1"] });
  const owned = await call("POST", `${api}/sessions`, { url: site.serve("/", "<div id=captcha>hold</div>") });
  const file = join(dataDir, "profiles", owned.body.session_id, "DevToolsActivePort");
  const [port = "", path = ""] = (await readFile(file, "utf8")).split("\n");
  for (const endpoint of [`http://browsers.test:${port}`, `ws://browsers.test:${port}${path}`]) {
    const { status, body } = await call("POST", `${api}/sessions`, { cdp: { endpoint } });
    expect({ status, code: body.error.code }, endpoint).toEqual({ status: 422, code: "url_not_allowed" });
  }
});

test("[R27] a name below a domain that is allowed may not lead to this machine or to a cloud's own services", async ({
  startServer,
  listen,
}) => {
  const here = await listen(createServer());
  const names: Record<string, string> = { "here.bots.test": "127.0.0.1", "cloud.bots.test": "169.254.169.254" };
  const { api } = await startServer({ CDP_ALLOW }, { resolve: async (name) => [names[name] ?? "127.0.0.1"] });
  for (const host of Object.keys(names)) {
    const { status, body } = await call("POST", `${api}/sessions`, {
      cdp: { endpoint: `http://${host}:${here.port}` },
    });
    expect({ status, code: body.error.code }, host).toEqual({ status: 422, code: "url_not_allowed" });
  }
  expect(here.came()).toBe(0);
});
