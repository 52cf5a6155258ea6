/** [R18] Events of many sessions over one socket: what is asked for, in order, once, and after a drop what was missed. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WebSocket } from "ws";
import { type EventSubject, type FeedEvent, NO_SESSION } from "../../src/protocol/events.ts";
import { attachStorage } from "../../src/storage/storage.ts";
import { EventStream } from "../support/event-stream.ts";
import { FeedClient, type FeedClientOptions } from "../support/feed-client.ts";
import { expect } from "../support/fixtures.ts";
import { addKey, TEST_KEY_SPEC } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { call, type OwnServer, test as withServers } from "../support/requests.ts";

interface Told extends OwnServer {
  tell(id: string, given?: Partial<EventSubject> & { session_id?: string }): void;
}

const KEYS = {
  owner: "crk_owner-of-the-sessions-1",
  operator: "crk_an-operator-for-shop-only",
  creator: "crk_may-create-and-nothing-else",
};
const API_KEYS = [
  TEST_KEY_SPEC,
  `owner:${KEYS.owner}:sessions:read`,
  `operator:${KEYS.operator}:operate labels=shop`,
  `creator:${KEYS.creator}:sessions:create`,
].join(",");
/** Every event counts with all of its bytes. */
const SLOW: FeedClientOptions = { query: "?batch=off", perMessageDeflate: false };
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

const test = withServers.extend<{
  settings: Record<string, string>;
  told: Told;
  read: (options?: FeedClientOptions) => Promise<FeedClient>;
}>({
  settings: [{}, { option: true }],
  told: async ({ startServer, settings }, use) => {
    const server = await startServer({ API_KEYS, ...settings });
    await use({
      ...server,
      tell: (id, given) => server.events.publish(subjectOf(given), eventOf(id, given?.session_id)),
    });
  },
  read: async ({ told }, use) => {
    const clients: FeedClient[] = [];
    await use(async (options) => {
      const client = await FeedClient.connect(told.api, options);
      clients.push(client);
      return client;
    });
    for (const client of clients) client.socket.terminate();
  },
});

function subjectOf({ uid = "uid-one", owner = null, label = null }: Partial<EventSubject> = {}): EventSubject {
  return { uid, owner, label };
}

function eventOf(id: string, session_id = "one"): FeedEvent {
  return { id, type: "session.control", timestamp: new Date().toISOString(), data: { session_id, holder: id } };
}

/** Something happens to the database of a running server. */
function beside({ dataDir }: OwnServer, act: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(dataDir, "sessions.db"));
  act(db);
  db.close();
}

function endOf(session_id: string): FeedEvent {
  const outcome = { outcome: "solved", reason: "rules_met", verified: "checked", note: "a word" } as const;
  const data = { session_id, ...outcome, evidence: [], contradicted_by: [], duration_ms: 1, has_storage_state: false };
  return { id: `end ${session_id}`, type: "session.ended", timestamp: new Date().toISOString(), data };
}

test("[R18] the first message says where the log is; a subscription is answered with what holds; events follow", async ({
  told,
  read,
}) => {
  told.tell("before");
  const client = await read();
  const connected = await client.next("connected");
  expect(connected).toMatchObject({ seq: 1, data: { batch: true, reader: null } });
  expect((await client.subscribe("sessions")).data.topics).toEqual(["sessions"]);
  told.tell("first", { label: "shop" });
  const first = await client.next("session.control");
  expect(first).toMatchObject({ id: "first", topic: "sessions", data: { session_id: "one", holder: "first" } });
  expect(first.event).toBe(connected.data.event + 1);
  expect(Math.abs(first.timestamp - Date.now())).toBeLessThan(60_000);
  expect((await client.subscribe("label:shop", "system")).data.topics).toEqual(["sessions", "label:shop", "system"]);
  told.tell("second", { label: "shop" });
  expect(await client.next("session.control", ({ id }) => id === "second")).toMatchObject({
    topics: ["sessions", "label:shop"],
  });
  told.events.publish(NO_SESSION, {
    id: "notice",
    type: "system.notice",
    timestamp: new Date().toISOString(),
    data: { level: "info", code: "maintenance", message: "At noon." },
  });
  expect(await client.next("system.notice")).toMatchObject({ topic: "system", data: { message: "At noon." } });
  const left = await client.ask({ type: "unsubscribe", data: { topics: ["sessions", "label:shop"] } }, "subscribed");
  expect(left.data.topics).toEqual(["system"]);
  told.tell("third");
  await client.ask({ type: "ping" }, "pong");
  expect(client.eventIds()).toEqual(["first", "second", "notice"]);
});

