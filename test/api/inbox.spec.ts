/** [R15] [R19] What the inbox needs of the server: taking a session so that nobody else does, and what has become of it. */
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { TEST_KEY_SPEC } from "../support/key.ts";
import { call, type OwnServer, test } from "../support/requests.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const KEYS = {
  anna: "crk_anna-operates-the-shop-1",
  ben: "crk_ben-operates-another-1",
  bot: "crk_a-bot-of-the-server-1",
};
const API_KEYS = [
  TEST_KEY_SPEC,
  `anna:${KEYS.anna}:operate labels=shop`,
  `ben:${KEYS.ben}:operate labels=other`,
  `bot:${KEYS.bot}:sessions:create+sessions:read+sessions:control`,
].join(",");
const by = (key: string) => ({ authorization: `Bearer ${key}` });
const CLIENTS = { first: "aaaaaaaaaaaaaaaa", second: "bbbbbbbbbbbbbbbb" };

async function create(server: OwnServer, body: object, key: string): Promise<string> {
  const { status, body: answer } = await call("POST", `${server.api}/sessions`, body, by(key));
  expect(status, JSON.stringify(answer)).toBe(201);
  return answer.session_id;
}

test("[R19] one of two takes it, the other is told who has it, and anybody may once it is given back", async ({
  startServer,
  site,
  bot,
}) => {
  const server = await startServer({ API_KEYS });
  const id = await create(
    server,
    await bot.guest({ url: site.serve("/", "<p>x</p>"), label: "shop", instructions: "Slide it." }),
    KEYS.bot,
  );
  const claim = (key: string, body: object = {}) => call("POST", `${server.api}/session/${id}/claim`, body, by(key));
  const first = await claim(KEYS.anna, { name: "Anna", client: CLIENTS.first });
  expect(first).toMatchObject({ status: 200, body: { session_id: id, claimed_by: "Anna" } });
  expect(Date.parse(first.body.claimed_until) - Date.now()).toBeGreaterThan(50_000);
  // The same console again: held for longer.
  expect((await claim(KEYS.anna, { name: "Anna", client: CLIENTS.first })).status).toBe(200);
  const second = await claim(KEYS.anna, { client: CLIENTS.second });
  expect(second).toMatchObject({ status: 409, body: { error: { code: "claimed", details: { claimed_by: "Anna" } } } });
  expect((await claim(KEYS.bot)).status).toBe(409);
  expect((await claim(KEYS.ben)).body.error.code).toBe("session_not_found");
  const [row] = (await call("GET", `${server.api}/sessions`, undefined, by(KEYS.anna))).body.sessions;
  expect(row).toMatchObject({ session_id: id, claimed_by: "Anna", instructions: "Slide it." });
  const release = (client: string) => call("POST", `${server.api}/session/${id}/release`, { client }, by(KEYS.anna));
  expect((await release(CLIENTS.second)).status).toBe(409);
  expect((await release(CLIENTS.first)).body).toMatchObject({ claimed_by: null, claimed_until: null });
  expect((await claim(KEYS.anna, { client: CLIENTS.second })).body.claimed_by).toBe("anna");
  await call("DELETE", `${server.api}/session/${id}`, undefined, by(KEYS.bot));
  expect((await claim(KEYS.anna)).body.error.code).toMatch(/session_(ended|not_found)/);
});

test("[R19] a name that is empty or too long, a client that is none and an unknown field are refused by their fields", async ({
  startServer,
  site,
  bot,
}) => {
  const server = await startServer();
  const id = await create(
    server,
    await bot.guest({ url: site.serve("/", "<p>x</p>") }),
    "crk_of-the-tests-0123456789abcdef",
  );
  for (const [body, field] of [
    [{ name: "  " }, "name"],
    [{ name: "x".repeat(61) }, "name"],
    [{ client: "me" }, "client"],
    [{ owner: "me" }, "owner"],
  ] as const) {
    const { status, body: answer } = await call("POST", `${server.api}/session/${id}/claim`, body);
    expect([status, answer.error.code, answer.error.details.field]).toEqual([400, "invalid_message", field]);
  }
});

