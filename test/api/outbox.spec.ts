/** The webhooks that wait, over a real store and real receivers: when they are sent, and what becomes of them. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { pino } from "pino";
import { Webhook } from "standardwebhooks";
import type { SessionEvent } from "../../src/protocol/events.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { Outbox, type OutboxDeps } from "../../src/webhooks/outbox.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { expectWithin, slowness } from "../support/pace.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

const SERVER_SECRET = Buffer.alloc(32, 7).toString("base64");
/** Waits of 20, 40, 80 ms. */
const QUICK = { firstWaitMs: 20, longestWaitMs: 80, giveUpAfterMs: 600_000 };
/** Given up after as long as a slow machine needs for a few tries. */
const BRIEF = { ...QUICK, giveUpAfterMs: 1_500 };

interface World {
  readonly folder: string;
  readonly storage: Storage;
  start(deps?: Partial<OutboxDeps>): Outbox;
  receiver(): Promise<WebhookReceiver>;
  /** Ends a session whose webhooks go there. */
  end(uid: string, url: string, secret?: string | null): void;
  /** What the outbox wrote into the log, as JSON. */
  readonly logged: string[];
}

const test = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  world: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const storage = openStorage(folder);
    const outboxes: Outbox[] = [];
    const receivers: WebhookReceiver[] = [];
    const logged: string[] = [];
    const log = pino({ level: "debug" }, { write: (line) => logged.push(line) });
    const config = { urlAllowPrivate: true, webhookSecret: SERVER_SECRET };
    await use({
      folder,
      storage,
      logged,
      start(deps = {}) {
        const outbox = new Outbox({ queue: storage.deliveries, config, log, schedule: QUICK, ...deps });
        outboxes.push(outbox);
        outbox.wake();
        return outbox;
      },
      async receiver() {
        const receiver = await WebhookReceiver.start();
        receivers.push(receiver);
        return receiver;
      },
      end(uid, url, secret = SECRET) {
        storage.deliveries.saveCallback(uid, { url, secret, allow: [] });
        storage.events.append([{ subject: { uid, owner: null, label: null }, event: ended(uid) }]);
      },
    });
    for (const outbox of outboxes) await outbox.stop();
    for (const receiver of receivers) await receiver.stop();
    storage.close();
    await rm(folder, { recursive: true, force: true });
  },
});

function ended(uid: string): SessionEvent {
  const outcome = { outcome: "solved", reason: "rules_met", verified: "checked", note: null } as const;
  const data = {
    session_id: uid,
    ...outcome,
    evidence: [],
    contradicted_by: [],
    duration_ms: 1,
    has_storage_state: false,
  };
  return { id: `evt_${uid}`, type: "session.ended", timestamp: new Date().toISOString(), data };
}

test("500 twice, then 200: three tries with the same id, each signed anew, then it is forgotten", async ({ world }) => {
  const receiver = await world.receiver();
  receiver.answer = (response) => response.writeHead(receiver.received.length < 3 ? 500 : 200).end();
  world.end("one", receiver.url);
  world.start();
  await expect.poll(() => receiver.received.length).toBe(3);
  for (const { headers } of receiver.received) expect(headers["webhook-id"]).toBe("evt_one");
  await receiver.next("session.ended");
  const [first, second, third] = receiver.received.map(({ at }) => at) as [number, number, number];
  expect(second - first).toBeGreaterThanOrEqual(16);
  expect(third - second).toBeGreaterThanOrEqual(32);
  await expect.poll(() => world.storage.deliveries.next({ ids: [], hosts: [] })).toBeUndefined();
  expect(world.storage.deliveries.failures()).toEqual([]);
});

test("one that always fails is given up, logged, and kept with its last error", async ({ world }) => {
  const receiver = await world.receiver();
  receiver.answer = (response) => response.writeHead(503).end();
  world.end("one", receiver.url);
  world.start({ schedule: BRIEF });
  await expect.poll(() => world.storage.deliveries.failures()).toHaveLength(1);
  const [failure] = world.storage.deliveries.failures();
  expect(failure).toEqual({ id: "evt_one", uid: "one", tries: receiver.received.length, last_error: "answered 503" });
  expect(receiver.received.length).toBeGreaterThan(4 / slowness());
  const lines = world.logged.filter((line) => line.includes("webhook given up"));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ webhook_id: "evt_one", error: "answered 503" });
});

test("410 is the last try", async ({ world }) => {
  const receiver = await world.receiver();
  receiver.answer = (response) => response.writeHead(410).end();
  world.end("one", receiver.url);
  world.start();
  await expect
    .poll(() => world.storage.deliveries.failures())
    .toMatchObject([{ tries: 1, last_error: "answered 410" }]);
  expect(receiver.received).toHaveLength(1);
});