test("[R18] events leave ten at a time or after 100 ms, and one by one where that is asked for", async ({
  told,
  read,
}) => {
  const batched = await read();
  const single = await read({ query: "?batch=off" });
  expect((await single.next("connected")).data.batch).toBe(false);
  for (const client of [batched, single]) await client.subscribe("sessions");
  const [before, beforeSingle] = [batched.frames.length, single.frames.length];
  for (let count = 0; count < 25; count += 1) told.tell(`e${count}`);
  for (const client of [batched, single]) await client.next("session.control", ({ id }) => id === "e24");
  expect(batched.frames.slice(before)).toEqual([10, 10, 5]);
  expect(single.frames.slice(beforeSingle)).toEqual(Array(25).fill(1));
});

test("[R18] after a drop what was missed is told, in order and once, and then what comes", async ({ told, read }) => {
  const first = await read();
  await first.subscribe("sessions");
  told.tell("seen");
  const { event } = await first.next("session.control");
  first.socket.terminate();
  for (let count = 0; count < 450; count += 1) told.tell(`missed ${count}`);
  const second = await read();
  // Before the subscription and behind it in one go: whichever comes first.
  second.send({ type: "resume", id: 7, data: { after: event } });
  const answer = second.next("resumed");
  await second.subscribe("sessions");
  expect(await answer).toMatchObject({ id: 7, data: { after: event, complete: true } });
  told.tell("after");
  await second.next("session.control", ({ id }) => id === "after");
  expect(second.eventIds()).toEqual([...Array.from({ length: 450 }, (_, count) => `missed ${count}`), "after"]);
});

test("[R18] resuming behind a subscription tells what came before it, and nothing twice", async ({ told, read }) => {
  told.tell("gone by");
  told.tell("missed");
  const client = await read();
  const { data } = await client.next("connected");
  await client.subscribe("sessions");
  told.tell("live");
  await client.next("session.control", ({ id }) => id === "live");
  await client.ask({ type: "resume", data: { after: data.event - 1 } }, "resumed");
  told.tell("after");
  await client.next("session.control", ({ id }) => id === "after");
  expect(client.eventIds()).toEqual(["live", "missed", "after"]);
});

test("[R18] what is not kept any more is said to be missing, and the rest is told", async ({ told, read }) => {
  told.tell("long ago");
  const before = told.events.newest;
  for (let count = 0; count < 10_200; count += 1) told.tell(`e${count}`, { label: count === 10_199 ? "last" : null });
  const client = await read({ query: "?batch=off" });
  await client.subscribe("label:last");
  expect((await client.ask({ type: "resume", data: { after: before } }, "resumed")).data.complete).toBe(false);
  await client.next("session.control");
  expect(client.eventIds()).toEqual(["e10199"]);
});

test("[R18] ends are sent again to a reader by its name until it acknowledges them, over restarts too", async ({
  told,
  read,
}) => {
  const named = { query: "?reader=bot-1" };
  const first = await read(named);
  await first.subscribe("sessions");
  for (const id of ["one", "two"]) told.events.publish(subjectOf({ uid: id }), endOf(id));
  told.tell("no end");
  await first.next("session.control");
  const ends = first.received.filter(({ type }) => type === "session.ended");
  expect(ends).toHaveLength(2);
  first.send({ type: "ack", data: { event: (ends[0] as { event: number }).event } });
  await first.ask({ type: "ping" }, "pong");
  first.socket.terminate();
  for (let time = 0; time < 2; time += 1) {
    const again = await read(named);
    await again.subscribe("sessions");
    expect(await again.next("session.ended")).toMatchObject({ again: true, data: { session_id: "two" } });
    again.socket.terminate();
  }
  const other = await read({ query: "?reader=bot-2" });
  await other.subscribe("sessions");
  await other.ask({ type: "ping" }, "pong");
  expect(other.eventIds()).toEqual([]);
});

