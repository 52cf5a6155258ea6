/** [W55] [W56] [W57] [R28] The server's side of a relay, with bots that do what no honest one does. */
import { connect as connectTo } from "node:net";
import { mergeTests } from "@playwright/test";
import type { Scope } from "../../src/auth/caller.ts";
import type { AuditEntryAnswer } from "../../src/protocol/audit.ts";
import { framesOf } from "../../src/protocol/relay-line.ts";
import { attachStorage } from "../../src/storage/storage.ts";
import { test as withBots } from "../support/fixtures.ts";
import { addKey, BEARER } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { HELLO, RelayBot, TARGET_ID } from "../support/relay-bot.ts";
import { call, type OwnServer, test as withServers } from "../support/requests.ts";

const test = mergeTests(withBots, withServers).extend<{
  lend: (api: string, headers?: Readonly<Record<string, string>>, hello?: object) => Promise<RelayBot>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  lend: async ({}, use) => {
    const bots: RelayBot[] = [];
    await use(async (...given) => {
      const bot = await RelayBot.lend(...given);
      bots.push(bot);
      return bot;
    });
    for (const { socket } of bots) socket.terminate();
  },
});
const { expect } = test;

/** A key of its own on this server, as a header. */
function keyOf({ dataDir }: OwnServer, name: string, scopes?: readonly Scope[]): { authorization: string } {
  const storage = attachStorage(dataDir);
  const { secret } = addKey(storage.keys, name, scopes);
  storage.close();
  return { authorization: `Bearer ${secret}` };
}

test("[W55] hello is answered by a random id, a secret and the bounds", async ({ server, lend }) => {
  const [one, two] = [await lend(server.api), await lend(server.api)];
  expect(one.welcome).toMatchObject({ received: 0, max_frame_bytes: 65_536, reconnect_seconds: 30 });
  expect(one.welcome.relay).toMatch(/^[\w-]{22}$/);
  expect(one.welcome.secret).toMatch(/^[\w-]{43}$/);
  expect(two.welcome.relay).not.toBe(one.welcome.relay);
});

test("[W55] [W27] a key in the first message does as well as one in a header", async ({ server }) => {
  const bot = await RelayBot.connect(server.api, {});
  bot.say({ type: "authenticate", token: BEARER.authorization.split(" ")[1] });
  expect((await bot.text("authentication_result")).success).toBe(true);
  bot.say(HELLO);
  await bot.text("welcome");
  bot.socket.terminate();
});

test("[W55] without a key, with a wrong one, or with one that may not create, there is no relay", async ({
  startServer,
}) => {
  const own = await startServer();
  const refusal = async (headers: Record<string, string>, first: object) => {
    const bot = await RelayBot.connect(own.api, headers);
    bot.say(first);
    return [(await bot.text("error")).code, await bot.closed];
  };
  expect(await refusal({}, HELLO)).toEqual(["unauthorized", 4401]);
  expect(await refusal({ authorization: "Bearer crk_wrong" }, HELLO)).toEqual(["unauthorized", 4401]);
  const reader = keyOf(own, "reader", ["sessions:read"]);
  expect(await refusal(reader, HELLO)).toEqual(["forbidden", 4403]);
});

test("[W55] [R28] MAX_RELAYS is the bound of each key", async ({ startServer, lend }) => {
  const own = await startServer({ MAX_RELAYS: "2" });
  const [first] = [await lend(own.api), await lend(own.api)];
  const third = await RelayBot.connect(own.api);
  third.say(HELLO);
  expect(await third.text("error")).toMatchObject({ code: "capacity", details: { limit: "relays_per_key" } });
  expect(await third.closed).toBe(1013);
  await lend(own.api, keyOf(own, "another"));
  first.post({ type: "gone", reason: "page_closed" });
  expect(await first.closed).toBe(1000);
  await lend(own.api);
});

test("[R28] a relay's id opens a session for its own key only", async ({ startServer, lend }) => {
  const own = await startServer();
  const { welcome } = await lend(own.api);
  const create = async (relay: string, headers: Record<string, string>) => {
    const { status, body } = await call("POST", `${own.api}/sessions`, { relay }, headers);
    return [status, body.error?.code];
  };
  const thief = keyOf(own, "thief");
  expect(await create(welcome.relay, thief)).toEqual([404, "relay_not_found"]);
  expect(await create("A".repeat(22), thief)).toEqual([404, "relay_not_found"]);
  expect(await create("../../etc/passwd", BEARER)).toEqual([400, "invalid_message"]);
});

