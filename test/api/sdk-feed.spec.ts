/** [R18] The SDK's feed: it comes back by itself, tells nothing twice, and says where something may be missing. */
import type { FeedEvent } from "../../src/protocol/events.ts";
import { CaptchaRemoteClient, ConnectionPool, EventFeed, type FeedOptions } from "../../src/sdk/index.ts";
import { expect } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import { startRelay } from "../support/relay.ts";
import { call, test as withServers } from "../support/requests.ts";

const test = withServers.extend<{
  feedOf: (options: Pick<FeedOptions, "baseUrl"> & Partial<FeedOptions>) => EventFeed;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  feedOf: async ({}, use) => {
    const feeds: EventFeed[] = [];
    await use((options) => {
      const feed = new EventFeed({ apiKey: TEST_KEY, random: () => 0, ...options });
      feeds.push(feed);
      return feed;
    });
    for (const feed of feeds) feed.close();
  },
});

const SUBJECT = { uid: "uid-one", owner: null, label: "shop" };

function eventOf(id: string): FeedEvent {
  return { id, type: "session.control", timestamp: new Date().toISOString(), data: { session_id: "one", holder: id } };
}

function endOf(uid: string): FeedEvent {
  const outcome = { outcome: "solved", reason: "rules_met", verified: "checked", note: null } as const;
  const data = {
    session_id: uid,
    ...outcome,
    evidence: [],
    contradicted_by: [],
    duration_ms: 1,
    has_storage_state: false,
  };
  return { id: `end ${uid}`, type: "session.ended", timestamp: new Date().toISOString(), data };
}

test("[R18] a line that is cut again and again: every event is told once, and in order", async ({
  startServer,
  feedOf,
}) => {
  const server = await startServer();
  const relay = await startRelay(server.url);
  const feed = feedOf({ baseUrl: relay.url });
  const ids: unknown[] = [];
  feed.on("sessions", ({ id }) => ids.push(id));
  await expect.poll(() => feed.isLive).toBe(true);
  const all = Array.from({ length: 2_000 }, (_, index) => `e${index}`);
  for (const [index, id] of all.entries()) {
    server.events.publish(SUBJECT, eventOf(id));
    if (index % 400 === 200) {
      await relay.cut();
      await relay.mend();
      await expect.poll(() => feed.isLive).toBe(true);
    }
  }
  await expect.poll(() => ids.length).toBe(all.length);
  expect(ids).toEqual(all);
  await relay.close();
});

test("[R18] a handler of each topic is told, a refused topic is an error, and a handler that is taken away is not told", async ({
  startServer,
  feedOf,
}) => {
  const server = await startServer();
  const feed = feedOf({ baseUrl: server.url });
  const told: string[] = [];
  const errors: string[] = [];
  feed.onNews("error", ({ code }) => errors.push(code));
  const forget = feed.on("sessions", ({ id }) => told.push(`sessions ${id}`));
  feed.on("label:shop", ({ id }) => told.push(`label ${id}`));
  feed.on("session:unknown", () => told.push("never"));
  await expect.poll(() => errors).toEqual(["session_not_found"]);
  server.events.publish(SUBJECT, eventOf("first"));
  await expect.poll(() => told).toEqual(["sessions first", "label first"]);
  forget();
  server.events.publish(SUBJECT, eventOf("second"));
  await expect.poll(() => told).toEqual(["sessions first", "label first", "label second"]);
});

test("[R18] ends come again until their handler has done its work, and not after", async ({ startServer, feedOf }) => {
  const server = await startServer();
  const failing = feedOf({ baseUrl: server.url, reader: "bot" });
  let tries = 0;
  failing.on("sessions", async () => {
    tries += 1;
    // Hangs, as a bot that is killed while it works.
    await new Promise(() => {});
  });
  await expect.poll(() => failing.isLive).toBe(true);
  server.events.publish({ ...SUBJECT, uid: "a" }, endOf("a"));
  await expect.poll(() => tries).toBe(1);
  failing.close();
  const done: unknown[] = [];
  const second = feedOf({ baseUrl: server.url, reader: "bot" });
  second.on("sessions", ({ id, again }) => done.push([id, again]));
  await expect.poll(() => done).toEqual([["end a", true]]);
  second.close();
  const third = feedOf({ baseUrl: server.url, reader: "bot" });
  third.on("sessions", ({ id }) => done.push(id));
  await expect.poll(() => third.isLive).toBe(true);
  server.events.publish({ ...SUBJECT, uid: "b" }, endOf("b"));
  await expect.poll(() => done).toEqual([["end a", true], "end b"]);
});

test("[R18] a feed that goes on after more than is kept says that there is a gap", async ({ startServer, feedOf }) => {
  const server = await startServer();
  for (let count = 0; count < 10_200; count += 1) server.events.publish(SUBJECT, eventOf(`e${count}`));
  const gaps: number[] = [];
  const old = feedOf({ baseUrl: server.url, after: 1 });
  old.onNews("gap", ({ after }) => gaps.push(after));
  let count = 0;
  old.on("sessions", () => {
    count += 1;
  });
  await expect.poll(() => gaps).toEqual([1]);
  await expect.poll(() => count).toBeGreaterThan(9_900);
  // Of a server whose data was lost since.
  const ahead = feedOf({ baseUrl: server.url, after: 1e9 });
  ahead.onNews("gap", ({ after }) => gaps.push(after));
  const ids: unknown[] = [];
  ahead.on("sessions", ({ id }) => ids.push(id));
  await expect.poll(() => gaps).toEqual([1, 1e9]);
  server.events.publish(SUBJECT, eventOf("next"));
  await expect.poll(() => ids).toEqual(["next"]);
});

test("[R18] [R6] a pool that watches many asks for nothing until there is news, and goes on by polls without a feed @long", async ({
  startServer,
  site,
}) => {
  const url = site.serve("/", "<p>a page</p>");
  const server = await startServer({ MAX_CREATES_PER_MINUTE: "1000" }, { challengeSearchMs: 0 });
  const relay = await startRelay(server.url);
  let polls = 0;
  const client = new CaptchaRemoteClient({
    baseUrl: relay.url,
    apiKey: TEST_KEY,
    fetch: (...request) => {
      polls += String(request[0]).includes("/status/") ? 1 : 0;
      return fetch(...request);
    },
  });
  const sessions = await Promise.all([1, 2, 3, 4].map(() => client.create({ url }, { respondAsync: true })));
  const pool = new ConnectionPool(client);
  const watches = sessions.map(({ session_id }) => pool.watch(session_id));
  await expect.poll(async () => (await call("GET", `${server.url}/healthz`)).body.gauges.event_sockets).toBe(1);
  // The first looks, and those that the states of the start were worth.
  await expect.poll(async () => (await client.list({ state: "waiting" })).length).toBe(4);
  let before = -1;
  await expect
    .poll(
      () => {
        const isQuiet = polls === before;
        before = polls;
        return isQuiet;
      },
      { intervals: [2_500] },
    )
    .toBe(true);
  await client.cancel(sessions[0]?.session_id ?? "");
  expect((await watches[0])?.outcome).toBe("cancelled");
  await relay.cut();
  await relay.mend();
  for (const { session_id } of sessions.slice(1)) await client.cancel(session_id);
  for (const result of await Promise.all(watches)) expect(result.outcome).toBe("cancelled");
  await expect.poll(async () => (await call("GET", `${server.url}/healthz`)).body.gauges.event_sockets).toBe(0);
  await relay.close();
});
