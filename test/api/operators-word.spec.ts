/** The operator's own word: when it stands, when it has to be said twice, and what is kept of what spoke against it. */
import { createSessionSchema } from "../../src/protocol/rest.ts";
import { CaptchaRemoteClient, type FeedEvent } from "../../src/sdk/index.ts";
import type { Verdict } from "../../src/session/ports/page.ts";
import { UNKNOWN } from "../support/fake-page.ts";
import { type FakeSession, test } from "../support/fake-session.ts";
import { expect } from "../support/fixtures.ts";
import { fetchAsBot, TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";

const RULE = { rule: '{"kind":"generic","done":{"gone":true}}', frame: "http://127.0.0.1/login" };
/** The challenge still shows, and nothing on its page could say that it is cleared. */
const NO_SIGN: Verdict = { ...UNKNOWN, value: false, contradictions: [RULE], mayOverride: true };
/** The challenge has a sign of success, and it does not show. */
const NO_SUCCESS: Verdict = { ...NO_SIGN, mayOverride: false };
const DONE = { type: "finish", outcome: "done" };
const JSON_CLIENT = { protocols: ["captcha.json.v1"] };

type Connect = (wsUrl: string, options?: { protocols?: string[] }) => Promise<LiveClient>;

async function inControl(connect: Connect, { session }: FakeSession, options = {}): Promise<LiveClient> {
  const client = await connect(session.ws_url, options);
  await client.next("control", ({ you }) => you);
  return client;
}

test("[W17] [S2] where nothing could confirm it, Done is asked once more, then stands, and what still showed is kept", async ({
  createFake,
  connect,
  bot,
  server,
}) => {
  const fake = await createFake();
  const { session_id } = fake.session;
  const client = await inControl(connect, fake, JSON_CLIENT);
  fake.page.verdict = NO_SIGN;
  client.send({ ...DONE, id: 1, note: "cleared" });
  expect(await client.next("completion_status")).toMatchObject({
    completed: false,
    reason: "confirm_needed",
    contradicted_by: [RULE],
    reply_to: 1,
  });
  expect((await bot.info(session_id)).state).toBe("active");

  client.send({ ...DONE, id: 2, note: "cleared", confirm: true });
  expect(await client.closed).toMatchObject({ code: 1000 });
  expect(client.received.at(-1)).toMatchObject({ type: "completed", verified: "operator" });
  const outcome = {
    outcome: "solved",
    reason: "operator_done",
    verified: "operator",
    evidence: [],
    contradicted_by: [RULE],
    note: "cleared",
  };
  expect(await bot.result(session_id)).toMatchObject(outcome);
  const stream = await fetchAsBot(`${server.api}/session/${session_id}/events?after=0`);
  const ended = (await stream.text()).split("\n\n").find((event) => event.includes("event: session.ended")) ?? "";
  expect(JSON.parse(ended.split("data: ")[1] ?? "").data).toMatchObject(outcome);
  // [R23] What the bot found out afterwards stands beside it.
  await new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY }).report(session_id, false);
  expect(await bot.result(session_id)).toMatchObject({ ...outcome, report: { correct: false } });
  const read = async (path: string) => (await fetchAsBot(`${server.api}${path}`)).json();
  const history = (await read(`/history?session_id=${session_id}`)) as { sessions: unknown[] };
  expect(history.sessions).toMatchObject([{ verified: "operator", contradictions: 1, correct: false }]);
  const { entries } = (await read(`/audit?session_id=${session_id}`)) as {
    entries: { action: string; detail: unknown }[];
  };
  for (const action of ["finish.done", "session.end"]) {
    const entry = entries.find((one) => one.action === action);
    expect(entry, action).toMatchObject({ detail: { reason: "operator_done", contradictions: 1 } });
  }
});

for (const form of ["plain", "json"] as const) {
  test(`[W17] an older ${form} client, which never confirms, gets only the answer that it knows`, async ({
    createFake,
    connect,
    bot,
  }) => {
    const fake = await createFake();
    const client = await inControl(connect, fake, form === "plain" ? {} : JSON_CLIENT);
    const before = client.received.length;
    fake.page.verdict = NO_SIGN;
    for (const id of [1, 2]) {
      client.send({ ...DONE, id });
      await client.next("completion_status", ({ reply_to }) => reply_to === id);
    }
    const answers = client.received.slice(before);
    expect(answers.map(({ type }) => type)).toEqual(["completion_status", "completion_status"]);
    expect(answers).toMatchObject([{ completed: false }, { completed: false }]);
    expect((await bot.info(fake.session.session_id)).state).toBe("active");
  });
}

test("[W17] [S2] where the page has a sign of success and does not show it, Done is refused, confirmed or not", async ({
  createFake,
  connect,
  bot,
}) => {
  const fake = await createFake();
  const client = await inControl(connect, fake);
  fake.page.verdict = NO_SUCCESS;
  for (const confirm of [false, true]) {
    const from = client.received.length;
    client.send({ ...DONE, confirm });
    const { reason, contradicted_by } = await client.next("completion_status", () => true, from);
    expect([reason, contradicted_by]).toEqual(["rules_not_met", undefined]);
  }
  expect((await bot.info(fake.session.session_id)).state).toBe("active");
});

test("[W17] [S2] operator_may_override lets the operator's word stand there too, once it is said twice", async ({
  createFake,
  connect,
  bot,
}) => {
  const completion = { all: [{ visible: "#ok" }], operator_may_override: true };
  const fake = await createFake({ completion });
  const client = await inControl(connect, fake);
  fake.page.verdict = NO_SUCCESS;
  client.send(DONE);
  expect(await client.next("completion_status")).toMatchObject({ reason: "confirm_needed", contradicted_by: [RULE] });
  client.send({ ...DONE, confirm: true });
  expect(await client.closed).toMatchObject({ code: 1000 });
  expect(await bot.result(fake.session.session_id)).toMatchObject({
    verified: "operator",
    reason: "operator_done",
    contradicted_by: [RULE],
  });
});

