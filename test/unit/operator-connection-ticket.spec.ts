// The connection's tickets: one for each socket, what becomes of a connection that gets none, and where links and keys lead.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, expect } from "@playwright/test";
import { WebSocketServer } from "ws";
import { ConnectRefusal } from "../../src/client/connect-refusal.ts";
import {
  type ConnectionOptions,
  type ConnectionState,
  OperatorConnection,
} from "../../src/client/operator-connection.ts";
import { apiAt, socketAt } from "../../src/client/session-address.ts";
import { fetchTicket, TICKET_PROTOCOL_PREFIX } from "../../src/client/ticket.ts";
import { TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/live.ts";

const INFO = JSON.stringify({ type: "session_info" });
const SOON = { firstMs: 20, longestMs: 40 };
const RETRIES = { network: SOON, closed: SOON, authentication: SOON, server: SOON };
const FORMS = ["captcha.binary.v1", "captcha.json.v1"];
/** [W31] */
const NAMED = expect.stringMatching(/^captcha\.client\./);

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

interface Server {
  readonly url: string;
  readonly origin: string;
  /** What each socket offered. */
  readonly offered: string[][];
  readonly received: string[];
  readonly requests: { method: string | undefined; url: string | undefined; authorization: string | undefined }[];
}

const test = base.extend<{
  /** Lets every socket in, `lose` first ones for a moment only, and gives these answers in turn to whoever asks for a ticket. */
  serve: (options?: { lose?: number; answers?: Answer[] }) => Promise<Server>;
  open: (options: ConnectionOptions) => { connection: OperatorConnection; states: ConnectionState[] };
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  serve: async ({}, use) => {
    const stops: (() => void)[] = [];
    await use(async ({ lose = 0, answers = [] } = {}) => {
      const offered: string[][] = [];
      const received: string[] = [];
      const requests: Server["requests"] = [];
      const http = createServer(({ method, url, headers }, response) => {
        requests.push({ method, url, authorization: headers.authorization });
        const answer = answers[Math.min(requests.length, answers.length) - 1];
        response.writeHead(answer?.status ?? 500, answer?.headers).end(JSON.stringify(answer?.body));
      });
      const sockets = new WebSocketServer({
        server: http,
        handleProtocols: (protocols) => {
          offered.push([...protocols]);
          return "captcha.binary.v1";
        },
      });
      sockets.on("connection", (socket) => {
        socket.on("message", (data) => received.push(JSON.parse(String(data)).type));
        socket.send(INFO, () => offered.length <= lose && socket.close(1012));
      });
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      stops.push(() => {
        for (const socket of sockets.clients) socket.terminate();
        http.closeAllConnections();
        http.close();
      });
      const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
      return { url: `${origin.replace("http", "ws")}/ws`, origin, offered, received, requests };
    });
    for (const stop of stops) stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  open: async ({}, use) => {
    const connections: OperatorConnection[] = [];
    await use((options) => {
      const connection = new OperatorConnection({ retries: RETRIES, ...options });
      connections.push(connection);
      const states: ConnectionState[] = [];
      connection.on("state", (state) => states.push(state));
      connection.open();
      return { connection, states };
    });
    for (const connection of connections) connection.close();
  },
});

test("[R16] [W23] each socket has a ticket of its own, beside the forms of pictures", async ({ serve, open }) => {
  const server = await serve({ lose: 2 });
  let count = 0;
  const { states } = open({ url: server.url, ticket: async () => `t${++count}` });
  await expect.poll(() => server.offered.length).toBe(3);
  expect(server.offered).toEqual([1, 2, 3].map((n) => [...FORMS, `captcha.ticket.t${n}`, NAMED]));
  await expect.poll(() => states.at(-1)?.name).toBe("CONNECTED");
  expect(TICKET_PROTOCOL_PREFIX).toBe(TICKET_SUBPROTOCOL_PREFIX);
});

test("a network that fails while a ticket is asked for is a lost network, and is tried again", async ({
  serve,
  open,
}) => {
  const server = await serve();
  let failures = 2;
  const ticket = async () => {
    if (failures-- > 0) throw new TypeError("fetch failed");
    return "t";
  };
  const { states } = open({ url: server.url, ticket });
  await expect.poll(() => states.at(-1)?.name).toBe("CONNECTED");
  expect(states.map(({ name }) => name)).toEqual([
    "CONNECTING",
    "RECONNECTING",
    "RECONNECTING",
    "RECONNECTING",
    "RECONNECTING",
    "CONNECTED",
  ]);
  expect(states[1]).toMatchObject({ loss: "network", code: 1006, attempt: 1 });
  expect(server.offered).toHaveLength(1);
});

const error = (code: string) => ({ error: { code, message: "Said.", details: { why: "so" } } });
const AFTER_AN_HOUR = { "retry-after": "3600" };

for (const [what, answer, state] of [
  ["401", { status: 401, body: error("unauthorized") }, { name: "FAILED", code: 4401, loss: "authentication" }],
  ["403", { status: 403, body: error("forbidden") }, { name: "FAILED", code: 4403, loss: "refused" }],
  ["404", { status: 404, body: error("session_not_found") }, { name: "FAILED", code: 4404, loss: "refused" }],
  ["410", { status: 410, body: error("session_ended") }, { name: "CLOSED", code: 4410 }],
  ["400", { status: 400, body: error("invalid_message") }, { name: "FAILED", code: 4403, loss: "refused" }],
  [
    "429",
    { status: 429, headers: AFTER_AN_HOUR, body: error("rate_limited") },
    { name: "RECONNECTING", code: 4429, loss: "server" },
  ],
] as const) {
  test(`[R16] ${what} in place of a ticket stands for its close code, and listeners get it as over the socket`, async ({
    serve,
    open,
  }) => {
    const server = await serve({ answers: [answer] });
    const said: unknown[] = [];
    const link = `${server.origin}/api/captcha/control/order~1#a.b.c`;
    const { connection } = open({ link });
    connection.on("message", (message) => said.push(message));
    await expect.poll(() => connection.state).toMatchObject(state);
    expect(said).toEqual([{ type: "error", ...answer.body.error }]);
    expect(server.offered).toEqual([]);
    expect(server.requests).toEqual([
      { method: "POST", url: "/api/captcha/session/order~1/ticket", authorization: "Bearer a.b.c" },
    ]);
    if (connection.state.name === "RECONNECTING") {
      expect((connection.state.retryAt ?? 0) - Date.now()).toBeGreaterThan(3_500_000);
    }
  });
}

for (const [what, answer, facts] of [
  ["a proxy without its server", { status: 502, body: "<html>" }, { closeCode: 1006, retryAfterMs: 0 }],
  ["a server that is no captcha-remote", { status: 200, body: { hello: 1 } }, { closeCode: 1006, retryAfterMs: 0 }],
  [
    "a server that is full",
    { status: 503, headers: { "retry-after": "7" }, body: error("capacity") },
    { closeCode: 1013, retryAfterMs: 7_000 },
  ],
] as const) {
  test(`[R16] ${what} gives no ticket, and may be asked again`, async ({ serve }) => {
    const { origin } = await serve({ answers: [answer] });
    const { signal } = new AbortController();
    const refusal = await fetchTicket({ api: origin, sessionId: "a", bearer: "k", signal }).catch((reason) => reason);
    expect(refusal).toBeInstanceOf(ConnectRefusal);
    expect(refusal).toMatchObject({ ...facts, isFinal: false, said: null });
  });
}

test("a ticket that does not come in time is a lost network; one that comes later, or after the close, opens nothing", async ({
  serve,
  open,
}) => {
  const server = await serve();
  const waiting: { signal: AbortSignal; resolve: (ticket: string) => void }[] = [];
  const ticket = (signal: AbortSignal) => new Promise<string>((resolve) => waiting.push({ signal, resolve }));
  const retries = { network: { firstMs: 3_600_000, longestMs: 3_600_000, atOnce: false } };
  const { connection } = open({ url: server.url, ticket, connectWithinMs: 50, retries });
  await expect.poll(() => connection.state).toMatchObject({ name: "RECONNECTING", loss: "network" });
  expect(waiting[0]?.signal.aborted).toBe(true);
  connection.retry();
  waiting[0]?.resolve("late");
  connection.close();
  expect(waiting[1]?.signal.aborted).toBe(true);
  waiting[1]?.resolve("late");
  await new Promise((resolve) => setImmediate(resolve));
  expect(connection.state.name).toBe("CLOSED");
  expect(server.offered).toEqual([]);
});

test("[W27] without a ticket the first message comes at once, so that the server can say what it wants", async ({
  serve,
  open,
}) => {
  const server = await serve();
  open({ url: server.url, ticket: async () => null });
  await expect.poll(() => server.received).toEqual(["ping"]);
  expect(server.offered).toEqual([[...FORMS, NAMED]]);
});

test("links, addresses and keys lead to the same socket", async () => {
  const url = "wss://h.example/tools/api/captcha/ws/a~b";
  const fetched: [string, string | null][] = [];
  const fetch = (async (address: string, init: RequestInit) => {
    fetched.push([address, new Headers(init.headers).get("authorization")]);
    return Response.json({ ticket: "t" });
  }) as typeof globalThis.fetch;
  const session = { sessionId: "a~b" };
  const { signal } = new AbortController();
  for (const [destination, bearer] of [
    [{ link: "https://h.example/tools/api/captcha/control/a~b?lang=zh#x.y.z" }, "x.y.z"],
    [{ baseUrl: "https://h.example/tools", ...session, token: "x.y.z" }, "x.y.z"],
    [{ baseUrl: "https://h.example/tools/api/captcha/", ...session, apiKey: "k" }, "k"],
  ] as const) {
    const socket = socketAt(destination, fetch);
    expect(socket.url).toBe(url);
    expect(await socket.ticket?.(signal)).toBe("t");
    expect(fetched.pop()).toEqual(["https://h.example/tools/api/captcha/session/a~b/ticket", `Bearer ${bearer}`]);
  }
  expect(socketAt({ link: "https://h.example/tools/api/captcha/control/a~b" })).toEqual({ url });
  expect(socketAt({ baseUrl: "https://h.example/tools", ...session })).toEqual({ url });
  expect(apiAt("http://127.0.0.1:3000")).toBe("http://127.0.0.1:3000/api/captcha");
  for (const link of ["https://h.example/api/captcha/control", "https://h.example/", "nowhere"]) {
    expect(() => new OperatorConnection({ link })).toThrow(TypeError);
  }
});
