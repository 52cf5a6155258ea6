/** Webhooks from a creation to a receiver: what is told, what is refused, and what a restart does not lose. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { openStorage } from "../../src/storage/storage.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { LiveClient } from "../support/live-client.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

const PAGE = `<!doctype html><style>body { margin: 0 }</style>
  <div id="my-captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
  <script>document.cookie = "verified=yes"; addEventListener("mouseup", () => document.getElementById("my-captcha").remove())</script>`;
const ALLOWED = { URL_ALLOW_PRIVATE: "on" };
const QUICK = { firstWaitMs: 30, longestWaitMs: 100, giveUpAfterMs: 30_000 };
/** Longer than any test. */
const SLOW = { firstWaitMs: 300_000, longestWaitMs: 300_000, giveUpAfterMs: 3_600_000 };

const test = base.extend<{ receiver: WebhookReceiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
});

test("[R10] the first operator and the end are told, signed; the end with the result's own object", async ({
  site,
  receiver,
  startServer,
}) => {
  const server = await startServer(ALLOWED);
  const body = { url: site.serve("/", PAGE), callback_url: receiver.url, callback_secret: SECRET };
  const { session_id: id, ws_url } = (await call("POST", `${server.api}/sessions`, body)).body;
  expect(receiver.received).toEqual([]);
  const first = await LiveClient.connect(ws_url);
  const opened = await receiver.next("session.operator_joined");
  expect(opened.event.data).toEqual({ session_id: id, operator: "operator-1", operators: 1, first: true });
  await first.next("session_info");
  const second = await LiveClient.connect(ws_url);
  await second.next("session_info");
  for (const event_type of ["down", "up"]) first.send({ type: "mouse_event", event_type, x: 190, y: 160 });

  const { event, headers } = await receiver.next("session.ended");
  const result = await call("GET", `${server.api}/session/${id}/result`);
  const { storage_state, ...outcome } = result.body;
  expect(event).toEqual({
    id: headers["webhook-id"],
    type: "session.ended",
    timestamp: expect.stringMatching(/Z$/),
    data: { session_id: id, ...outcome },
  });
  expect(outcome).toMatchObject({
    outcome: "solved",
    reason: "rules_met",
    verified: "checked",
    has_storage_state: true,
  });
  expect(outcome.evidence).toHaveLength(1);
  expect(storage_state.cookies).toMatchObject([{ name: "verified" }]);
  // A second operator is nothing to act on, and cookies are nothing for a webhook.
  expect(receiver.types()).toEqual(["session.operator_joined", "session.ended"]);
  expect(JSON.stringify(receiver.received)).not.toContain('storage_state":{');
  first.terminate();
  second.terminate();
});

test("[R10] the server's WEBHOOK_SECRET signs where the session has none; no answer and no log tells a secret", async ({
  bot,
  site,
  receiver,
  startServer,
}) => {
  const logged: string[] = [];
  const log = pino({ level: "trace" }, { write: (line) => logged.push(line) });
  const serverSecret = Buffer.alloc(48, 5).toString("base64");
  const server = await startServer({ ...ALLOWED, WEBHOOK_SECRET: serverSecret }, { log });
  const answers: unknown[] = [];
  const asked = async (...given: Parameters<typeof call>) => {
    const answer = await call(...given);
    answers.push(answer.body, Object.fromEntries(answer.headers));
    return answer.body;
  };
  for (const secret of [undefined, SECRET]) {
    const body = await bot.guest({ url: site.serve("/", PAGE), callback_url: receiver.url, callback_secret: secret });
    const { session_id: id } = await asked("POST", `${server.api}/sessions`, body, {
      "idempotency-key": `k ${secret}`,
    });
    await asked("GET", `${server.api}/session/${id}`);
    await asked("GET", `${server.api}/sessions`);
    await asked("DELETE", `${server.api}/session/${id}`);
    await asked("GET", `${server.api}/session/${id}/result`);
    await receiver.next("session.ended", secret ?? serverSecret);
    receiver.received.length = 0;
  }
  // A refusal neither.
  await asked("POST", `${server.api}/sessions`, { url: "http://x/", callback_secret: SECRET });
  await asked("POST", `${server.api}/sessions`, { url: 7, callback_url: receiver.url, callback_secret: `${SECRET}!` });
  for (const secret of [SECRET.slice(6), serverSecret]) {
    expect(JSON.stringify(answers)).not.toContain(secret);
    expect(logged.join("")).not.toContain(secret);
  }
});