test("a session's own secret signs, else the server's; once it is over no file has it, and no log ever", async ({
  world,
}) => {
  const receiver = await world.receiver();
  const own = `whsec_${Buffer.alloc(32, 99).toString("base64")}`;
  world.end("own", receiver.url, own);
  world.end("server's", receiver.url, null);
  // The database, its write-ahead log and whatever else lies there.
  const files = async () => {
    const names = await readdir(world.folder);
    return (await Promise.all(names.map((name) => readFile(join(world.folder, name), "latin1")))).join("");
  };
  expect(await files()).toContain(own);
  world.start();
  await expect.poll(() => receiver.received.length).toBe(2);
  for (const [uid, secret] of [
    ["own", own],
    ["server's", SERVER_SECRET],
  ] as const) {
    const found = receiver.received.find(({ headers }) => headers["webhook-id"] === `evt_${uid}`);
    new Webhook(secret).verify(found?.body ?? "", found?.headers ?? {});
  }
  await expect.poll(() => world.storage.deliveries.next({ ids: [], hosts: [] })).toBeUndefined();
  // What the controller does once a minute.
  world.storage.sessions.removeEndedBefore(0);
  expect(await files()).not.toContain(own);
  expect(world.logged.join("")).not.toContain(own.slice(6));
  expect(world.logged.join("")).not.toContain(SERVER_SECRET);
});

test("a server that has lost its secret sends nothing unsigned, and tries again", async ({ world }) => {
  const receiver = await world.receiver();
  world.end("one", receiver.url, null);
  world.start({ config: { urlAllowPrivate: true, webhookSecret: undefined }, schedule: BRIEF });
  await expect.poll(() => world.storage.deliveries.failures()).toHaveLength(1);
  expect(receiver.received).toEqual([]);
});

test("a receiver that hangs holds up its own webhooks only, and gets four at a time", async ({ world }) => {
  const [slow, quick] = [await world.receiver(), await world.receiver()];
  slow.answer = () => {};
  for (let count = 0; count < 30; count += 1) world.end(`slow-${count}`, slow.url);
  for (let count = 0; count < 30; count += 1) world.end(`quick-${count}`, quick.url);
  const start = performance.now();
  world.start({ deadlineMs: 60_000 });
  await expect.poll(() => quick.received.length).toBe(30);
  expectWithin(performance.now() - start, 2_500);
  expect(slow.received).toHaveLength(4);
  expect(await slow.connections()).toBe(4);
});

test("five receivers that hang do not take every place: sixteen at once, and another one waits for a deadline", async ({
  world,
}) => {
  const slow = await Promise.all(Array.from({ length: 5 }, () => world.receiver()));
  const quick = await world.receiver();
  for (const [index, receiver] of slow.entries()) {
    receiver.answer = () => {};
    for (let count = 0; count < 4; count += 1) world.end(`slow-${index}-${count}`, receiver.url);
  }
  world.end("quick", quick.url);
  world.start({ deadlineMs: 400, schedule: { firstWaitMs: 60_000, longestWaitMs: 60_000, giveUpAfterMs: 120_000 } });
  await expect.poll(() => quick.received.length).toBe(1);
  expect(slow.reduce((sum, receiver) => sum + receiver.received.length, 0)).toBeLessThanOrEqual(20);
});

test("one that was put off is not sent before its time, also by a wake in between", async ({ world }) => {
  const receiver = await world.receiver();
  world.end("one", receiver.url);
  const nextAt = Date.now() + 1_500;
  world.storage.deliveries.retry("evt_one", { firstTriedAt: nextAt - 400, nextAt, error: "answered 500" });
  const outbox = world.start();
  world.end("two", receiver.url);
  outbox.wake();
  await expect.poll(() => receiver.received.length).toBe(2);
  expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual(["evt_two", "evt_one"]);
  expect(receiver.received[1]?.at).toBeGreaterThanOrEqual(nextAt);
});

test("a stop waits a moment for what is under way; what it gives up is as if it had not been tried", async ({
  world,
}) => {
  const [hanging, slow] = [await world.receiver(), await world.receiver()];
  hanging.answer = () => {};
  slow.answer = (response) => setTimeout(() => response.writeHead(200).end(), 100);
  world.end("hanging", hanging.url);
  world.end("slow", slow.url);
  const outbox = world.start({ deadlineMs: 60_000 });
  await expect.poll(() => hanging.received.length + slow.received.length).toBe(2);
  const start = performance.now();
  await outbox.stop();
  expectWithin(performance.now() - start, 1_500);
  expect(world.storage.deliveries.next({ ids: [], hosts: [] })).toMatchObject({ id: "evt_hanging", tries: 0 });
  expect(world.storage.deliveries.next({ ids: ["evt_hanging"], hosts: [] })).toBeUndefined();
  // Stopped is stopped.
  world.end("late", slow.url);
  outbox.wake();
  expect(slow.received).toHaveLength(1);
});

test("a stop does not wait for a name that is being looked up", async ({ world }) => {
  world.end("one", "http://slow.example/hook");
  let asked = 0;
  const resolve = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const outbox = world.start({ resolve });
  await expect.poll(() => asked).toBe(1);
  const start = performance.now();
  await outbox.stop();
  expectWithin(performance.now() - start, 1_500);
  expect(world.storage.deliveries.next({ ids: [], hosts: [] })).toMatchObject({ id: "evt_one", tries: 0 });
});

test("a store that cannot write what became of a webhook does not make it come again and again", async ({ world }) => {
  const receiver = await world.receiver();
  world.end("one", receiver.url);
  const queue = Object.assign(Object.create(null), {
    next: (without: { ids: string[]; hosts: string[] }) => world.storage.deliveries.next(without),
    delivered: () => {
      throw new Error("disk full");
    },
  });
  const outbox = world.start({ queue });
  await expect.poll(() => world.logged.join("")).toContain("could not be stored");
  outbox.wake();
  world.end("two", receiver.url);
  outbox.wake();
  await expect.poll(() => receiver.received.length).toBe(2);
  expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual(["evt_one", "evt_two"]);
});