test("[R28] a relay stands in place of url and cdp, without what only a page of the server's can have", async ({
  server,
  lend,
}) => {
  const { welcome } = await lend(server.api);
  const create = async (body: object) => {
    const answer = await call("POST", `${server.api}/sessions`, { relay: welcome.relay, ...body });
    return [answer.status, answer.body.error.details.field];
  };
  expect(await create({ url: "http://127.0.0.1/" })).toEqual([400, "url"]);
  expect(await create({ viewport: { width: 500, height: 400 } })).toEqual([400, "viewport"]);
});

test("[R17] [R20] who lends pages stands in the audit trail, without the relay's id, and how many do in the gauges", async ({
  startServer,
  lend,
}) => {
  const own = await startServer();
  const open = async () => (await call("GET", `${own.url}/healthz`)).body.gauges.relay_sockets;
  const [bot, other] = [await lend(own.api), await lend(own.api, keyOf(own, "another"))];
  expect(await open()).toBe(2);
  const { relay } = bot.welcome;
  await call("POST", `${own.api}/sessions`, { relay, session_id: "lent" }, { prefer: "respond-async" });
  await call("DELETE", `${own.api}/session/lent`);
  bot.post({ type: "gone", reason: "page_closed" });
  expect(await bot.closed).toBe(1000);
  other.send({ type: "cdp", seq: 1, epoch: 9, message: {} });
  expect(await other.closed).toBe(4400);
  await expect.poll(open).toBe(0);

  const { body } = await call("GET", `${own.api}/audit?limit=500`);
  const trail: AuditEntryAnswer[] = body.entries.reverse();
  expect(JSON.stringify(trail)).not.toContain(relay);
  const [mine, theirs] = [relay.slice(0, 6), other.welcome.relay.slice(0, 6)];
  const of = (name: string) =>
    trail
      .filter(({ detail }) => detail?.["relay"] === name)
      .map(({ action, who, address, detail }) => [action, who, address, detail?.["reason"]]);
  const me = "key:config:test";
  expect(of(mine)).toEqual([
    ["relay.open", me, "127.0.0.1", undefined],
    ["session.create", me, "127.0.0.1", undefined],
    ["relay.close", me, null, "page_closed"],
  ]);
  const another = expect.stringMatching(/^key:/);
  expect(of(theirs)).toEqual([
    ["relay.open", another, "127.0.0.1", undefined],
    ["relay.close", another, null, "relay_violation"],
  ]);
  expect(of(theirs)[0]?.[1]).not.toBe(me);
});

test("[R28] one session at a time; after it the bot is told to let go, and lends the page again", async ({
  server,
  lend,
}) => {
  const bot = await lend(server.api);
  const body = { relay: bot.welcome.relay };
  const creating = call("POST", `${server.api}/sessions`, body, { prefer: "respond-async" });
  const { session_id: id } = (await creating).body;
  await bot.command("Target.attachToTarget");
  expect((await call("POST", `${server.api}/sessions`, body)).body.error).toMatchObject({
    code: "page_in_use",
    details: { field: "relay" },
  });
  await call("DELETE", `${server.api}/session/${id}`);
  await bot.header("reset");
  const again = await call("POST", `${server.api}/sessions`, body, { prefer: "respond-async" });
  expect(again.status).toBe(201);
  await call("DELETE", `${server.api}/session/${again.body.session_id}`);
});

test("[W57] a stolen id does not carry the relay on: neither without its secret, nor with another key", async ({
  startServer,
  lend,
}) => {
  const own = await startServer();
  const { relay, secret } = (await lend(own.api)).welcome;
  const resume = async (given: object, headers: Record<string, string> = BEARER) => {
    const bot = await RelayBot.connect(own.api, headers);
    bot.say({ type: "resume", version: 1, relay, secret, received: 0, ...given });
    return [(await bot.text("error")).code, await bot.closed];
  };
  expect(await resume({ secret: "x".repeat(43) })).toEqual(["relay_not_found", 4404]);
  expect(await resume({ relay: "A".repeat(22) })).toEqual(["relay_not_found", 4404]);
  expect(await resume({}, keyOf(own, "thief"))).toEqual(["relay_not_found", 4404]);
});

test("[W57] of two bots on one relay the older socket is closed as replaced", async ({ server, lend }) => {
  const first = await lend(server.api);
  const { relay, secret } = first.welcome;
  const second = await RelayBot.connect(server.api);
  second.say({ type: "resume", version: 1, relay, secret, received: 0 });
  expect(await second.text("welcome")).toMatchObject({ relay, secret });
  expect([(await first.text("error")).code, await first.closed]).toEqual(["relay_replaced", 4409]);
  second.post({ type: "gone", reason: "page_closed" });
  await second.closed;
});