test("[R18] an end that cannot be kept for one reader is an error for that one; the others and the server go on", async ({
  told,
  read,
}) => {
  const [first, second] = [await read({ query: "?reader=bot-1" }), await read({ query: "?reader=bot-2" })];
  for (const reader of [first, second]) await reader.subscribe("sessions");
  beside(told, (db) =>
    db.exec(`CREATE TRIGGER no_room BEFORE INSERT ON unacknowledged WHEN NEW.reader LIKE '%bot-1'
      BEGIN SELECT RAISE(ABORT, 'no room'); END`),
  );
  told.events.publish(subjectOf(), endOf("one"));
  expect(await second.next("session.ended")).toMatchObject({ data: { session_id: "one" } });
  expect(await first.next("session.ended")).toMatchObject({ data: { session_id: "one" } });
  expect(await first.next("error")).toMatchObject({ error: { code: "storage_unavailable" } });
  told.tell("after");
  for (const reader of [first, second]) await reader.next("session.control");
  expect(second.received.filter(({ type }) => type === "error")).toEqual([]);
});

test("[R18] a log that cannot be read for a moment costs a reader that goes on after a place nothing but time", async ({
  told,
  read,
}) => {
  const live = await read();
  await live.subscribe("sessions");
  for (const id of ["one", "two"]) told.tell(id);
  await live.next("session.control", ({ id }) => id === "two");
  const late = await read();
  await late.subscribe("sessions");
  beside(told, (db) => db.exec("ALTER TABLE events RENAME TO events_away"));
  await late.ask({ type: "resume", data: { after: 0 } }, "resumed");
  await late.next("lagging");
  const stream = await EventStream.open(`${told.api}/events?topic=sessions`, { "last-event-id": "0" });
  await stream.ended;
  beside(told, (db) => db.exec("ALTER TABLE events_away RENAME TO events"));
  await late.next("session.control", ({ id }) => id === "two");
  expect(late.eventIds()).toEqual(["one", "two"]);
  told.tell("three");
  for (const reader of [late, live]) await reader.next("session.control", ({ id }) => id === "three");
});

test("[R18] [W29] a key is told what it may see, and no more: a forbidden topic is an error, the others hold", async ({
  told,
  read,
}) => {
  const owner = await read(bearer(KEYS.owner));
  const operator = await read(bearer(KEYS.operator));
  await owner.subscribe("sessions");
  const held = await operator.subscribe("label:other", "label:shop", "sessions", "session:unknown", "nonsense", 7);
  expect(held.data.topics).toEqual(["label:shop", "sessions"]);
  const errors = operator.received.flatMap((message) => (message.type === "error" ? [message] : []));
  expect(errors.map(({ id, error }) => [id === held.id, error.code, error.details?.["field"]])).toEqual([
    [true, "forbidden", "data.topics.0"],
    [true, "session_not_found", "data.topics.3"],
    [true, "invalid_message", "data.topics.4"],
    [true, "invalid_message", "data.topics.5"],
  ]);
  told.tell("nobody's", { uid: "1" });
  told.tell("owner's", { uid: "2", owner: "config:owner" });
  told.tell("the shop's", { uid: "3", owner: "config:x", label: "shop" });
  told.tell("another label's", { uid: "4", owner: "config:x", label: "other" });
  told.events.publish(subjectOf({ uid: "5", owner: "config:owner", label: "shop" }), endOf("five"));
  for (const client of [owner, operator]) await client.next("session.ended");
  expect(owner.eventIds()).toEqual(["owner's", "end five"]);
  expect(operator.eventIds()).toEqual(["the shop's", "end five"]);
  // What the person wrote is for who created the session.
  expect((await owner.next("session.ended")).data.note).toBe("a word");
  expect((await operator.next("session.ended")).data).toMatchObject({
    note: null,
    evidence: [],
    contradicted_by: [],
    outcome: "solved",
  });
});

