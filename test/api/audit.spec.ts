/** [R17] The audit trail of a real server: who did what, over REST and the socket, and never what was typed. */
import { JIGSAW } from "../../public/demo/layout.js";
import type { AuditEntryAnswer } from "../../src/protocol/audit.ts";
import { expect, inside } from "../support/fixtures.ts";
import { call, test } from "../support/requests.ts";

const PAGE = `<!doctype html><title>page</title><input id="field" autofocus>
  <script>document.cookie = "seen=yes; path=/"</script>`;
/** Ready at once, as nothing has to be searched for; Done is not the operator's word here. */
const CHALLENGE_PAGE = `${PAGE}<div id="captcha" style="width:300px;height:200px;background:#cde"></div>`;

/** Oldest first. */
async function entriesOf(api: string, id: string): Promise<AuditEntryAnswer[]> {
  const { status, body } = await call("GET", `${api}/audit?session_id=${id}&limit=500`);
  expect(status).toBe(200);
  return body.entries.reverse();
}

/** Waits for an entry of this action, and answers all actions in order. */
async function actionsOnce(api: string, id: string, action: string): Promise<string[]> {
  const actions = async () => (await entriesOf(api, id)).map((entry) => entry.action as string);
  await expect.poll(actions).toContain(action);
  return actions();
}

test("[R17] a session from its creation to the export of its state", async ({ server, site, bot, connect }) => {
  const session = await bot.create({ url: `${site.serve("/page", PAGE)}?token=PLANTED` });
  const { session_id: id } = session;
  const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
  await client.next("control", ({ you }) => you);
  client.send({ type: "text", text: "TYPED" });
  client.send({ type: "extend", seconds: 5 });
  client.send({ type: "finish", outcome: "done", note: "NOTED" });
  await bot.waitForEnd(id);
  await bot.result(id);
  await actionsOnce(server.api, id, "state.export");

  const entries = await entriesOf(server.api, id);
  const operator = expect.stringMatching(/^operator-\d+$/);
  const expires_at = expect.any(String);
  const ended = { outcome: "solved", reason: "operator_done", verified: "operator" };
  const mine = { who: "key:config:test", address: "127.0.0.1", session_id: id };
  expect(entries.map(({ seq: _seq, at: _at, hash: _hash, ...entry }) => entry)).toEqual([
    { ...mine, action: "session.create", detail: { site: site.origin } },
    { ...mine, action: "operator.join", detail: { operator } },
    { ...mine, action: "control.take", detail: { operator } },
    { ...mine, action: "session.extend", detail: { operator, expires_at } },
    { ...mine, action: "finish.done", detail: { operator, reason: "operator_done" } },
    { who: "server", address: null, session_id: id, action: "session.end", detail: ended },
    { ...mine, action: "state.export", detail: null },
  ]);
  for (const { at, hash } of entries) {
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  }
  const seqs = entries.map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  for (const word of ["PLANTED", "TYPED", "NOTED", "yes"]) expect(JSON.stringify(entries)).not.toContain(word);
});

test("[R17] control that changes hands, by asking and by giving it back", async ({ server, site, bot, connect }) => {
  const { session_id: id, ws_url } = await bot.createGuest({ url: site.serve("/page", CHALLENGE_PAGE) });
  const first = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  await first.next("control", ({ you }) => you);
  const second = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  await second.next("session_info");
  second.send({ type: "take_control" });
  await second.next("control", ({ you }) => you);
  second.send({ type: "release_control" });
  await second.next("control", ({ holder }) => holder === null);
  second.terminate();
  await actionsOnce(server.api, id, "operator.leave");
  const entries = await entriesOf(server.api, id);
  const [one, two] = [entries[1]?.detail?.["operator"], entries[3]?.detail?.["operator"]];
  expect(one).not.toBe(two);
  expect(entries.map(({ action, detail }) => [action, detail?.["operator"]])).toEqual([
    ["session.create", undefined],
    ["operator.join", one],
    ["control.take", one],
    ["operator.join", two],
    ["control.release", one],
    ["control.take", two],
    ["control.release", two],
    ["operator.leave", two],
  ]);
});