test("[W57] commands that were sent while the line was broken arrive over the next socket, once", async ({
  server,
  lend,
}) => {
  const first = await lend(server.api);
  const { relay, secret } = first.welcome;
  first.socket.terminate();
  await first.closed;
  const creating = call("POST", `${server.api}/sessions`, { relay }, { prefer: "respond-async" });
  const { session_id: id } = (await creating).body;
  const second = await RelayBot.connect(server.api);
  second.say({ type: "resume", version: 1, relay, secret, received: 0 });
  const asked = await second.command("Target.attachToTarget");
  expect(asked.params).toEqual({ targetId: TARGET_ID, flatten: true });
  expect(second.headers.filter(({ message }) => message?.method === "Target.attachToTarget")).toHaveLength(1);
  await call("DELETE", `${server.api}/session/${id}`);
  second.post({ type: "gone", epoch: 1, reason: "browser_lost" });
  await second.closed;
});

/** What ends a relay at once: how a bot breaks the protocol, with a session that is just attaching. */
const VIOLATIONS: Readonly<Record<string, (bot: RelayBot, asked: { id: number }) => void>> = {
  "an answer to no command": (bot) => bot.post({ message: { id: 999, result: {} } }),
  "an answer of another session": (bot, { id }) => bot.post({ message: { id, sessionId: "X", result: {} } }),
  "an answer that is neither result nor error": (bot, { id }) => bot.post({ message: { id } }),
  "a session that is none": (bot, { id }) => bot.post({ message: { id, result: { sessionId: "<script>" } } }),
  "an event of another target": (bot) =>
    bot.post({ message: { method: "Inspector.targetCrashed", params: {}, sessionId: "OTHER" } }),
  "an event that nobody asked for": (bot) =>
    bot.post({ message: { method: "Storage.cacheStorageListUpdated", params: {} } }),
  "a picture of another target": (bot) => {
    const params = { data: "", sessionId: 1, metadata: { scrollOffsetX: 0, scrollOffsetY: 0 } };
    const message = { method: "Page.screencastFrame", params, sessionId: "OTHER" };
    bot.send({ type: "picture", picture: 1, epoch: 0, message, body_at: "params.data" });
  },
  "a picture with a number too far": (bot) => {
    const message = { method: "Page.screencastFrame", params: {}, sessionId: "S" };
    bot.send({ type: "picture", picture: 7, epoch: 0, message, body_at: "params.data" });
  },
  "a picture of more pixels than there is memory for": (bot, { id }) => {
    bot.post({ message: { id, result: { sessionId: "S" } } });
    const params = { data: "", sessionId: 1, metadata: { scrollOffsetX: 0, scrollOffsetY: 0 } };
    const message = { method: "Page.screencastFrame", params, sessionId: "S" };
    // A frame of 65,535 x 65,535.
    const jpeg = Buffer.from("ffd8ffc0001108ffffffff03012200021101031101", "hex");
    bot.send({ type: "picture", picture: 1, epoch: 0, message, body_at: "params.data" }, jpeg);
  },
  "a tab whose id is none": (bot) =>
    bot.post({
      message: { method: "Target.targetCreated", params: { targetInfo: { targetId: "a b", type: "page" } } },
    }),
  "an epoch that has not come": (bot) => bot.post({ epoch: 3, message: { id: 1, result: {} } }),
  "a number that is missing": (bot) => bot.send({ type: "cdp", seq: 9, epoch: 0, message: { id: 1, result: {} } }),
  "a header of another protocol": (bot) => bot.send({ type: "run", command: "rm" }),
  "bytes that are no frame": (bot) => bot.socket.send(Buffer.from([7, 7, 7])),
  "hello twice": (bot) => bot.say(HELLO),
};

for (const [what, violate] of Object.entries(VIOLATIONS)) {
  test(`[W56] ${what} ends the relay, and nothing else`, async ({ server, lend }) => {
    const bot = await lend(server.api);
    const creating = call("POST", `${server.api}/sessions`, { relay: bot.welcome.relay });
    const asked = await bot.command("Target.attachToTarget");
    violate(bot, asked);
    expect((await bot.text("error")).code).toBe("relay_violation");
    expect(await bot.closed).toBe(4400);
    if (what === "hello twice") bot.socket.terminate();
    else expect((await creating).status).toBeGreaterThanOrEqual(400);
    expect((await call("GET", `${server.url}/healthz`)).status).toBe(200);
  });
}