test("[W27] [R18] who does not show a key is let in by the first message, or not at all", async ({ told, read }) => {
  const late = await read({ headers: {} });
  late.send({ type: "authenticate", id: 1, token: KEYS.owner });
  late.send({ type: "subscribe", id: 2, data: { topics: ["sessions"] } });
  await late.next("subscribed");
  expect(late.received.map(({ type, id }) => [type, id])).toEqual([
    ["authentication_result", 1],
    ["connected", null],
    ["subscribed", 2],
  ]);
  const refused = [
    [{ type: "authenticate", data: { token: "crk_nobody-has-this-one" } }, 4401],
    [{ type: "authenticate", token: KEYS.creator }, 4403],
    [{ type: "subscribe", data: { topics: ["sessions"] } }, 4401],
    ["{", 4401],
  ] as const;
  for (const [message, code] of refused) {
    const client = await read({ headers: {} });
    client.send(message);
    expect((await client.closed).code).toBe(code);
    expect(client.received.at(-1)).toMatchObject({ type: "error" });
    expect(client.received.some(({ type }) => type === "connected")).toBe(false);
  }
  expect((await (await read(bearer("crk_nobody-has-this-one"))).closed).code).toBe(4401);
  expect(told.url).toBeDefined();
});

for (const [what, message, details] of [
  ["10,000 topics", { type: "subscribe", data: { topics: Array(10_000).fill("a") } }, { field: "data.topics" }],
  ["no topics", { type: "subscribe", data: { topics: [] } }, { field: "data.topics" }],
  ["no data", { type: "subscribe" }, { field: "data" }],
  ["a place in the future", { type: "resume", data: { after: 1e15 } }, { field: "data.after", why: "still to come" }],
  ["a place before the first", { type: "resume", data: { after: -1 } }, { field: "data.after" }],
  ["an ack of a reader without a name", { type: "ack", data: { event: 1 } }, { field: "reader" }],
  ["a second authenticate", { type: "authenticate", token: KEYS.owner }, { field: "type" }],
  ["no JSON", "{", { field: "message" }],
] as const) {
  test(`[R18] ${what}: refused by its field, and the socket goes on`, async ({ read }) => {
    const client = await read();
    client.send(typeof message === "string" ? message : { ...message, id: "bad" });
    const { id, error } = await client.next("error");
    expect(error).toMatchObject({ code: "invalid_message", details });
    expect(id).toBe(typeof message === "string" ? null : "bad");
    expect((await client.subscribe("sessions")).data.topics).toEqual(["sessions"]);
  });
}

test("[R18] an unknown type is refused as such; a second resume and a topic too many too", async ({ read }) => {
  const client = await read();
  client.send({ type: "publish", id: 1 });
  expect(await client.next("error")).toMatchObject({ id: 1, error: { code: "unknown_type" } });
  client.send({ type: "resume", data: { after: 0 } });
  client.send({ type: "resume", id: 2, data: { after: 0 } });
  expect(await client.next("error", ({ id }) => id === 2)).toMatchObject({
    error: { details: { field: "data.after", why: "once a connection" } },
  });
  for (let page = 0; page < 10; page += 1) {
    await client.subscribe(...Array.from({ length: 100 }, (_, index) => `label:${page}-${index}`));
  }
  const full = await client.subscribe("label:one-too-many", "label:0-0");
  expect(full.data.topics).toHaveLength(1_000);
  expect(await client.next("error", ({ id }) => id === full.id)).toMatchObject({
    error: { code: "invalid_message", details: { field: "data.topics.0" } },
  });
});

test("[R18] two subscriptions at once both hold", async ({ read }) => {
  const client = await read();
  client.send({ type: "subscribe", id: 1, data: { topics: ["sessions"] } });
  client.send({ type: "subscribe", id: 2, data: { topics: ["system", "sessions"] } });
  expect((await client.next("subscribed", ({ id }) => id === 1)).data.topics).toEqual(["sessions"]);
  expect((await client.next("subscribed", ({ id }) => id === 2)).data.topics).toEqual(["sessions", "system"]);
});

