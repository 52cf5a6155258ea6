/** MCP as agents use it: the official client of both revisions, over HTTP and as a program, and a person at the socket. */

import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { NO_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { type Agent, type Asked, factsOf, test, textOf } from "../support/mcp.ts";
import { type Connect, openLink } from "../support/open-link.ts";
import { call } from "../support/requests.ts";

const PAGE = "<title>Shop</title><h1>Shop</h1>";
const REASON = "Please clear the slider.";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** The person's part: opens the link, and says that it is done. */
async function clear(link: string, connect: Connect): Promise<LiveClient> {
  const operator = await openLink(link, connect);
  await operator.next("session_info");
  operator.send({ type: "finish", outcome: "done" });
  return operator;
}

/** The person's part where the client shows a URL and a message: exchanges the code in it for a link. */
async function linkFor({ url, message }: Asked): Promise<string> {
  const code = /\b(\d{6})\b/.exec(message)?.[1];
  const answer = await call("POST", `${url.replace("/control/", "/session/")}/code`, { code }, NO_KEY);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body.url;
}

/** Both ways to a server: its own address, and the program beside the agent. */
const WAYS = ["agentAt", "agentBeside"] as const;

for (const way of WAYS) {
  test(`[M1] [M2] ${way}: a client that opens no URLs gets the link as text, and waits in pieces`, async ({
    agentAt,
    agentBeside,
    server,
    site,
    bot,
    connect,
  }) => {
    const agent: Agent = way === "agentAt" ? await agentAt(server.api) : await agentBeside(server.url);
    const tools = (await agent.client.listTools()).tools.map(({ name }) => name);
    expect(tools).toEqual(["request_human", "wait_for_human", "cancel_request", "get_result"]);
    const page = await bot.guest({ url: site.serve("/", PAGE) });
    const asked = await agent.use("request_human", { ...page, reason: REASON });
    const { session_id, link } = factsOf(asked);
    expect(factsOf(asked)).toEqual({ session_id, ended: false, link, opens: "by_itself" });
    expect(textOf(asked)).toContain(link);
    const early = await agent.use("wait_for_human", { session_id, wait_seconds: 0 });
    expect(factsOf(early)).toEqual({ session_id, ended: false });
    const waiting = agent.use("wait_for_human", { session_id, wait_seconds: 50 });
    const operator = await clear(link, connect);
    expect(await operator.next("session_info")).toMatchObject({ instructions: REASON });
    const ended = factsOf(await waiting);
    expect(ended).toMatchObject({ ended: true, outcome: "solved", reason: "operator_done", verified: "operator" });
    expect(factsOf(await agent.use("get_result", { session_id }))).toEqual(ended);
  });
}

test("[M2] [M4] [M6] a client of 2026-07-28 that opens URLs: one call until the end, by a URL that carries no right", async ({
  agentAt,
  server,
  site,
  bot,
  connect,
}) => {
  const shown: Asked[] = [];
  const links: string[] = [];
  const agent = await agentAt(server.api, {
    isNew: true,
    async onAsked(asked) {
      shown.push(asked);
      links.push(await linkFor(asked));
      return "accept";
    },
  });
  const page = await bot.guest({ url: site.serve("/", PAGE) });
  const before = agent.sent();
  const answer = agent.use("request_human", { ...page, reason: REASON });
  // The user has answered, and the call has come again for the end.
  await expect.poll(() => agent.sent() - before).toBe(2);
  await clear(links[0] ?? "", connect);
  const { session_id, ...facts } = factsOf(await answer);
  expect(facts).toMatchObject({ ended: true, outcome: "solved", verified: "operator" });
  expect(shown).toHaveLength(1);
  const url = new URL(shown[0]?.url ?? "");
  expect([url.hash, url.search, url.pathname]).toEqual(["", "", `/api/captcha/control/${session_id}`]);
});

test("[M2] [M3] a client of 2026-07-28 comes again by itself, for `wait_for_human` as well", async ({
  agentAt,
  server,
  site,
  bot,
  connect,
}) => {
  const agent = await agentAt(server.api, { isNew: true });
  const page = await bot.guest({ url: site.serve("/", PAGE) });
  const { session_id, link } = factsOf(await agent.use("request_human", { ...page, reason: REASON }));
  const before = agent.sent();
  const waiting = agent.use("wait_for_human", { session_id, wait_seconds: 1 });
  await expect.poll(() => agent.sent() - before).toBeGreaterThan(1);
  await clear(link, connect);
  expect(factsOf(await waiting)).toMatchObject({ ended: true, outcome: "solved" });
});

test("[M2] a client of 2025-11-25 over stdio opens the URL, and waits with `wait_for_human`", async ({
  agentBeside,
  server,
  site,
  bot,
  connect,
}) => {
  const links: string[] = [];
  const agent = await agentBeside(server.url, {
    async onAsked(asked) {
      links.push(await linkFor(asked));
      return "accept";
    },
  });
  const page = await bot.guest({ url: site.serve("/", PAGE) });
  const asked = factsOf(await agent.use("request_human", { ...page, reason: REASON }));
  expect(asked).toEqual({ session_id: asked.session_id, ended: false });
  await clear(links[0] ?? "", connect);
  const { session_id } = asked;
  expect(factsOf(await agent.use("wait_for_human", { session_id }))).toMatchObject({ ended: true, outcome: "solved" });
});

test("[M2] a user who declines cancels the session; one who closes the question does not", async ({
  agentAt,
  server,
  site,
  bot,
}) => {
  const answers: ("decline" | "cancel")[] = ["decline", "cancel"];
  const agent = await agentAt(server.api, { isNew: true, onAsked: async () => answers.shift() ?? "decline" });
  const ask = async () => {
    const page = await bot.guest({ url: site.serve("/", PAGE) });
    return factsOf(await agent.use("request_human", { ...page, reason: REASON }));
  };
  const stateOf = async (id: string) => (await call("GET", `${server.api}/status/${id}`)).body.state;
  const declined = await ask();
  expect(declined).toMatchObject({ ended: true, outcome: "cancelled" });
  expect(await stateOf(declined.session_id)).toBe("cancelled");
  const closed = await ask();
  expect(closed).toEqual({ session_id: closed.session_id, ended: false });
  expect(await stateOf(closed.session_id)).toBe("waiting");
  await agent.use("cancel_request", { session_id: closed.session_id });
  expect(await stateOf(closed.session_id)).toBe("cancelled");
});

test("[M1] a creation that is refused is answered as that refusal, with its code and what is in the way", async ({
  agentAt,
  server,
  site,
  bot,
}) => {
  const agent = await agentAt(server.api);
  const refusalOf = async (args: object) => {
    const answer = await agent.use("request_human", { reason: REASON, ...args });
    expect(answer.isError).toBe(true);
    return { code: factsOf(answer).error.code, text: textOf(answer) };
  };
  expect(await refusalOf({ url: "file:///etc/passwd" })).toMatchObject({ code: "url_not_allowed" });
  expect(await refusalOf({})).toMatchObject({ code: "invalid_message", text: expect.stringContaining("exactly one") });
  const { cdp } = await bot.guest({ url: site.serve("/", PAGE) });
  const { endpoint } = cdp as { endpoint: string };
  expect(await refusalOf({ cdp: { endpoint: "http://10.1.2.3:9222" } })).toMatchObject({ code: "url_not_allowed" });
  const missing = await refusalOf({ cdp: { endpoint, url_contains: "nowhere" } });
  expect(missing.code).toBe("target_not_found");
  expect(missing.text).toContain(site.origin);
  const before = await call("GET", `${server.api}/sessions`);
  expect(before.body.sessions).toEqual([]);
});

test("[M5] an invitation: what opens the session, and nothing else of it, as MCP_CODES says", async ({
  startServer,
  site,
  bot,
}) => {
  const page = await bot.guest({ url: site.serve("/", PAGE) });
  for (const [setting, link, code] of [
    ["on", "by_itself", "code"],
    ["off", "key", "key"],
  ] as const) {
    const { api, close } = await startServer({ MCP_CODES: setting });
    const created = await call("POST", `${api}/sessions`, page);
    const { session_id: id, control_url } = created.body;
    const bare = control_url.replace(/#.*/, "");
    const invite = async (way: string) => (await call("POST", `${api}/session/${id}/invitation`, { way })).body;
    const url = link === "key" ? bare : control_url;
    expect(await invite("link")).toEqual({ url, opens: link, code: null, expires_at: null });
    const byCode = await invite("code");
    expect(byCode).toMatchObject({ url: bare, opens: code });
    expect(byCode.code).toEqual(code === "code" ? expect.stringMatching(/^\d{6}$/) : null);
    // Asked again while there is time to type it: what the person has before them stays good.
    expect(await invite("code")).toEqual(byCode);
    await call("DELETE", `${api}/session/${id}`);
    expect((await invite("code")).error.code).toBe("session_ended");
    await close();
  }
});

test("[M1] GET and DELETE are 405: there is no stream of the server's own, and no session", async ({ server }) => {
  for (const method of ["GET", "DELETE"]) {
    const { status, headers } = await call(method, `${server.api}/mcp`);
    expect([status, headers.get("allow")]).toEqual([405, "POST"]);
  }
});