test("[S2] a confirmed word is not needed where the rules hold, and is contradicted by nothing where they are unknown", async ({
  createFake,
  connect,
  bot,
}) => {
  const evidence = [{ rule: "r", frame: null, since: new Date(0).toISOString(), how: "submitted" as const }];
  const ends = [
    [
      { ...UNKNOWN, value: true, stable: true, evidence },
      { verified: "checked", reason: "rules_met", evidence },
    ],
    [UNKNOWN, { verified: "operator", reason: "operator_done", evidence: [] }],
  ] as const;
  for (const [verdict, end] of ends) {
    const fake = await createFake();
    const client = await inControl(connect, fake);
    fake.page.verdict = verdict;
    client.send({ ...DONE, confirm: true });
    expect(await client.closed).toMatchObject({ code: 1000 });
    expect(await bot.result(fake.session.session_id)).toMatchObject({ outcome: "solved", contradicted_by: [], ...end });
  }
});

test("[W17] [W9] confirm is true or false, and nothing else", async ({ createFake, connect }) => {
  const client = await inControl(connect, await createFake());
  client.send({ ...DONE, confirm: "yes" });
  expect(await client.next("error")).toMatchObject({ code: "invalid_message", details: { field: "confirm" } });
});

test("[W33] a page that has moved on is told to the bot and asked of every operator, and nothing is concluded", async ({
  createFake,
  connect,
  bot,
  server,
}) => {
  const fake = await createFake();
  const { session_id, ws_url } = fake.session;
  const client = await inControl(connect, fake, JSON_CLIENT);
  const older = await connect(ws_url);
  await older.next("presence", ({ operators }) => operators === 2);
  fake.events.movedOn();
  const { at } = await client.next("moved_on");
  expect(Date.parse(at ?? "")).toBeLessThanOrEqual(Date.now());
  const late = await connect(ws_url, JSON_CLIENT);
  expect(await late.next("moved_on")).toMatchObject({ at });
  expect(late.received.map(({ type }) => type).indexOf("session_info")).toBe(0);
  expect((await bot.info(session_id)).state).toBe("active");

  // A challenge shows again: there is nothing to ask any more, for later operators neither.
  const box = { selector: "#captcha", x: 100, y: 50, width: 200, height: 100, in_iframe: false, kind: "generic" };
  fake.page.challenge = box;
  fake.events.challenge();
  for (const each of [client, late]) expect(await each.next("moved_on", (message) => message.at === null)).toBeTruthy();
  const last = await connect(ws_url, JSON_CLIENT);
  await last.next("presence", ({ operators }) => operators === 4);
  fake.page.challenge = null;
  fake.events.challenge();
  fake.events.movedOn();
  expect((await last.next("moved_on")).at).not.toBeNull();
  expect(last.received.filter(({ type }) => type === "moved_on")).toHaveLength(1);
  expect(older.received.map(({ type }) => type)).not.toContain("moved_on");

  client.send(DONE);
  await client.closed;
  const stream = await fetchAsBot(`${server.api}/session/${session_id}/events?after=0`);
  const types = [...(await stream.text()).matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  expect(types).toContain("session.moved_on");
  fake.events.movedOn();
  expect(await bot.result(session_id)).toMatchObject({ verified: "operator", contradicted_by: [] });
});

test("[R18] [W33] the SDK passes on that a page has moved on, and what spoke against a person's word", async ({
  createFake,
  connect,
  server,
}) => {
  const fake = await createFake();
  const feed = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY }).feed({ after: 0 });
  const seen: FeedEvent[] = [];
  feed.on(`session:${fake.session.session_id}`, (event) => seen.push(event));
  fake.events.movedOn();
  await expect.poll(() => seen.map(({ type }) => type)).toContain("session.moved_on");
  const client = await inControl(connect, fake);
  fake.page.verdict = NO_SIGN;
  client.send({ ...DONE, confirm: true });
  await expect.poll(() => seen.at(-1)).toMatchObject({ type: "session.ended", data: { contradicted_by: [RULE] } });
  feed.close();
});

test("[R10] [R21] a bot may say across, domain and operator_may_override, and nothing that they cannot mean", () => {
  const withRule = (rule: object) => createSessionSchema.safeParse({ url: "http://x/", completion: { any: [rule] } });
  for (const rule of [
    { gone: "#a", across: "any" },
    { cookie: "sid", changed: true, domain: "login.shop.example" },
    { cookie: "sid", changed: true, domain: ".shop.example" },
    { cookie: "sid", changed: true, domain: "127.0.0.1" },
    { cookie: "sid", changed: true, domain: "localhost" },
  ]) {
    expect(withRule(rule).success, JSON.stringify(rule)).toBe(true);
  }
  for (const rule of [
    { gone: "#a", across: "none" },
    { visible: "#a", across: "any" },
    { cookie: "sid", changed: true, domain: "" },
    { cookie: "sid", changed: true, domain: "http://shop.example" },
    { cookie: "sid", changed: true, domain: "shop.example/path" },
    { cookie: "sid", changed: true, domain: "a".repeat(300) },
    { url: "http://x/", domain: "x" },
  ]) {
    expect(withRule(rule).success, JSON.stringify(rule)).toBe(false);
  }
  const parsed = createSessionSchema.parse({ url: "http://x/", completion: {} });
  expect(parsed.completion?.operator_may_override).toBe(false);
});