test("[R18] too many messages are told once a second, and not acted on", async ({ read }) => {
  const client = await read();
  await client.next("connected");
  const startedAt = performance.now();
  for (let count = 0; count < 400; count += 1) client.send({ type: "subscribe", id: count, data: { topics: ["x"] } });
  const { error } = await client.next("error", ({ error }) => error.code === "rate_limited");
  expect(error.code).toBe("rate_limited");
  await client.ask({ type: "ping" }, "pong");
  const codes = client.received.flatMap((message) => (message.type === "error" ? [message.error.code] : []));
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(codes.filter((code) => code === "rate_limited").length).toBeLessThanOrEqual(seconds + 1);
  expect(client.received.filter(({ type }) => type === "subscribed").length).toBeLessThan(300 + 100 * seconds);
});

test("[R18] readers that do not read are told that they lag, and closed; nothing is held for them without bound @long", async ({
  told,
  read,
}) => {
  const [never, late] = [await read(SLOW), await read(SLOW)];
  for (const client of [never, late]) {
    await client.subscribe("sessions");
    client.socket.pause();
  }
  // More than the system's buffers take, in few events.
  const large = "x".repeat(20_000);
  const before = heldBytes();
  for (let count = 0; count < 900; count += 1) told.tell(`${count} ${large}`);
  expect(heldBytes() - before).toBeLessThan(60 * 1024 * 1024);
  const lagging = async () => /code="lagging",surface="socket"} (\d+)/.exec(await metrics(told))?.[1];
  await expect.poll(lagging).toBe("2");
  late.socket.resume();
  const { code, reason } = await late.closed;
  const { data } = await late.next("lagging");
  expect([code, reason]).toEqual([4408, `lagging seq=${late.received.at(-1)?.seq} event=${data.event}`]);
  await expect.poll(() => gaugeOf(told)).toBe(0);
});

test("[R18] a reader that lags for a while catches up, with nothing lost", async ({ told, read }) => {
  const client = await read(SLOW);
  await client.subscribe("sessions");
  client.socket.pause();
  const large = "x".repeat(20_000);
  for (let count = 0; count < 600; count += 1) told.tell(`${count} ${large}`);
  client.socket.resume();
  await client.next("session.control", ({ id }) => id === `599 ${large}`);
  expect(client.eventIds().map((id) => Number(id.split(" ")[0]))).toEqual(Array.from({ length: 600 }, (_, i) => i));
});

function heldBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

async function metrics({ url }: OwnServer): Promise<string> {
  return (await call("GET", `${url}/metrics`)).body;
}

async function gaugeOf({ url }: OwnServer): Promise<number> {
  return (await call("GET", `${url}/healthz`)).body.gauges.event_sockets;
}

test("[R18] a key has so many events sockets, and no more", async ({ read }) => {
  for (let count = 0; count < 50; count += 1) await (await read(bearer(KEYS.owner))).next("connected");
  const [more, another] = [await read(bearer(KEYS.owner)), await read()];
  expect((await more.closed).code).toBe(4429);
  expect(more.received.at(-1)).toMatchObject({ type: "error", error: { code: "rate_limited" } });
  await another.next("connected");
});

test("[R18] a reader that is gone without a word is closed after 45 s, one that answers pings goes on", async ({
  read,
}) => {
  test.skip(!IS_LONG_RUN, "three quarters of a minute");
  const [gone, quiet] = [await read({ autoPong: false }), await read()];
  const startedAt = performance.now();
  expect((await gone.closed).code).toBe(1006);
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(seconds).toBeGreaterThan(40);
  expectWithin(1_000 * (seconds - 45), 5_000);
  // Told as a message too: who listens in a browser sees no ping.
  expect(gone.received.map(({ type }) => type)).toContain("ping");
  expect(quiet.socket.readyState).toBe(WebSocket.OPEN);
});

