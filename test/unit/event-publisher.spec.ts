/** The feed of events below HTTP: nothing is missed or told twice, and whoever follows can always be let go of. */
import type { Server, ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test as base, expect } from "@playwright/test";
import Fastify, { type FastifyInstance } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { pino } from "pino";
import { EventPublisher } from "../../src/events/event-publisher.ts";
import { eventRoutes } from "../../src/http/event-feed/session-events-route.ts";
import { ConnectionLimits } from "../../src/http/guards/connection-limits.ts";
import type { PlacedEvent, SessionEvent } from "../../src/protocol/events.ts";
import { openMemoryStorage, type Storage } from "../../src/storage/storage.ts";
import { expectWithin } from "../support/pace.ts";

const SESSION = { uid: "uid-1", session_id: "one", currentState: () => control("present") };
const connections = new ConnectionLimits({ maxConnections: 10, maxConnectionsPerAddress: 10 });
const NEVER = new AbortController().signal;

const test = base.extend<{ storage: Storage; feed: EventPublisher }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  storage: async ({}, use) => {
    const storage = openMemoryStorage();
    await use(storage);
    storage.close();
  },
  feed: async ({ storage }, use) => {
    await use(new EventPublisher(storage.events, pino({ level: "silent" })));
  },
});

function subject(uid: string) {
  return { uid, owner: null, label: null };
}

function control(id: string, session_id = "one"): SessionEvent {
  return { id, type: "session.control", timestamp: new Date().toISOString(), data: { session_id, holder: id } };
}

function end(id: string): SessionEvent {
  const outcome = { outcome: "solved", reason: "rules_met", verified: "checked", note: null } as const;
  const data = {
    session_id: "one",
    ...outcome,
    evidence: [],
    contradicted_by: [],
    duration_ms: 1,
    has_storage_state: false,
  };
  return { id, type: "session.ended", timestamp: new Date().toISOString(), data };
}

async function idsOf(events: AsyncIterable<PlacedEvent> | null, onEach = (_id: string) => {}): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of events ?? []) {
    ids.push(event.id);
    onEach(event.id);
  }
  return ids;
}

test("[R14] events that come while the kept ones are read are neither missed nor told twice", async ({ feed }) => {
  const kept = Array.from({ length: 250 }, (_, index) => `kept ${index}`);
  for (const id of kept) feed.publish(subject("uid-1"), control(id));
  const more = Array.from({ length: 50 }, (_, index) => `more ${index}`);
  const told = await idsOf(feed.follow(SESSION, 0, NEVER), (id) => {
    if (!id.startsWith("kept")) return;
    const next = more.shift();
    if (next) feed.publish(subject("uid-1"), control(next));
    feed.publish(subject("uid-2"), control("another session's", "two"));
    if (!next) feed.publish(subject("uid-1"), end("end"));
  });
  expect(told).toEqual([...kept, ...Array.from({ length: 50 }, (_, index) => `more ${index}`), "end"]);
});

test("[R14] an event that could not be kept ends the following: a new one begins with what is so now", async ({
  storage,
  feed,
}) => {
  Object.assign(storage.events, {
    append: () => {
      throw new Error("disk full");
    },
  });
  const told = idsOf(feed.follow(SESSION, undefined, NEVER), () =>
    setImmediate(() => feed.publish(subject("uid-1"), end("e"))),
  );
  expect(await told).toEqual(["present"]);
});

for (const from of ["a place", "the beginning"] as const) {
  test(`[R14] an end that could not be kept is known to who goes on from ${from}, and told once it is kept`, async ({
    storage,
    feed,
  }) => {
    feed.publish(subject("uid-1"), control("first"));
    feed.publish(subject("uid-1"), control("second"));
    feed.flush();
    const [first] = storage.events.after("uid-1", 0, 1);
    const append = storage.events.append.bind(storage.events);
    Object.assign(storage.events, {
      append: () => {
        throw new Error("disk full");
      },
    });
    feed.publish(subject("uid-1"), end("lost"));
    feed.flush();
    Object.assign(storage.events, { append });
    const nobody = { operators: 0, holder: null, captcha_info: null, needs_person: false };
    const data = {
      session_id: "one",
      state: "solved",
      reason: null,
      verified: null,
      expires_at: "",
      ...nobody,
    } as const;
    const currentState = (): SessionEvent => ({ ...control("present"), type: "session.state", data });
    const after = from === "a place" ? first?.position : 0;
    const told = idsOf(feed.follow({ ...SESSION, currentState }, after, NEVER), (id) => {
      if (id === "present") setImmediate(() => feed.publish(subject("uid-1"), end("end")));
    });
    expect(await told).toEqual([...(after === 0 ? ["first"] : []), "second", "present", "end"]);
  });
}