test("[W56] a message without an end ends the relay at 16 MiB", async ({ server, lend }) => {
  const bot = await lend(server.api);
  const frame = Buffer.alloc(65_536, 1);
  const sending = setInterval(() => {
    for (let sent = 0; sent < 16 && bot.socket.bufferedAmount < 1_000_000; sent += 1) bot.socket.send(frame);
  }, 5);
  expect((await bot.text("error")).code).toBe("relay_violation");
  clearInterval(sending);
  expect(await bot.closed).toBe(4400);
});

test("[W56] a frame larger than the bound closes the socket", async ({ server, lend }) => {
  const bot = await lend(server.api);
  bot.socket.send(Buffer.alloc(65_537));
  expect(await bot.closed).toBe(1009);
});

test("[W56] a flood is read no faster than its budget, and closed", async ({ startServer, lend }) => {
  test.skip(!IS_LONG_RUN, "a flood is closed after 10 s");
  const own = await startServer();
  const flooding = await lend(own.api);
  const quiet = await lend(own.api);
  const ack = Buffer.concat(framesOf('{"type":"ack","ack":0}', Buffer.alloc(0), 65_536));
  const flood = setInterval(() => {
    for (let sent = 0; sent < 2_000 && flooding.socket.bufferedAmount < 1_000_000; sent += 1) flooding.socket.send(ack);
  }, 1);
  expect((await flooding.text("error")).code).toBe("rate_limited");
  clearInterval(flood);
  expect(await flooding.closed).toBe(4429);
  // Another relay goes on.
  quiet.post({ type: "gone", reason: "page_closed" });
  expect(await quiet.closed).toBe(1000);
});

test("[W55] a bot that says nothing, or something else first, is closed", async ({ startServer }) => {
  const own = await startServer({ AUTHENTICATE_SECONDS: "1" });
  const silent = await RelayBot.connect(own.api);
  expect([(await silent.text("error")).code, await silent.closed]).toEqual(["relay_violation", 4400]);
  const hasty = await RelayBot.connect(own.api);
  hasty.socket.send(Buffer.from([0, 0, 0, 0, 0]));
  // Whether its key was looked up by then or not.
  expect([4400, 4401]).toContain(await hasty.closed);
});

test("[W57] a line that is dead without a word is replaced at once when the bot dials again", async ({ server }) => {
  // A socket of TCP's own, whose other end never reads or answers again.
  const { hostname, port } = new URL(server.url);
  const half = connectTo(Number(port), hostname);
  const upgrade = [
    "GET /api/captcha/relay HTTP/1.1",
    `Host: ${hostname}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `Authorization: ${BEARER.authorization}`,
    "\r\n",
  ].join("\r\n");
  half.write(upgrade);
  const chunks: Buffer[] = [];
  half.on("data", (data: Buffer) => chunks.push(data));
  await expect.poll(() => Buffer.concat(chunks).toString()).toContain("101 Switching");
  half.write(masked(JSON.stringify(HELLO)));
  await expect.poll(() => Buffer.concat(chunks).toString()).toContain('"welcome"');
  const { relay, secret } = JSON.parse(/\{"type":"welcome".*?\}/.exec(Buffer.concat(chunks).toString())?.[0] ?? "{}");
  half.pause();
  const bot = await RelayBot.connect(server.api);
  bot.say({ type: "resume", version: 1, relay, secret, received: 0 });
  expect(await bot.text("welcome")).toMatchObject({ relay });
  bot.post({ type: "gone", reason: "page_closed" });
  expect(await bot.closed).toBe(1000);
  half.destroy();
});

/** A text message of a client, masked with zeros. */
function masked(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

test("[R28] answers that are not a browser's end the creation with a code", async ({ server, lend }) => {
  const nonsense = [{ targetInfo: 7, frameTree: [] }, { frameTree: { frame: {} }, entries: 9 }, {}];
  for (const answer of nonsense) {
    const bot = await lend(server.api);
    bot.respond = ({ method }) => (method === "Target.attachToTarget" ? { sessionId: "S" } : answer);
    const { status, body } = await call("POST", `${server.api}/sessions`, { relay: bot.welcome.relay });
    expect([status, body.error.code, body.error.details.field], JSON.stringify(answer)).toEqual([
      502,
      "cdp_unreachable",
      "relay",
    ]);
  }
});