test("[R18] large messages are compressed where the reader can read that, small ones and operators' are not", async ({
  told,
  read,
}) => {
  const client = await read({ query: "?batch=off" });
  expect(client.socket.extensions).toContain("permessage-deflate");
  await client.subscribe("sessions");
  const bytes = () => (client.socket as unknown as { _socket: { bytesRead: number } })._socket.bytesRead;
  const sizeOf = async (id: string) => {
    const before = bytes();
    told.tell(id);
    await client.next("session.control", (message) => message.id === id);
    return bytes() - before;
  };
  expect(await sizeOf("s".repeat(300))).toBeGreaterThan(600);
  expect(await sizeOf("l".repeat(3_000))).toBeLessThan(1_000);
  const operator = new WebSocket(`${told.api.replace(/^http/, "ws")}/ws/unknown`);
  await new Promise((resolve) => operator.once("open", resolve));
  expect(operator.extensions).toBe("");
  operator.terminate();
});

test("[R18] a key that is revoked beside the server closes its readers within a second, streams too", async ({
  told,
  read,
}) => {
  const storage = attachStorage(told.dataDir);
  const { secret } = addKey(storage.keys, "short-lived", ["sessions:read"]);
  const client = await read(bearer(secret));
  await client.next("connected");
  const stream = await EventStream.open(`${told.api}/events`, bearer(secret).headers);
  expect(stream.response.status).toBe(200);
  storage.keys.revoke("short-lived", Date.now());
  const at = Date.now();
  expect((await client.closed).code).toBe(4401);
  expectWithin(Date.now() - at, 1_000);
  await stream.ended.catch(() => {});
  expectWithin(Date.now() - at, 1_500);
  storage.close();
});

test("[R18] the same topics as a stream: from now on, or after an event, which a browser asks for by itself", async ({
  told,
}) => {
  const live = await EventStream.open(`${told.api}/events?topic=label:shop&topic=session:unknown`);
  expect(live.response.status).toBe(404);
  const stream = await EventStream.open(`${told.api}/events?topic=label:shop&topic=system`);
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  told.tell("another's");
  told.tell("shop's", { label: "shop" });
  await expect.poll(() => stream.types()).toEqual(["session.control"]);
  const id = stream.events[0]?.id;
  expect(stream.events[0]?.data.topics).toEqual(["label:shop"]);
  for (let count = 0; count < 450; count += 1) told.tell(`more ${count}`, { label: "shop" });
  const again = await EventStream.open(`${told.api}/events?topic=label:shop`, { "last-event-id": String(id) });
  await expect.poll(() => again.events.length).toBe(451);
  expect(again.events[0]).toMatchObject({ type: "resumed", data: { after: id, complete: true } });
  told.tell("last", { label: "shop" });
  await expect.poll(() => again.events.length).toBe(452);
  expect(again.events.slice(1).map(({ data }) => data.id)).toEqual([
    ...Array.from({ length: 450 }, (_, count) => `more ${count}`),
    "last",
  ]);
  for (const reader of [stream, again]) reader.close();
});

for (const [what, path, headers, field] of [
  ["a rubbish Last-Event-ID", "?topic=sessions", { "last-event-id": "'; DROP TABLE events; --" }, "last-event-id"],
  ["a Last-Event-ID of the future", "?topic=sessions", { "last-event-id": "999999999" }, "last-event-id"],
  ["a topic that is none", "?topic=everything", {}, "topic.0"],
  ["a place that is none", "?after=x", {}, "after"],
  ["too many topics", `?${"topic=sessions&".repeat(101)}`, {}, "topic"],
] as const) {
  test(`[R18] a stream with ${what} is refused by its field`, async ({ told }) => {
    const { status, body } = await call("GET", `${told.api}/events${path}`, undefined, headers);
    expect([status, body.error.code, body.error.details.field]).toEqual([400, "invalid_message", field]);
  });
}

test("[R18] a server that is shut down says so, and closes as going away", async ({ told, read }) => {
  const client = await read();
  await client.subscribe("system");
  await told.close();
  expect((await client.closed).code).toBe(1001);
  expect((await client.next("system.notice")).data).toMatchObject({ level: "warning", code: "shutting_down" });
});
