/** [R23] A bot reports whether the outcome of its ended session was right: once, for as long as the session is kept. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CaptchaRemoteClient } from "../../src/sdk/client.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { NO_KEY } from "../support/key.ts";
import { type Answer, test as base, call, type OwnServer } from "../support/requests.ts";

const KEYS = {
  bot: "crk_a-bot-of-the-server-1",
  other: "crk_another-bot-of-it-1",
  anna: "crk_anna-operates-all-1",
  ops: "crk_ops-of-the-server-1",
};
const API_KEYS = [
  `bot:${KEYS.bot}`,
  `other:${KEYS.other}`,
  `anna:${KEYS.anna}:operate`,
  `ops:${KEYS.ops}:ops+sessions:control`,
].join(",");
const NOTE = "The page asked again, order 4711.";
/** Its challenge stays; a visible box beside it says that it is solved. */
const PAGE = `<div id="my-captcha" style="width:300px;height:200px;background:#cde"></div><div id="ok">done</div>`;
const SOLVED_AT_ONCE = { completion: { any: [{ visible: "#ok" }], stable_ms: 0 } };

const by = (key: string) => ({ authorization: `Bearer ${key}` });

const test = base.extend<{
  target: OwnServer;
  living: string;
  ended: string;
  report: (id: string, body: object, key?: string) => Promise<Answer>;
}>({
  target: async ({ startServer }, use) => use(await startServer({ API_KEYS })),
  /** A session of the bot's. */
  living: async ({ target, site, bot }, use) => {
    const request = await bot.guest({ url: site.serve("/", PAGE) });
    const { status, body } = await call("POST", `${target.api}/sessions`, request, by(KEYS.bot));
    expect(status, JSON.stringify(body)).toBe(201);
    await use(body.session_id);
  },
  /** One that ended as solved. */
  ended: async ({ target, site, bot }, use) => {
    const request = await bot.guest({ url: site.serve("/", PAGE), session_id: "ended", ...SOLVED_AT_ONCE });
    await call("POST", `${target.api}/sessions`, request, by(KEYS.bot));
    const { body } = await call("GET", `${target.api}/status/ended?wait=50`, undefined, by(KEYS.bot));
    expect(body).toMatchObject({ state: "solved", reason: "rules_met" });
    await use("ended");
  },
  report: async ({ target }, use) => {
    await use((id, body, key = KEYS.bot) => call("POST", `${target.api}/session/${id}/report`, body, by(key)));
  },
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const failure = ({ status, body }: Answer) => `${status} ${body.error?.code}`;

async function read({ api }: OwnServer, path: string, key: string): Promise<Answer["body"]> {
  return (await call("GET", `${api}${path}`, undefined, by(key))).body;
}

test("[R23] before the end it is refused; afterwards it is taken once, and the same again is answered like the first", async ({
  target,
  living,
  report,
}) => {
  expect(failure(await report(living, { correct: false }))).toBe("409 not_ended");
  await call("DELETE", `${target.api}/session/${living}`, undefined, by(KEYS.bot));
  const first = await report(living, { correct: false, note: NOTE });
  expect(first).toMatchObject({ status: 200, body: { session_id: living, correct: false, note: NOTE } });
  const again = await report(living, { correct: false, note: NOTE });
  expect(again).toMatchObject({ status: 200, body: first.body });
  for (const other of [{ correct: true, note: NOTE }, { correct: false }, { correct: false, note: "other" }]) {
    const refused = await report(living, other);
    expect(failure(refused)).toBe("409 already_reported");
    expect(JSON.stringify(refused.body)).not.toContain(NOTE);
  }
  expect((await read(target, `/session/${living}/result`, KEYS.bot)).report).toMatchObject({
    correct: false,
    note: NOTE,
    reported_at: first.body.reported_at,
  });
  const { entries } = await read(target, `/audit?session_id=${living}`, KEYS.ops);
  const recorded = entries.filter(({ action }: { action: string }) => action === "session.report");
  expect(recorded).toMatchObject([{ detail: { correct: false } }]);
});

test("[R23] another bot, an operator, ops and a link get no hint of the session, and change nothing", async ({
  target,
  living,
  ended,
  report,
}) => {
  for (const id of [living, ended]) {
    const alike = (text: string, of: string) => text.replaceAll(of, "ID").replaceAll(/"timestamp":"[^"]*"/g, "");
    for (const key of [KEYS.other, KEYS.ops]) {
      const foreign = await report(id, { correct: false }, key);
      expect(failure(foreign)).toBe("404 session_not_found");
      const unknown = await report("nobody", { correct: false }, key);
      expect(alike(JSON.stringify(foreign.body), id)).toBe(alike(JSON.stringify(unknown.body), "nobody"));
    }
    expect(failure(await report(id, { correct: false }, KEYS.anna))).toBe("403 forbidden");
  }
  const link = await call("POST", `${target.api}/session/${living}/links`, {}, by(KEYS.bot));
  const token = new URL(link.body.url).hash.slice(1);
  expect(failure(await report(living, { correct: false }, token))).toBe("403 forbidden");
  const url = `${target.api}/session/${ended}/report`;
  expect(failure(await call("POST", url, { correct: false }, NO_KEY))).toBe("401 unauthorized");
  expect((await read(target, `/session/${ended}/result`, KEYS.bot)).report).toBeUndefined();
  expect((await report(ended, { correct: true })).body).toMatchObject({ correct: true, note: null });
});

test("[R23] bodies that are none are refused by their field, in the same way for a session of another bot", async ({
  ended,
  report,
}) => {
  for (const [body, field] of [
    [{}, "correct"],
    [{ correct: "false" }, "correct"],
    [{ correct: null }, "correct"],
    [{ correct: false, note: 7 }, "note"],
    [{ correct: false, note: "x".repeat(2_001) }, "note"],
    [{ correct: false, reason: "x" }, "reason"],
  ] as const) {
    for (const key of [KEYS.bot, KEYS.other]) {
      const { status, body: answer } = await report(ended, body, key);
      expect([status, answer.error.code, answer.error.details.field]).toEqual([400, "invalid_message", field]);
    }
  }
  expect(failure(await report(ended, { correct: false, note: "x".repeat(100_000) }))).toBe("413 payload_too_large");
  expect((await report(ended, { correct: false, note: "🧩".repeat(1_000) })).status).toBe(200);
});

test("[R23] the history and its table say whether it was right; the note is for the bot alone", async ({
  target,
  ended,
  report,
}) => {
  const rows = async (key: string) => (await read(target, "/history", key)).sessions;
  expect(await rows(KEYS.bot)).toMatchObject([{ session_id: ended, correct: null }]);
  await report(ended, { correct: false, note: NOTE });
  expect(await rows(KEYS.bot)).toMatchObject([{ session_id: ended, correct: false }]);
  expect(await rows(KEYS.anna)).toMatchObject([{ session_id: ended, correct: false }]);
  const table = await fetch(`${target.api}/history?format=csv`, { headers: by(KEYS.ops) });
  const [head = "", row = ""] = (await table.text()).split("\r\n");
  expect([head.split(",").at(-1), row.split(",").at(-1)]).toEqual(["correct", "false"]);
  expect((await read(target, `/session/${ended}`, KEYS.bot)).report).toMatchObject({ correct: false, note: NOTE });
  expect((await read(target, `/session/${ended}`, KEYS.ops)).report).toBeNull();
  const seen = await Promise.all(
    ["/history", "/sessions?state=solved", `/session/${ended}`, "/audit?limit=500", "/metrics"].map((path) =>
      read(target, path, KEYS.ops),
    ),
  );
  seen.push(await read(target, "/history", KEYS.bot), await read(target, "/sessions?state=solved", KEYS.bot));
  expect(JSON.stringify(seen)).toContain(ended);
  expect(JSON.stringify(seen)).not.toContain(NOTE);
});

test("[R23] [R20] reports are counted by kind and type of rule, the first from 0, and a repeat not again", async ({
  target,
  ended,
  report,
}) => {
  const figures = async () => {
    const text: string = await read(target, "/metrics", KEYS.ops);
    const lines = text.split("\n").filter((line) => line.startsWith("captcha_remote_verdicts_reported_total{"));
    return lines.map((line) => line.replace("captcha_remote_verdicts_reported_total", "")).toSorted();
  };
  const series = (correct: boolean, count: number) =>
    `{kind="generic",rule_type="visible",correct="${correct}"} ${count}`;
  await expect.poll(figures).toEqual([series(false, 0), series(true, 0)]);
  for (let time = 0; time < 2; time += 1) await report(ended, { correct: false, note: NOTE });
  await report(ended, { correct: true });
  expect(await figures()).toEqual([series(false, 1), series(true, 0)]);
});

test("[R23] [S5] a report outlives the server; after the retention the session is not found, and no file has the note", async ({
  startServer,
  site,
}) => {
  const first = await startServer({ API_KEYS });
  const url = site.serve("/", PAGE);
  const { body } = await call("POST", `${first.api}/sessions`, { url, ...SOLVED_AT_ONCE }, by(KEYS.bot));
  const { session_id: id } = body;
  await call("GET", `${first.api}/status/${id}?wait=50`, undefined, by(KEYS.bot));
  const send = ({ api }: OwnServer) =>
    call("POST", `${api}/session/${id}/report`, { correct: false, note: NOTE }, by(KEYS.bot));
  const sent = await send(first);
  expect(sent.status).toBe(200);
  await first.close();
  const second = await startServer({ API_KEYS });
  expect(await send(second)).toMatchObject({ status: 200, body: sent.body });
  const ended = Date.parse((await read(second, "/history", KEYS.bot)).sessions[0].ended_at);
  await second.close();
  const kept = () =>
    readdirSync(first.dataDir).some(
      (file) => file.startsWith("sessions.db") && readFileSync(join(first.dataDir, file)).includes(NOTE),
    );
  expect(kept()).toBe(true);
  await expect.poll(() => Date.now() - ended).toBeGreaterThan(1_000);
  // What is over the retention is removed at the start.
  const third = await startServer({ API_KEYS, RETENTION_SECONDS: "1" });
  expect(failure(await send(third))).toBe("404 session_not_found");
  expect(kept()).toBe(false);
});

test("[R23] the SDK reports, and says by its code what cannot be reported", async ({ target, living, ended }) => {
  const client = new CaptchaRemoteClient({ baseUrl: target.url, apiKey: KEYS.bot });
  await client.report(ended, false, NOTE);
  await client.report(ended, false, NOTE);
  expect((await client.result(ended)).report).toMatchObject({ correct: false, note: NOTE });
  await expect(client.report(ended, true)).rejects.toMatchObject({ code: "already_reported", status: 409 });
  await expect(client.report(living, true)).rejects.toMatchObject({ code: "not_ended" });
  await expect(client.report("nobody", true)).rejects.toMatchObject({ code: "session_not_found" });
  await client.cancel(living);
  await client.report(living, true);
  expect((await client.result(living)).report).toMatchObject({ correct: true, note: null });
});
