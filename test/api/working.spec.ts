/** [S11] What works by itself is given 8 s before a person is asked for: no notice, no row, and no wait of the bot either. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UNKNOWN } from "../support/fake-page.ts";
import { FeedClient } from "../support/feed-client.ts";
import { expect } from "../support/fixtures.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { createFake } from "../support/working-page.ts";

const PATIENCE_MS = 8_000;
/** For tests in which a page stops working before: however slow the machine is. */
const ENDLESS_MS = 3_600_000;
/** Timers of Node may fire this much early. */
const EARLY_MS = 5;

const test = base.extend<{
  /** Null: the server's own. */
  patienceMs: number | null;
  receiver: WebhookReceiver;
  target: OwnServer;
  feed: FeedClient;
  /** A session whose page needs a person at once: what was to be announced before it, was. */
  createPlain: () => Promise<void>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
  patienceMs: [ENDLESS_MS, { option: true }],
  target: async ({ startServer, receiver, patienceMs }, use, info) => {
    const path = join(info.outputDir, "channels.json");
    await mkdir(info.outputDir, { recursive: true });
    await writeFile(path, JSON.stringify([{ url: receiver.url, form: "plain", end: "over" }]));
    await use(await startServer({ ARRIVAL_NOTICES_FILE: path }, { workingPatienceMs: patienceMs ?? undefined }));
  },
  feed: async ({ target }, use) => {
    const feed = await FeedClient.connect(target.api);
    await feed.subscribe("sessions");
    await use(feed);
    feed.socket.terminate();
  },
  createPlain: async ({ target }, use) => {
    await use(async () => {
      await createFake(target.controller, { label: "plain", isWorking: false });
    });
  },
});

function announced({ received }: WebhookReceiver): string[] {
  return received.map(({ body }) => JSON.parse(body)).map(({ event, label }) => `${event} of ${label}`);
}

/** The `needs_person` of the session's states, in order. */
function statesOf({ received }: FeedClient, id: string): string[] {
  return received.flatMap((message) =>
    message.type === "session.state" && message.data.session_id === id
      ? [`${message.data.state} ${message.data.needs_person}`]
      : [],
  );
}

async function rowOf({ api }: OwnServer, id: string) {
  const { sessions } = (await call("GET", `${api}/sessions`)).body;
  return sessions.find(({ session_id }: { session_id: string }) => session_id === id);
}

test("[S11] the creation answers at once; people hear of the session when the page stops working, once", async ({
  target,
  feed,
  receiver,
  createPlain,
}) => {
  const { session, stopWorking, page, events } = await createFake(target.controller, { label: "working" });
  const { session_id: id } = session;
  expect(session.state).toBe("waiting");
  expect(await rowOf(target, id)).toMatchObject({ state: "waiting", needs_person: false });
  // Other changes of the page change nothing.
  events.challenge();
  await createPlain();
  await expect.poll(() => announced(receiver)).toEqual(["arrival of plain"]);
  expect(statesOf(feed, id)).not.toContain("waiting true");
  stopWorking();
  expect(await rowOf(target, id)).toMatchObject({ state: "waiting", needs_person: true });
  await expect.poll(() => announced(receiver)).toEqual(["arrival of plain", "arrival of working"]);
  await expect.poll(() => statesOf(feed, id)).toEqual(["waiting false", "waiting true"]);
  // What works later, after a person was asked for, takes nothing back.
  page.isWorking = true;
  events.challenge();
  expect(await rowOf(target, id)).toMatchObject({ needs_person: true });
  await call("DELETE", `${target.api}/session/${id}`);
  await expect.poll(() => announced(receiver)).toContain("end of working");
  expect(announced(receiver).filter((text) => text === "arrival of working")).toHaveLength(1);
});

test("[S11] a session that ends while its page works is never announced, nor its end", async ({
  target,
  feed,
  receiver,
  createPlain,
}) => {
  const { session, events } = await createFake(target.controller, { label: "working" });
  const evidence = { rule: JSON.stringify({ url: "**" }), frame: null, since: new Date().toISOString() };
  events.solved({ ...UNKNOWN, value: true, stable: true, evidence: [evidence] });
  const detail = await call("GET", `${target.api}/session/${session.session_id}`);
  expect(detail.body).toMatchObject({ state: "solved", verified: "checked", needs_person: false });
  await createPlain();
  await expect.poll(() => announced(receiver)).toEqual(["arrival of plain"]);
  await feed.next("session.ended", ({ data }) => data.session_id === session.session_id);
  expect(statesOf(feed, session.session_id)).toEqual(["waiting false", "solved false"]);
});

test("[S11] an operator may come while the page works; when nobody is there any more, it waits as before", async ({
  target,
  feed,
  receiver,
  connect,
  createPlain,
}) => {
  const { session, stopWorking } = await createFake(target.controller, { label: "working" });
  const operator = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await operator.next("control", ({ you }) => you);
  await expect.poll(() => statesOf(feed, session.session_id)).toContain("active false");
  operator.send({ type: "release_control" });
  await operator.next("session_state", ({ state }) => state === "waiting");
  operator.terminate();
  await expect.poll(async () => (await rowOf(target, session.session_id)).operators).toBe(0);
  await createPlain();
  await expect.poll(() => announced(receiver)).toEqual(["arrival of plain"]);
  stopWorking();
  await expect.poll(() => announced(receiver)).toEqual(["arrival of plain", "arrival of working"]);
});

test.describe("with the server's own patience", () => {
  test.use({ patienceMs: null });

  test("[S11] a page that goes on working needs a person after 8 s @long", async ({ target, receiver }) => {
    const startedAt = performance.now();
    const { session, page } = await createFake(target.controller, { label: "working" });
    await expect.poll(() => announced(receiver), { timeout: 60_000 }).toEqual(["arrival of working"]);
    expect(performance.now() - startedAt).toBeGreaterThan(PATIENCE_MS - EARLY_MS);
    expect(page.isWorking).toBe(true);
    expect(await rowOf(target, session.session_id)).toMatchObject({ needs_person: true });
  });
});
