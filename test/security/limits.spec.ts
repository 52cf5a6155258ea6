/** One client that wants too much gets a coded answer, and the others notice nothing. */
import { connect as connectRaw, type Socket } from "node:net";
import Fastify from "fastify";
import { WebSocket } from "ws";
import { captchaRemote } from "../../src/plugin.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { BEARER, fetchAsBot, TEST_KEY_SPEC } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { eachSecond, IS_LONG_RUN, longUnless } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call, type OwnServer, REPORTING, reportsOf } from "../support/requests.ts";

/** Not a plain client's: those are welcomed when the page is ready. */
const PROTOCOLS = ["captcha.binary.v1"];

/** A session that stays `starting`, as its page never answers: one costs no picture, however many watch. */
const test = base.extend<{ openSession: (server: OwnServer) => Promise<string> }>({
  openSession: async ({ site }, use) => {
    await use(async ({ api }) => {
      const url = site.serve("/never", () => {});
      const { status, body } = await call("POST", `${api}/sessions`, { url }, { prefer: "respond-async" });
      expect(status).toBe(201);
      return body.ws_url as string;
    });
  },
});

type Fate = "stays" | `told ${string}` | `refused ${number}` | `lost: ${string}`;

/** One socket, and what becomes of it: told of the session, or why not. */
function openSocket(url: string): { readonly socket: WebSocket; readonly fate: Promise<Fate> } {
  const socket = new WebSocket(url, PROTOCOLS, { headers: BEARER });
  const fate = new Promise<Fate>((resolve) => {
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return;
      const { type, code } = JSON.parse(data.toString());
      if (type === "error") resolve(`told ${code}`);
      if (type === "session_info") resolve("stays");
    });
    socket.once("unexpected-response", (request, response) => {
      resolve(`refused ${response.statusCode ?? 0}`);
      request.destroy();
    });
    socket.on("error", ({ message }) => resolve(`lost: ${message}`));
  });
  return { socket, fate };
}

const BETWEEN_ASKS_MS = 20;