test("[R10] 500, then 200: the same id again", async ({ bot, site, receiver, startServer }) => {
  receiver.answer = (response) => response.writeHead(receiver.received.length < 3 ? 500 : 200).end();
  const server = await startServer(ALLOWED, { webhookSchedule: QUICK });
  const body = await bot.guest({ url: site.serve("/", PAGE), callback_url: receiver.url, callback_secret: SECRET });
  const { session_id: id } = (await call("POST", `${server.api}/sessions`, body)).body;
  await call("DELETE", `${server.api}/session/${id}`);
  await expect.poll(() => receiver.received.length).toBe(3);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  await receiver.next("session.ended");
});

test("[R10] what one server could not deliver the next one does, with the same id", async ({
  bot,
  site,
  receiver,
  startServer,
}) => {
  receiver.answer = (response) => response.writeHead(500).end();
  const first = await startServer(ALLOWED, { webhookSchedule: { ...SLOW, firstWaitMs: 2_000, longestWaitMs: 2_000 } });
  const body = await bot.guest({ url: site.serve("/", PAGE), callback_url: receiver.url, callback_secret: SECRET });
  const { session_id: id } = (await call("POST", `${first.api}/sessions`, body)).body;
  await call("DELETE", `${first.api}/session/${id}`);
  await expect.poll(() => receiver.received.length).toBe(1);
  await first.close();
  receiver.answer = (response) => response.writeHead(200).end();
  await startServer(ALLOWED, { webhookSchedule: SLOW });
  await expect.poll(() => receiver.received.length).toBe(2);
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(ids[1]).toBe(ids[0]);
  expect((await receiver.next("session.ended")).event.data).toMatchObject({ session_id: id, outcome: "cancelled" });
});

test("[R10] a server that stops tells the ends, at once where it can, else after the next start", async ({
  site,
  receiver,
  startServer,
}) => {
  const hanging = await WebhookReceiver.start();
  hanging.answer = () => {};
  const first = await startServer(ALLOWED);
  for (const { url: callback_url } of [receiver, hanging]) {
    const body = { url: site.serve("/", PAGE), callback_url, callback_secret: SECRET };
    expect((await call("POST", `${first.api}/sessions`, body)).status).toBe(201);
  }
  const start = performance.now();
  await first.close();
  expectWithin(performance.now() - start, 8_000);
  expect((await receiver.next("session.ended")).event.data).toMatchObject({ reason: "shutting_down" });
  expect(hanging.received).toHaveLength(1);

  hanging.answer = (response) => response.writeHead(200).end();
  await startServer(ALLOWED);
  await expect.poll(() => hanging.received.length).toBe(2);
  expect((await hanging.next("session.ended")).event.data).toMatchObject({ reason: "shutting_down" });
  expect(receiver.received).toHaveLength(1);
  await hanging.stop();
});

test("[S5] a server that was killed: the next one tells its sessions' ends, also those that stood but were not told", async ({
  receiver,
  startServer,
}) => {
  const { dataDir, close } = await startServer(ALLOWED);
  await close();
  const storage = openStorage(dataDir);
  const { sessions: store } = storage;
  const now = Date.now();
  store.save(sessionRecord({ uid: "living", session_id: "living", created_at: now - 5_000 }));
  const end = { state: "solved", reason: "rules_met", verified: "checked", ended_at: now - 1_000 } as const;
  store.save(sessionRecord({ uid: "ended", session_id: "ended", created_at: now - 5_000, ...end }));
  store.saveStorageState("ended", { cookies: [], origins: [] });
  for (const uid of ["living", "ended"])
    storage.deliveries.saveCallback(uid, { url: receiver.url, secret: SECRET, allow: [] });
  storage.close();

  const second = await startServer(ALLOWED);
  await expect.poll(() => receiver.received.length).toBe(2);
  const told = Object.fromEntries(
    receiver.received.map(({ body }) => [JSON.parse(body).data.session_id, JSON.parse(body)]),
  );
  expect(told["living"].data).toMatchObject({ outcome: "failed", reason: "browser_lost", has_storage_state: false });
  expect(told["ended"].data).toMatchObject({ outcome: "solved", has_storage_state: true, duration_ms: 4_000 });
  expect(told["ended"].timestamp).toBe(new Date(end.ended_at).toISOString());
  await second.close();
  // Once told, it is not told again.
  const third = await startServer(ALLOWED);
  await third.close();
  expect(receiver.received).toHaveLength(2);
});