test("[R14] closing tells what there is and then lets everybody go", async ({ feed }) => {
  const waiting = idsOf(feed.follow(SESSION, undefined, NEVER));
  const other = idsOf(feed.follow({ ...SESSION, uid: "uid-2" }, undefined, NEVER));
  feed.publish(subject("uid-1"), end("end"));
  await feed.close();
  expect(await waiting).toEqual(["present", "end"]);
  expect(await other).toEqual(["present"]);
});

test("[R18] a reader that is behind when the feed is closed is told nothing more, and reads no log that is gone", async () => {
  const storage = openMemoryStorage();
  const feed = new EventPublisher(storage.events, pino({ level: "silent" }));
  for (let count = 0; count < 500; count += 1) feed.publish(subject("uid-1"), control(`e${count}`));
  const told: number[] = [];
  let isAtEnd = false;
  const reader = feed.read({
    maySee: () => true,
    deliver: ({ position }) => void told.push(position),
    hasRoom: () => true,
    onBehind: () => {},
    onMissed: () => {},
    onEnd: () => {
      isAtEnd = true;
    },
  });
  reader.topics.add("sessions");
  reader.resume(0);
  expect(reader.catchUp()).toBe(false);
  const before = told.length;
  expect(before).toBeGreaterThan(0);
  await feed.close();
  storage.close();
  // What its owner had planned comes late.
  expect(reader.catchUp()).toBe(true);
  expect([told.length, isAtEnd, reader.isBehind]).toEqual([before, true, false]);
});

test("[R14] [R18] a listener or a reader that throws robs nobody else of the event, and is told in the log", async ({
  storage,
}) => {
  const lines: string[] = [];
  const feed = new EventPublisher(storage.events, pino({}, { write: (line: string) => lines.push(line) }));
  const told: string[] = [];
  const failing = (who: string) => () => {
    told.push(`${who} failed`);
    throw new Error(`${who} broke`);
  };
  const readerOf = (who: string, deliver: () => void) => {
    const onMissed = () => void told.push(`${who} missed it`);
    const reader = feed.read({
      maySee: () => true,
      deliver,
      hasRoom: () => true,
      onBehind: () => {},
      onMissed,
      onEnd: () => {},
    });
    reader.topics.add("sessions");
  };
  feed.onEvent(failing("listener"));
  feed.onEvent(() => void told.push("listener"));
  readerOf("first", failing("first"));
  readerOf("second", () => void told.push("second"));
  const followed = idsOf(feed.follow(SESSION, undefined, NEVER), () => {});
  feed.publish(subject("uid-1"), end("end"));
  feed.flush();
  expect(told).toEqual(["listener failed", "listener", "first failed", "first missed it", "second"]);
  expect(await followed).toEqual(["present", "end"]);
  expect(lines.join()).toContain("listener broke");
  expect(lines.join()).toContain("first broke");
});

test("[R14] who goes away while nothing happens is let go of at once", async ({ feed }) => {
  const gone = new AbortController();
  const told = idsOf(feed.follow(SESSION, undefined, gone.signal), () => setImmediate(() => gone.abort()));
  expect(await told).toEqual(["present"]);
  const start = performance.now();
  await feed.close();
  expectWithin(performance.now() - start, 200);
});

/** The route by itself, for anybody. */
async function streaming(
  follow: (id: string, after: number | undefined, signal: AbortSignal) => AsyncGenerator<PlacedEvent>,
  heartbeatMs: number,
): Promise<FastifyInstance> {
  const app = Fastify({ forceCloseConnections: true }) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  app.decorateRequest("caller", { getter: () => ({ kind: "anybody" as const }) });
  const controller = { follow, subject: () => undefined };
  await app.register(eventRoutes, {
    controller,
    authenticator: { whenOver: () => () => {} },
    connections,
    streams: new Set<ServerResponse>(),
    heartbeatMs,
  });
  return app;
}

test("[R14] a reader that takes nothing is cut off, and holds back no more than a few events", async () => {
  let made = 0;
  const large = control("x".repeat(50_000));
  async function* endless(): AsyncGenerator<PlacedEvent> {
    for (;;) yield { position: ++made, event: large };
  }
  const app = await streaming(endless, 200);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {}).pause();
  socket.write("GET /session/one/events HTTP/1.1\r\nhost: x\r\n\r\n");
  await expect.poll(() => made).toBeGreaterThan(20);
  // The system's own buffers are full at some point; from then on nothing is made any more, and then it is cut off.
  await expect.poll(() => connectionsOf(app.server)).toBe(0);
  expect(made * 100_000).toBeLessThan(20 * 1024 * 1024);
  socket.destroy();
  await app.close();
});

test("[R14] a quiet stream is kept alive by comments", async () => {
  async function* quiet(_id: string, _after: number | undefined, signal: AbortSignal): AsyncGenerator<PlacedEvent> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
  const app = await streaming(quiet, 20);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const { body } = await fetch(`${url}/session/one/events`);
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.split(":\n\n").length > 4) break;
  }
  expect(text).toMatch(/^retry: 1000\n\n(:\n\n){4,}$/);
  await app.close();
});

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}