test("[R17] [R4] [R7] [R12] older clients, more time and a cancellation; what changes nothing leaves no entry", async ({
  server,
  site,
  bot,
}) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/page", CHALLENGE_PAGE) });
  const event = { session_id: id, event_type: "move", x: 5, y: 5 };
  await call("POST", `${server.api}/mouse_event`, event);
  await call("POST", `${server.api}/mouse_event`, event);
  await call("POST", `${server.api}/session/${id}/extend`, { seconds: 1 });
  await call("POST", `${server.api}/session/${id}/extend`, { seconds: "many" });
  await call("DELETE", `${server.api}/session/${id}`);
  await call("DELETE", `${server.api}/session/${id}`);
  await call("POST", `${server.api}/session/${id}/extend`, { seconds: 1 });
  expect(await actionsOnce(server.api, id, "session.end")).toEqual([
    "session.create",
    "control.take",
    "session.extend",
    "session.cancel",
    "session.end",
  ]);
  await call("DELETE", `${server.api}/session/unknown-to-all`);
  expect(await entriesOf(server.api, "unknown-to-all")).toEqual([]);
});

test("[R17] [R10] a repeat with the same Idempotency-Key creates nothing; a page that cannot be opened was asked for", async ({
  server,
  site,
}) => {
  const create = (body: object, headers = {}) => call("POST", `${server.api}/sessions`, body, headers);
  const session_id = "audit-repeat";
  for (const _try of [1, 2]) {
    const body = { url: site.serve("/page", CHALLENGE_PAGE), session_id };
    expect((await create(body, { "idempotency-key": "audit-repeat" })).status).toBe(201);
  }
  await call("DELETE", `${server.api}/session/${session_id}`);
  expect(await actionsOnce(server.api, session_id, "session.end")).toEqual([
    "session.create",
    "session.cancel",
    "session.end",
  ]);
  const failed = await create({ url: "http://127.0.0.1:1/?token=PLANTED", session_id: "audit-failed" });
  expect(failed.status).toBe(502);
  expect(await actionsOnce(server.api, "audit-failed", "session.end")).toEqual(["session.create", "session.end"]);
  const [, end] = await entriesOf(server.api, "audit-failed");
  expect(end?.detail).toEqual({ outcome: "failed", reason: "navigation_failed", verified: null });
});

test("[R17] who gives up, and who says Done while the page says no", async ({ server, bot, connect }) => {
  const session = await bot.createGuest({ url: `${server.demoOrigin}/jigsaw.html` });
  const { session_id: id } = session;
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("control", ({ you }) => you);
  client.send({ type: "finish", outcome: "done" });
  await client.next("completion_status", ({ reason }) => reason === "confirm_needed");
  client.send({ type: "finish", outcome: "cannot", note: "NOTED" });
  expect(await actionsOnce(server.api, id, "finish.cannot")).not.toContain("finish.done");
});

test("[R17] an older client's press is in the trail as control that it took", async ({ server, bot, connect }) => {
  const session = await bot.createGuest({ url: `${server.demoOrigin}/jigsaw.html` });
  const holder = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await holder.next("control", ({ you }) => you);
  holder.send({ type: "release_control" });
  await holder.next("control", ({ holder: name }) => name === null);
  const plain = await connect(session.ws_url);
  await plain.next("session_info");
  const at = inside(session.captcha_info ?? { x: 0, y: 0 }, JIGSAW.handle);
  plain.send({ type: "mouse_event", event_type: "down", ...at });
  await actionsOnce(server.api, session.session_id, "control.release");
  await expect
    .poll(async () => (await entriesOf(server.api, session.session_id)).map(({ action }) => action))
    .toEqual(["session.create", "operator.join", "control.take", "control.release", "operator.join", "control.take"]);
});

test("[R17] pages by cursor, newest first, and what is asked for wrongly is refused", async ({ server, site, bot }) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/page", CHALLENGE_PAGE) });
  for (const seconds of [1, 2, 3, 4]) await call("POST", `${server.api}/session/${id}/extend`, { seconds });
  const get = async (query: string) => (await call("GET", `${server.api}/audit?session_id=${id}&${query}`)).body;
  const first = await get("limit=2");
  const second = await get(`limit=2&before=${first.next_cursor}`);
  const last = await get(`limit=2&before=${second.next_cursor}`);
  const pages = [first, second, last];
  expect(pages.map(({ entries }) => entries.length)).toEqual([2, 2, 1]);
  const seqs = pages.flatMap(({ entries }) => entries.map(({ seq }: AuditEntryAnswer) => seq));
  expect(seqs).toEqual(seqs.toSorted((a, b) => b - a));
  expect(last.entries[0].action).toBe("session.create");
  expect(last.next_cursor).toBeNull();
  expect(await get("before=1")).toEqual({ entries: [], next_cursor: null });
  for (const query of ["limit=0", "limit=501", "limit=x", "before=0", "before=x", "session_id=%2F"]) {
    const { status, body } = await call("GET", `${server.api}/audit?${query}`);
    expect([status, body.error?.code, body.error?.details.field], query).toEqual([
      400,
      "invalid_message",
      query.split("=")[0],
    ]);
  }
});