test("[R10] private addresses are refused at once, in every spelling, and nothing is opened", async ({
  startServer,
  receiver,
}) => {
  const server = await startServer({ URL_ALLOW_PRIVATE: "off" });
  const { port } = receiver;
  for (const host of ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]"]) {
    const body = { url: "http://example.org/", callback_url: `http://${host}:${port}/`, callback_secret: SECRET };
    const { status, body: answer } = await call("POST", `${server.api}/sessions`, body);
    expect([host, status, answer.error.code], host).toEqual([host, 422, "url_not_allowed"]);
    expect(answer.error.details).toMatchObject({
      field: "callback_url",
      why: expect.stringContaining("a private address"),
    });
  }
  expect((await call("GET", `${server.api}/sessions`)).body.sessions).toEqual([]);
  expect(receiver.received).toEqual([]);
});

test("[R10] without any secret a callback_url is refused, and so is what is no address or no secret", async ({
  server,
}) => {
  const url = "http://example.org/";
  const callback_url = "https://hooks.example.org/";
  for (const [body, field] of [
    [{ url, callback_url }, "callback_url"],
    [{ url, callback_secret: SECRET }, "callback_secret"],
    [{ url, callback_url: "ftp://hooks.example.org/", callback_secret: SECRET }, "callback_url"],
    [{ url, callback_url: "hooks.example.org", callback_secret: SECRET }, "callback_url"],
    [{ url, callback_url: "https://me:secret@hooks.example.org/", callback_secret: SECRET }, "callback_url"],
    [{ url, callback_url: `https://hooks.example.org/${"x".repeat(2_048)}`, callback_secret: SECRET }, "callback_url"],
    [{ url, callback_url, callback_secret: "whsec_short" }, "callback_secret"],
    [{ url, callback_url, callback_secret: "" }, "callback_secret"],
  ] as const) {
    const { status, body: answer } = await call("POST", `${server.api}/sessions`, body);
    expect([status, answer.error.code, answer.error.details.field], JSON.stringify(body)).toEqual([
      400,
      "invalid_message",
      field,
    ]);
  }
});

test("[R10] a key's own list opens what it names to its webhooks, and nothing opens the server's own ports", async ({
  site,
  receiver,
  startServer,
}) => {
  const { host } = new URL(receiver.url);
  const keysFile = join(await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX)), "keys");
  await writeFile(
    keysFile,
    `listed:crk_listed-0123456789 url_allow=${host},${new URL(site.origin).host}\nother:crk_other-0123456789`,
  );
  const server = await startServer({ URL_ALLOW_PRIVATE: "off", API_KEYS_FILE: keysFile }, { webhookSchedule: QUICK });
  await rm(dirname(keysFile), { recursive: true });
  const create = (secret: string, callback_url: string) => {
    const body = { url: site.serve("/", PAGE), callback_url, callback_secret: SECRET };
    return call("POST", `${server.api}/sessions`, body, { authorization: `Bearer ${secret}` });
  };
  expect((await create("crk_other-0123456789", receiver.url)).body.error).toMatchObject({
    code: "url_not_allowed",
    details: { field: "callback_url" },
  });
  const { status, body } = await create("crk_listed-0123456789", receiver.url);
  expect(status, JSON.stringify(body)).toBe(201);
  await call("DELETE", `${server.api}/session/${body.session_id}`);
  expect((await receiver.next("session.ended")).event.data).toMatchObject({ outcome: "cancelled" });
  await server.close();

  const open = await startServer(ALLOWED);
  const own = await call("POST", `${open.api}/sessions`, {
    url: site.serve("/", PAGE),
    callback_url: `${open.api}/sessions`,
    callback_secret: SECRET,
  });
  expect(own.body.error).toMatchObject({ code: "url_not_allowed", details: { field: "callback_url" } });
});