test("[R15] the history as a table: quoted as spreadsheets read it, and never a formula @long", async ({
  startServer,
  site,
  bot,
}) => {
  const server = await startServer({ API_KEYS, MAX_CREATES_PER_MINUTE: "1000" });
  const url = site.serve("/", "<p>x</p>");
  const labels = ['=HYPERLINK("http://evil")', 'shop, "main"\nsecond', "订单", "@cmd", ""];
  const ids: string[] = [];
  for (const label of labels) {
    const id = await create(server, await bot.guest({ url, ...(label === "" ? {} : { label }) }), KEYS.bot);
    ids.unshift(id);
    await call("DELETE", `${server.api}/session/${id}`, undefined, by(KEYS.bot));
  }
  const read = async (query: string, key: string) => {
    const response = await fetch(`${server.api}/history?format=csv${query}`, { headers: by(key) });
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="history.csv"');
    // text() would take the mark away.
    return Buffer.from(await response.arrayBuffer()).toString();
  };
  const table = await read("&limit=1", KEYS.bot);
  const HEAD =
    "session_id,label,state,reason,verified,operator_came,created_at,ended_at,duration_ms,contradictions,correct";
  expect(table.startsWith(`\ufeff${HEAD}\r\n`)).toBe(true);
  for (const id of ids) expect(table).toContain(id);
  expect(table).toContain(`,"'=HYPERLINK(""http://evil"")",cancelled,cancelled_by_bot,,false,`);
  expect(table).toContain(',"shop, ""main""\nsecond",cancelled,');
  expect(table).toContain(",订单,cancelled,");
  expect(table).toContain(",'@cmd,cancelled,");
  expect(await read("&label=none", KEYS.bot)).toBe(`\ufeff${HEAD}\r\n`);
  expect(await read("", KEYS.anna)).not.toContain("HYPERLINK");
  const refused = await call("GET", `${server.api}/history?format=xls`, undefined, by(KEYS.bot));
  expect([refused.status, refused.body.error.details.field]).toEqual([400, "format"]);
});

test("[R15] the history: newest first, page by page, filtered, and to each what is its own", async ({
  startServer,
  site,
  bot,
}) => {
  const server = await startServer({ API_KEYS });
  const url = site.serve("/", "<p>x</p>");
  const ids: string[] = [];
  for (const label of ["shop", "other", "shop"]) {
    const id = await create(server, await bot.guest({ url, label }), KEYS.bot);
    ids.unshift(id);
    await call("DELETE", `${server.api}/session/${id}`, undefined, by(KEYS.bot));
  }
  const living = await create(server, await bot.guest({ url, label: "shop" }), KEYS.bot);
  const history = async (query: string, key: string) =>
    (await call("GET", `${server.api}/history${query}`, undefined, by(key))).body;
  const idsOf = (page: { sessions: { session_id: string }[] }) => page.sessions.map(({ session_id }) => session_id);
  const all = await history("", KEYS.bot);
  expect(idsOf(all)).toEqual(ids);
  expect(all.next_cursor).toBeNull();
  expect(all.sessions[0]).toMatchObject({
    label: "shop",
    state: "cancelled",
    reason: "cancelled_by_bot",
    verified: null,
    operator_came: false,
  });
  expect(all.sessions[0].duration_ms).toBe(
    Date.parse(all.sessions[0].ended_at) - Date.parse(all.sessions[0].created_at),
  );
  // Page by page.
  const first = await history("?limit=2", KEYS.bot);
  expect(idsOf(first)).toEqual(ids.slice(0, 2));
  const second = await history(`?limit=2&before=${first.next_cursor}`, KEYS.bot);
  expect([idsOf(second), second.next_cursor]).toEqual([ids.slice(2), null]);
  // Whose.
  expect(idsOf(await history("", KEYS.anna))).toEqual([ids[0], ids[2]]);
  expect(idsOf(await history("", KEYS.ben))).toEqual([ids[1]]);
  // Which.
  expect(idsOf(await history("?label=other&state=cancelled,solved&reason=cancelled_by_bot", KEYS.bot))).toEqual([
    ids[1],
  ]);
  expect(idsOf(await history("?state=solved", KEYS.bot))).toEqual([]);
  expect(idsOf(await history(`?session_id=${ids[2]}`, KEYS.bot))).toEqual([ids[2]]);
  const at = encodeURIComponent(all.sessions[1].ended_at);
  expect(idsOf(await history(`?since=${at}`, KEYS.bot))).toEqual(ids.slice(0, 2));
  expect(idsOf(await history(`?until=${at}`, KEYS.bot))).toEqual(ids.slice(2));
  expect(ids).not.toContain(living);
  for (const [query, field] of [
    ["?state=waiting", "state"],
    ["?since=yesterday", "since"],
    ["?before=x", "before"],
    ["?limit=501", "limit"],
  ]) {
    const { error } = await history(query ?? "", KEYS.bot);
    expect([error.code, error.details.field.split(".")[0]]).toEqual(["invalid_message", field]);
  }
});