/** Asks for the server's health again and again; answers the statuses and the longest wait, ms. */
function watchHealth(url: string): () => Promise<{ statuses: Set<number>; longest: number }> {
  const statuses = new Set<number>();
  let [longest, ended] = [0, false];
  const asking = (async () => {
    do {
      const start = performance.now();
      statuses.add((await call("GET", `${url}/healthz`)).status);
      longest = Math.max(longest, performance.now() - start);
      // Without a rest the asking itself is what keeps the machine busy.
      await pause(BETWEEN_ASKS_MS);
    } while (!ended);
  })();
  return async () => {
    ended = true;
    await asking;
    return { statuses, longest };
  };
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("1,000 sockets from one address: 200 stay, the others are told, and the server answers all the while @long", async ({
  startServer,
  site,
  connect,
}) => {
  const server = await startServer();
  // A page that stands still: one that never answers is given up while so many come.
  const wsUrl = await openPage(server, site);
  const health = watchHealth(server.url);
  const sockets: ReturnType<typeof openSocket>[] = [];
  // As many at a time as a system lets wait to be accepted.
  for (let step = 0; step < 10; step += 1) {
    const more = Array.from({ length: 100 }, () => openSocket(wsUrl));
    sockets.push(...more);
    await Promise.all(more.map(({ fate }) => fate));
  }
  const fates = await Promise.all(sockets.map(({ fate }) => fate));
  const { statuses, longest } = await health();
  expect([...statuses]).toEqual([200]);
  expectWithin(longest, 5_000, "an answer");
  expect(fates.filter((fate) => fate === "stays")).toHaveLength(200);
  expect(fates.filter((fate) => !["stays", "told rate_limited", "refused 429"].includes(fate))).toEqual([]);

  const staying = sockets.find((_, index) => fates[index] === "stays");
  staying?.socket.close();
  await expect
    .poll(async () => {
      const next = openSocket(wsUrl);
      sockets.push(next);
      return next.fate;
    })
    .toBe("stays");
  const late = await connect(wsUrl, { protocols: PROTOCOLS });
  expect(await late.closed).toEqual({ code: 4429, reason: "rate_limited" });
  for (const { socket } of sockets) socket.terminate();
});

test("who is refused and does not go costs little: so many are told, the next are no sockets any more @long", async ({
  startServer,
  openSession,
}) => {
  const server = await startServer({ MAX_CONNECTIONS_PER_ADDRESS: "1" });
  const wsUrl = await openSession(server);
  const first = openSocket(wsUrl);
  expect(await first.fate).toBe("stays");
  const upgrade =
    `GET ${new URL(wsUrl).pathname} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  const mute = Array.from({ length: 60 }, () => rawTo(server));
  const start = performance.now();
  for (const { socket } of mute) socket.write(upgrade);
  await Promise.all(mute.map(({ closed }) => closed));
  expectWithin(performance.now() - start, 10_000);
  const answers = mute.map(({ text }) => text().slice(9, 12)).toSorted();
  expect(answers).toEqual([...Array(50).fill("101"), ...Array(10).fill("429")]);
  const refused = mute.find(({ text }) => text().startsWith("HTTP/1.1 429"));
  expect(refused?.text()).toMatch(/^retry-after: 5\r$/im);
  first.socket.terminate();
});

test("[R14] sockets and event streams share the places of the server; who comes late is told capacity", async ({
  startServer,
  openSession,
  connect,
}) => {
  const server = await startServer({ MAX_CONNECTIONS: "2" });
  const wsUrl = await openSession(server);
  const events = wsUrl.replace(/^ws(.*)\/ws\/(.*)$/, "http$1/session/$2/events");
  const first = await connect(wsUrl, { protocols: PROTOCOLS });
  const leave = new AbortController();
  expect((await fetchAsBot(events, { signal: leave.signal })).status).toBe(200);

  const late = await connect(wsUrl, { protocols: PROTOCOLS });
  expect(await late.closed).toEqual({ code: 1013, reason: "capacity" });
  expect(late.received).toMatchObject([{ type: "error", code: "capacity", details: { limit: "connections" } }]);
  const refused = await call("GET", events);
  expect([refused.status, refused.body.error.code, refused.headers.get("retry-after")]).toEqual([503, "capacity", "5"]);
  await first.next("session_info");

  leave.abort();
  await expect.poll(async () => (await openSocket(wsUrl)).fate).toBe("stays");
  expect(await metric(server, "capacity", "rest")).toBe(1);
  expect(await metric(server, "capacity", "socket")).toBeGreaterThan(0);
});

test("an address is the socket's own unless a trusted proxy says whom it asks for", async ({
  startServer,
  openSession,
}) => {
  const streams = async (server: OwnServer, addresses: string[]) => {
    const wsUrl = await openSession(server);
    const url = wsUrl.replace(/^ws(.*)\/ws\/(.*)$/, "http$1/session/$2/events");
    const leave = new AbortController();
    const statuses: number[] = [];
    for (const address of addresses) {
      const headers = { "x-forwarded-for": address };
      statuses.push((await fetchAsBot(url, { headers, signal: leave.signal })).status);
    }
    leave.abort();
    return statuses;
  };
  const env = { MAX_CONNECTIONS_PER_ADDRESS: "1" };
  const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2, 192.0.2.3"];
  const direct = await startServer(env);
  expect(await streams(direct, addresses)).toEqual([200, 429, 429, 429]);
  await direct.close();
  const behind = await startServer({ ...env, TRUST_PROXY: "loopback" });
  expect(await streams(behind, addresses)).toEqual([200, 200, 429, 200]);
  await behind.close();
  const elsewhere = await startServer({ ...env, TRUST_PROXY: "10.0.0.0/8" });
  expect(await streams(elsewhere, addresses)).toEqual([200, 429, 429, 429]);
});

test("[R10] a flood of creations is answered rate_limited with Retry-After before any body is read", async ({
  startServer,
}) => {
  const server = await startServer({ MAX_CREATES_PER_MINUTE: "3" });
  const answers = await Promise.all(Array.from({ length: 30 }, () => call("POST", `${server.api}/sessions`, "{}")));
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(3);
  expect(refused).toHaveLength(27);
  for (const { body, headers } of refused) {
    expect(body.error).toMatchObject({ code: "rate_limited", details: { limit: "creates_per_minute" } });
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(50);
  }
  expect((await call("GET", `${server.api}/sessions`)).status).toBe(200);
  expect(await metric(server, "rate_limited", "rest")).toBe(27);
  const other = await startServer({ DATA_DIR: `${server.dataDir}/other` });
  expect(await metric(other, "rate_limited", "rest")).toBe(0);
});

test.describe("a connection that does not come to the point", () => {
  for (const [name, begin, drip] of [
    ["says nothing", "", ""],
    ["sends a header a letter at a time", "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ", "a"],
    [
      "never ends its body",
      `POST /api/captcha/sessions HTTP/1.1\r\nhost: localhost\r\nauthorization: ${BEARER.authorization}\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{`,
      " ",
    ],
  ] as const) {
    test(`and ${name} is ended in time${longUnless(begin === "")}`, async ({ startServer }) => {
      const server = await startServer({ HEADERS_TIMEOUT_SECONDS: "1", REQUEST_TIMEOUT_SECONDS: "1" });
      const slow = Array.from({ length: 20 }, () => rawTo(server));
      for (const { socket } of slow) socket.write(begin);
      const dripping = setInterval(() => {
        for (const { socket } of slow) if (drip && socket.writable) socket.write(drip);
      }, 100);
      const health = watchHealth(server.url);
      const start = performance.now();
      await Promise.all(slow.map(({ closed }) => closed));
      clearInterval(dripping);
      expect(performance.now() - start).toBeGreaterThan(900);
      expect([...(await health()).statuses]).toEqual([200]);
      for (const { text } of slow) {
        expect(text()).toMatch(/^HTTP\/1\.1 408 /);
        expect(JSON.parse(text().split("\r\n\r\n")[1] ?? "").error.code).toBe("timeout");
      }
      expect(await metric(server, "timeout", "rest")).toBe(20);
    });
  }

  test("nor speaks HTTP is answered in our words", async ({ startServer }) => {
    const server = await startServer();
    for (const [sent, status, code] of [
      ["\u0016\u0003\u0001 hello\r\n\r\n", 400, "invalid_message"],
      [`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(70_000)}\r\n\r\n`, 431, "payload_too_large"],
      [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "invalid_message",
      ],
    ] as const) {
      const { socket, closed, text } = rawTo(server);
      socket.write(sent);
      await closed;
      expect(text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(text()).toContain(`"code":"${code}"`);
    }
  });
});

test.describe("[W1] frames that break the rules close their socket and no other", () => {
  for (const [name, frame, code] of [
    [
      "a declared length beyond all bounds",
      Buffer.from([0x81, 0xff, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]),
      1009,
    ],
    ["a byte more than 64 kB", maskedFrame(0x81, Buffer.alloc(65_537, "x")), 1009],
    ["bad UTF-8", maskedFrame(0x81, Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
    ["a reserved bit", maskedFrame(0xc1, Buffer.from("{}")), 1002],
    ["a reserved opcode", maskedFrame(0x83, Buffer.from("{}")), 1002],
    ["no mask", Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1002],
    ["a ping of 126 bytes", maskedFrame(0x89, Buffer.alloc(126)), 1002],
  ] as const) {
    const tag = longUnless(["a declared length beyond all bounds", "bad UTF-8", "a reserved opcode"].includes(name));
    test(`${name}${tag}`, async ({ startServer, openSession, connect }) => {
      const server = await startServer();
      const wsUrl = await openSession(server);
      const [bad, good] = [
        await connect(wsUrl, { protocols: PROTOCOLS }),
        await connect(wsUrl, { protocols: PROTOCOLS }),
      ];
      tcpOf(bad).write(frame);
      expect((await bad.closed).code).toBe(code);
      good.send({ type: "ping" });
      await good.next("pong");
      expect(await metric(server, code === 1009 ? "payload_too_large" : "invalid_message", "socket")).toBe(1);
    });
  }

  test("an empty message is no JSON, and the socket stays", async ({ startServer, openSession, connect }) => {
    const client = await connect(await openSession(await startServer()), { protocols: PROTOCOLS });
    tcpOf(client).write(Buffer.concat([maskedFrame(0x81, Buffer.alloc(0)), maskedFrame(0x82, Buffer.alloc(0))]));
    await expect.poll(() => client.received.filter(({ type }) => type === "error").length).toBe(2);
    client.send({ type: "ping" });
    await client.next("pong");
  });

  test("a message may have MAX_MESSAGE_BYTES", async ({ startServer, openSession, connect }) => {
    const client = await connect(await openSession(await startServer({ MAX_MESSAGE_BYTES: "70000" })), {
      protocols: PROTOCOLS,
    });
    client.send(JSON.stringify({ type: "ping", more: "x".repeat(69_000) }));
    await client.next("pong");
    client.send(JSON.stringify({ type: "ping", more: "x".repeat(70_000) }));
    expect((await client.closed).code).toBe(1009);
  });

  for (const [name, text] of eachSecond([
    ["a list in a list", `${"[".repeat(32_000)}${"]".repeat(32_000)}`],
    ["an object in an object", `{"type":"ping","a":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`],
    ["64 kB of brackets", "[".repeat(65_536)],
  ] as const)) {
    test(`${name}, without end, is a message like any other`, async ({ startServer, openSession, connect }) => {
      const client = await connect(await openSession(await startServer()), { protocols: PROTOCOLS });
      client.send(text);
      client.send({ type: "ping", id: "after" });
      await client.next("pong", ({ reply_to }) => reply_to === "after");
    });
  }
});

test.describe("[R10] a body that reaches for prototypes, or for depth, is refused", () => {
  for (const text of [
    '{"url":"http://127.0.0.1/","__proto__":{"a":1}}',
    '{"url":"http://127.0.0.1/","metadata":{"a":{"__proto__":{"a":1}}}}',
    '{"url":"http://127.0.0.1/","constructor":{"prototype":{"a":1}}}',
    `{"url":"http://127.0.0.1/","metadata":{"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}}`,
    `{"url":"http://127.0.0.1/","storage_state":${"[".repeat(1_000)}${"]".repeat(1_000)}}`,
  ]) {
    test(`${text.slice(0, 70)}`, async ({ server }) => {
      const { status, body } = await call("POST", `${server.api}/sessions`, text);
      expect([status, body.error.code]).toEqual([400, "invalid_message"]);
    });
  }
});

test("bodies are small; that of a creation may have MAX_BODY_BYTES", async ({ startServer }) => {
  const server = await startServer({ MAX_BODY_BYTES: "100000" });
  const statusOf = async (path: string, bytes: number) =>
    (await call("POST", `${server.api}/${path}`, { more: "x".repeat(bytes) })).status;
  expect([await statusOf("sessions", 99_000), await statusOf("sessions", 100_000)]).toEqual([400, 413]);
  expect([await statusOf("check_completion", 65_000), await statusOf("check_completion", 66_000)]).toEqual([400, 413]);
});

test("[W1] messages too much are dropped and told once a second; nobody else notices", async ({
  startServer,
  openSession,
  connect,
}) => {
  const server = await startServer();
  const wsUrl = await openSession(server);
  const [flood, other] = [
    await connect(wsUrl, { protocols: PROTOCOLS }),
    await connect(wsUrl, { protocols: PROTOCOLS }),
  ];
  const startedAt = performance.now();
  let sent = 0;
  while (errorsOf(flood, "rate_limited") < 2) {
    for (let count = 0; count < 200; count += 1) flood.send({ type: "check_completion" });
    sent += 200;
    await pause(100);
  }
  other.send({ type: "ping" });
  await other.next("pong");
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(errorsOf(flood, "rate_limited")).toBeLessThanOrEqual(seconds + 1);
  expect(flood.socket.readyState).toBe(WebSocket.OPEN);
  await expect.poll(() => metric(server, "rate_limited", "socket")).toBeGreaterThan(sent - 200 - 100 * seconds);
  await pause(500);
  flood.send({ type: "take_control", id: "later" });
  await flood.next("control", ({ you }) => you === true);
});

test("[W1] ten seconds of too much close the socket with 4429, and only that", async ({
  startServer,
  openSession,
  connect,
}) => {
  test.skip(!IS_LONG_RUN, "takes its ten seconds; message-limits.spec.ts has them on a clock of its own");
  const wsUrl = await openSession(await startServer());
  const [flood, other] = [
    await connect(wsUrl, { protocols: PROTOCOLS }),
    await connect(wsUrl, { protocols: PROTOCOLS }),
  ];
  const start = performance.now();
  let isClosed = false;
  flood.socket.once("close", () => {
    isClosed = true;
  });
  while (!isClosed) {
    for (let count = 0; count < 40; count += 1) flood.send({ type: "check_completion" });
    await pause(100);
  }
  expect(await flood.closed).toEqual({ code: 4429, reason: "rate_limited" });
  expect(performance.now() - start).toBeGreaterThan(9_900);
  expectWithin(performance.now() - start, 20_000);
  other.send({ type: "ping" });
  await other.next("pong");
});

const DRAGGED = `<!doctype html>${REPORTING}<script>
  let [moves, at] = [0, null];
  addEventListener("mousemove", ({ clientX, clientY, buttons }) => { moves += 1; at = [clientX, clientY, buttons]; });
  addEventListener("mousedown", () => report("down"));
  addEventListener("mouseup", () => report(["up", at, moves]));
</script>`;

test("[W24] 5,000 moves in a second are no error, and the last one arrives before the release", async ({
  startServer,
  site,
  connect,
}) => {
  const reports = reportsOf(site);
  const client = await connect(await openPage(await startServer(), site));
  await client.next("presence");
  client.send({ type: "mouse_event", event_type: "down", x: 10, y: 10, button: "left" });
  for (let move = 1; move <= 5_000; move += 1) {
    const y = 10 + (move % 7);
    client.send({ type: "mouse_event", event_type: "move", x: 10 + move / 10, y, button: "left", buttons: 1 });
    if (move % 100 === 0) await pause(20);
  }
  client.send({ type: "mouse_event", event_type: "up", x: 600, y: 300, button: "left" });
  await expect.poll(() => reports).toEqual(["down", ["up", [510, 10 + (5_000 % 7), 1], expect.any(Number)]]);
  expect(reports[1][2]).toBeLessThan(1_500);
  expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
});

test("[W24] the last of too many moves arrives by itself @long", async ({ startServer, site, connect }) => {
  const reports = reportsOf(site);
  const page = `${REPORTING}<script>addEventListener("mousemove", ({ clientX }) => report(clientX))</script>`;
  const client = await connect(await openPage(await startServer({ MAX_MOVES_PER_SECOND: "60" }), site, page));
  await client.next("presence");
  for (let x = 1; x <= 300; x += 1) client.send({ type: "mouse_event", event_type: "move", x, y: 5 });
  await expect.poll(() => reports.at(-1)).toBe(300);
  expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
});

test("[R20] GET /metrics counts refusals by code, at the root and below the API", async ({ startServer }) => {
  const server = await startServer();
  await call("GET", `${server.api}/nowhere`);
  await call("GET", `${server.api}/session/nobody`);
  for (const base of [server.url, server.api]) {
    const { status, headers, body } = await call("GET", `${base}/metrics`);
    expect([status, headers.get("content-type")]).toEqual([
      200,
      expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    ]);
    expect(body).toContain('captcha_remote_refused_total{code="not_found",surface="rest"} 1');
    expect(body).toContain('captcha_remote_refused_total{code="session_not_found",surface="rest"} 1');
  }
});

test("inside a bot's server the limits are those of our routes, and the bot's routes keep their own", async () => {
  const app = Fastify({ onProtoPoisoning: "ignore" });
  app.post("/own", async ({ body }) => ({ bytes: JSON.stringify(body).length }));
  await app.register(captchaRemote, {
    apiKeys: TEST_KEY_SPEC,
    maxCreatesPerMinute: 2,
    allowedOrigins: "https://shop.example",
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  try {
    const large = { more: "x".repeat(200_000) };
    expect((await call("POST", `${url}/own`, large, { origin: "https://elsewhere.example" })).status).toBe(200);
    expect((await call("POST", `${url}/own`, '{"__proto__":1}')).status).toBe(200);
    expect((await call("POST", `${url}/api/captcha/check_completion`, large)).status).toBe(413);
    expect((await call("POST", `${url}/api/captcha/check_completion`, '{"__proto__":1}')).status).toBe(400);
    const asks = { origin: "https://shop.example", "access-control-request-method": "POST" };
    expect((await call("OPTIONS", `${url}/own`, undefined, asks)).status).toBe(404);
    expect((await call("OPTIONS", `${url}/api/captcha/sessions`, undefined, asks)).status).toBe(204);
    const created = [];
    for (let time = 0; time < 3; time += 1)
      created.push((await call("POST", `${url}/api/captcha/sessions`, "{}")).status);
    expect(created).toEqual([400, 400, 429]);
    expect(app.server.maxConnections).toBeUndefined();
    expect(app.server.headersTimeout).toBe(Fastify().server.headersTimeout);
  } finally {
    await app.close();
  }
});

async function openPage(server: OwnServer, site: TestSite, page = DRAGGED): Promise<string> {
  const { body } = await call("POST", `${server.api}/sessions`, { url: site.serve("/", page) });
  return body.ws_url;
}

/** A frame as a client sends it; the mask is all zeros. */
function maskedFrame(first: number, data: Buffer): Buffer {
  const length =
    data.length < 126
      ? Buffer.from([0x80 | data.length])
      : data.length < 65_536
        ? Buffer.from([0xfe, data.length >> 8, data.length & 255])
        : Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0]), uint32(data.length)]);
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(4), data]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Below the socket, for what no library sends. */
function tcpOf({ socket }: LiveClient): Socket {
  return (socket as unknown as { _socket: Socket })._socket;
}

function rawTo(server: OwnServer): { socket: Socket; closed: Promise<unknown>; text: () => string } {
  const socket = connectRaw(Number(new URL(server.listening).port), "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  return { socket, closed, text: () => Buffer.concat(chunks).toString() };
}

function errorsOf(client: LiveClient, code: string): number {
  return client.received.filter((message) => message.type === "error" && message.code === code).length;
}

async function metric(server: OwnServer, code: string, surface: string): Promise<number> {
  const { body } = await call("GET", `${server.url}/metrics`);
  return Number(new RegExp(`\\{code="${code}",surface="${surface}"\\} (\\d+)`).exec(body)?.[1] ?? 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
