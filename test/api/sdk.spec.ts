/** The SDK against a real server: create, wait, what it comes to, and every way in which that can go wrong. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { SessionState } from "../../src/protocol/common.ts";
import { CaptchaRemoteClient, CaptchaRemoteError } from "../../src/sdk/index.ts";
import { expect } from "../support/fixtures.ts";
import { fetchAsBot, TEST_KEY } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { type Relay, startRelay } from "../support/relay.ts";
import { test as base } from "../support/requests.ts";

const CHALLENGE_PAGE = `<!doctype html><div id="my-captcha" style="width:300px;height:200px;background:#cde"></div>`;
const JSON_ONLY = { protocols: ["captcha.json.v1"] };

const test = base.extend<{
  relay: Relay;
  /** A server that answers as no captcha-remote does; the address and how often it was asked. */
  strange: (answer: RequestListener) => Promise<{ url: string; asked: () => number }>;
}>({
  relay: async ({ server }, use) => {
    const relay = await startRelay(server.url);
    await use(relay);
    await relay.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  strange: async ({}, use) => {
    const closers: (() => Promise<unknown>)[] = [];
    await use(async (answer) => {
      let count = 0;
      const server = createServer((request, response) => {
        count += 1;
        answer(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      closers.push(() => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      });
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => count };
    });
    for (const close of closers) await close();
  },
});

/** What a promise rejects with. */
async function reasonOf(promise: Promise<unknown>): Promise<CaptchaRemoteError> {
  const reason: unknown = await promise.then(
    (value) => `resolved: ${JSON.stringify(value)}`,
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(CaptchaRemoteError);
  return reason as CaptchaRemoteError;
}

test("[R10] [R6] [R11] one link, one result: the states are told as they come, and the result is the server's", async ({
  server,
  site,
  connect,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const states: SessionState[] = [];
  const links: string[] = [];
  const result = client.solve(
    { url: site.serve("/", CHALLENGE_PAGE), completion: { any: [{ visible: "#never" }] } },
    { onLink: (link, session) => links.push(link, session.ws_url), onState: (state) => states.push(state) },
  );
  await expect.poll(() => states).toEqual(["waiting"]);
  expect(links[0]).toMatch(/\/api\/captcha\/control\/[\w-]{22}#[\w.-]+$/);
  const operator = await connect(links[1] ?? "", JSON_ONLY);
  await operator.next("session_info");
  await expect.poll(() => states).toEqual(["waiting", "active"]);
  operator.send({ type: "finish", outcome: "cannot", note: "too blurry" });
  expect(await result).toMatchObject({ outcome: "failed", reason: "operator_gave_up", note: "too blurry" });
  expect(states).toEqual(["waiting", "active", "failed"]);
});

test("[R1] [R7] [R11] [R12] list, extend, cancel, result, each with its refusals", async ({ server, site }) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.api, apiKey: TEST_KEY });
  const body = { url: site.serve("/", CHALLENGE_PAGE), label: "shop", timeout_seconds: 60 };
  const { session_id: id, expires_at } = await client.create(body);
  const listed = await client.list();
  expect(listed.find((session) => session.session_id === id)).toMatchObject({ label: "shop", state: "waiting" });
  expect(Date.parse(await client.extend(id, 30)) - Date.parse(expires_at)).toBe(30_000);
  expect(await reasonOf(client.result(id))).toMatchObject({ code: "not_ended", status: 409 });
  await client.cancel(id);
  await client.cancel(id);
  expect(await client.result(id)).toMatchObject({ outcome: "cancelled", reason: "cancelled_by_bot" });
  expect((await client.list({ state: ["cancelled", "failed"] })).map((session) => session.session_id)).toContain(id);
  expect(await reasonOf(client.extend(id, 30))).toMatchObject({ code: "session_ended", status: 410 });
  expect(await client.waitUntilDone(id)).toMatchObject({ outcome: "cancelled" });
  for (const unknown of ["nobody-knows-it", "a/b?c#d"]) {
    const known = unknown === "nobody-knows-it" ? "session_not_found" : "invalid_message";
    expect(await reasonOf(client.waitUntilDone(unknown))).toMatchObject({ code: known });
    expect(await reasonOf(client.result(unknown))).toMatchObject({ code: known });
  }
});

test("[R10] a body that is refused says which field and why", async ({ server }) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const error = await reasonOf(client.create({ url: "http://127.0.0.1/", locale: "no such language" }));
  expect(error).toMatchObject({ name: "CaptchaRemoteError", code: "invalid_message", status: 400 });
  expect(error.details).toMatchObject({ field: "locale", why: "not a BCP 47 language tag" });
});

test("[R10] a lost answer is asked for again, and it stays one session", async ({ server, site, relay }) => {
  const client = new CaptchaRemoteClient({ baseUrl: relay.url, apiKey: TEST_KEY });
  relay.loseNextAnswer();
  const { session_id: id } = await client.create({ url: site.serve("/", CHALLENGE_PAGE), label: "lost answer" });
  expect(relay.answersLost).toBe(1);
  const { sessions } = (await (await fetchAsBot(`${server.api}/sessions`)).json()) as { sessions: { label: string }[] };
  expect(sessions.filter(({ label }) => label === "lost answer")).toHaveLength(1);
  await client.cancel(id);
});

test("[R10] a full server is tried again after its Retry-After; without the time for that, it is told at once @long", async ({
  startServer,
  site,
}) => {
  const { url } = await startServer({ MAX_SESSIONS: "1" });
  const client = new CaptchaRemoteClient({ baseUrl: url, apiKey: TEST_KEY });
  const body = { url: site.serve("/", CHALLENGE_PAGE) };
  const first = await client.create(body);
  const hasty = new CaptchaRemoteClient({ baseUrl: url, apiKey: TEST_KEY, timeoutMs: 3_000 });
  const startedAt = Date.now();
  expect(await reasonOf(hasty.create(body))).toMatchObject({ code: "capacity", status: 503, retryAfterMs: 5_000 });
  expectWithin(Date.now() - startedAt, 2_000);
  const second = client.create(body);
  await client.cancel(first.session_id);
  expect((await second).state).toBe("waiting");
  expect(Date.now() - startedAt).toBeGreaterThan(5_000);
});

test("[R6] waits through a cut line, and hears of what happened meanwhile @long", async ({ server, site, relay }) => {
  const direct = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const { session_id: id } = await direct.create({ url: site.serve("/", CHALLENGE_PAGE) });
  const states: SessionState[] = [];
  const result = new CaptchaRemoteClient({ baseUrl: relay.url, apiKey: TEST_KEY }).waitUntilDone(id, {
    onState: (state) => states.push(state),
  });
  await expect.poll(() => states).toEqual(["waiting"]);
  await relay.cut();
  await direct.cancel(id);
  await relay.mend();
  expect(await result).toMatchObject({ outcome: "cancelled", reason: "cancelled_by_bot" });
  expect(states).toEqual(["waiting", "cancelled"]);
});

test("[R6] [S5] waits through a restart of the server on the same port", async ({ startServer, site }) => {
  const first = await startServer();
  const client = new CaptchaRemoteClient({ baseUrl: first.url, apiKey: TEST_KEY });
  const { session_id: id } = await client.create({ url: site.serve("/", CHALLENGE_PAGE) });
  let told = 0;
  const result = client.waitUntilDone(id, {
    onState: () => {
      told += 1;
    },
  });
  await expect.poll(() => told).toBe(1);
  await first.close();
  await startServer({ PORT: new URL(first.url).port });
  expect(await result).toMatchObject({ outcome: "cancelled", reason: "shutting_down" });
});

test("an abort rejects with the signal's reason, whatever is waited for", async ({ server, site, relay }) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const { session_id: id } = await client.create({ url: site.serve("/", CHALLENGE_PAGE) });
  const reason = new Error("somebody changed their mind");
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const waiting = client.waitUntilDone(id, options);
  await relay.cut();
  const away = new CaptchaRemoteClient({ baseUrl: relay.url, apiKey: TEST_KEY }).create(
    { url: "http://127.0.0.1/" },
    options,
  );
  const after = AbortSignal.timeout(500);
  after.addEventListener("abort", () => stop.abort(reason));
  await expect(waiting).rejects.toBe(reason);
  await expect(away).rejects.toBe(reason);
  await expect(client.list(options)).rejects.toBe(reason);
  await client.cancel(id);
});

test("solve cancels its session when it is aborted, and when the link could not be handed on", async ({
  server,
  site,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const url = site.serve("/", CHALLENGE_PAGE);
  for (const fails of [true, false]) {
    const stop = new AbortController();
    const reason = new Error("no more");
    const session_id = `solve-${fails}`;
    const solving = client.solve(
      { url, session_id },
      {
        signal: stop.signal,
        onLink: () => {
          if (fails) throw reason;
          stop.abort(reason);
        },
      },
    );
    await expect(solving).rejects.toBe(reason);
    expect(await client.result(session_id)).toMatchObject({ outcome: "cancelled", reason: "cancelled_by_bot" });
  }
});

/** What the server has of sessions with this label, in any state. */
async function sessionsOf(client: CaptchaRemoteClient, label: string) {
  const all = await client.list({ state: ["starting", "waiting", "active", "failed", "cancelled"] });
  return all.filter((session) => session.label === label);
}

test("solve cancels a session that was still being made, however its creation was asked for @long", async ({
  server,
  site,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  // A page that does not come: its session is starting until it is cancelled.
  const url = site.serve("/never", () => {});
  for (const [label, body, more] of [
    ["drawn id", {}, {}],
    ["own id", { session_id: "own-id" }, {}],
    ["own id and key", { session_id: "own-id-and-key" }, { idempotencyKey: "own-id-and-key" }],
  ] as const) {
    const stop = new AbortController();
    const reason = new Error("no more");
    const options = { onLink: () => expect(label).toBe("never told"), signal: stop.signal, ...more };
    const solving = client.solve({ url, label, ...body }, options);
    solving.catch(() => {});
    await expect.poll(async () => (await sessionsOf(client, label)).map(({ state }) => state)).toEqual(["starting"]);
    stop.abort(reason);
    await expect(solving).rejects.toBe(reason);
    expect(await sessionsOf(client, label)).toMatchObject([{ state: "cancelled", reason: "cancelled_by_bot" }]);
  }
});

test("solve with a key of its own cancels a session that was still being made once it knows its id", async ({
  server,
  site,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const asked = Promise.withResolvers<() => void>();
  const url = site.serve("/slow", (_request, response) => asked.resolve(() => void response.end(CHALLENGE_PAGE)));
  const stop = new AbortController();
  const body = { url, label: "own key" };
  const solving = client.solve(body, { onLink: () => {}, signal: stop.signal, idempotencyKey: "own-key" });
  solving.catch(() => {});
  const answer = await asked.promise;
  const reason = new Error("no more");
  stop.abort(reason);
  await expect(solving).rejects.toBe(reason);
  answer();
  await expect.poll(async () => (await sessionsOf(client, "own key")).map(({ state }) => state)).toEqual(["cancelled"]);
});

test("solve cancels a session whose creation comes to the server only after the goodbye", async ({ server, site }) => {
  const sent: string[] = [];
  const client = new CaptchaRemoteClient({
    apiKey: TEST_KEY,
    baseUrl: server.url,
    fetch: async (...request) => {
      const method = request[1]?.method ?? "";
      if (method === "POST") await new Promise((resolve) => setTimeout(resolve, 700));
      sent.push(method);
      return fetch(...request);
    },
  });
  const stop = new AbortController();
  const body = { url: site.serve("/", CHALLENGE_PAGE), label: "late" };
  const solving = client.solve(body, { onLink: () => {}, signal: stop.signal });
  solving.catch(() => {});
  const reason = new Error("no more");
  stop.abort(reason);
  await expect(solving).rejects.toBe(reason);
  expect(sent.indexOf("POST")).toBeGreaterThan(0);
  expect(sent.lastIndexOf("DELETE")).toBeGreaterThan(sent.indexOf("POST"));
  expect(await sessionsOf(client, "late")).toMatchObject([{ state: "cancelled", reason: "cancelled_by_bot" }]);
});

test("solve leaves the session alone that had its id before, also when it is aborted on the way", async ({
  server,
  site,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const body = { url: site.serve("/", CHALLENGE_PAGE), session_id: "somebody-s" };
  await client.create(body);
  const options = { onLink: () => {} };
  expect(await reasonOf(client.solve(body, options))).toMatchObject({ code: "session_exists" });
  const stop = new AbortController();
  const solving = client.solve(body, { ...options, signal: stop.signal });
  solving.catch(() => {});
  const reason = new Error("no more");
  stop.abort(reason);
  await expect(solving).rejects.toBe(reason);
  expect((await client.list()).map(({ session_id }) => session_id)).toContain("somebody-s");
  await client.cancel("somebody-s");
});

test("solve does not wait for a link that is not handed on: it ends with its signal and its time", async ({
  server,
  site,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const url = site.serve("/", CHALLENGE_PAGE);
  const never = new Promise<never>(() => {});
  const late = client.solve({ url, session_id: "late-link" }, { onLink: () => never, timeoutMs: 3_000 });
  expect(await reasonOf(late)).toMatchObject({ code: "timeout", status: null });
  expect(await client.result("late-link")).toMatchObject({ reason: "cancelled_by_bot" });
  const stop = new AbortController();
  const reason = new Error("no more");
  const onLink = () => {
    setImmediate(() => stop.abort(reason));
    return never;
  };
  await expect(client.solve({ url, session_id: "no-link" }, { onLink, signal: stop.signal })).rejects.toBe(reason);
  expect(await client.result("no-link")).toMatchObject({ reason: "cancelled_by_bot" });
});

test("the time that a server may be away begins with the first failure, not with the last good answer", async ({
  strange,
}) => {
  const status = (state: string) => JSON.stringify({ success: true, session_exists: true, state, reason: null });
  const answers: RequestListener[] = [
    (_request, response) => response.end(status("waiting")),
    // A long poll that is cut when it has lasted longer than the server may be away.
    (_request, response) => void setTimeout(() => response.writeHead(502).end(), 400),
    (_request, response) => response.end(status("solved")),
    (_request, response) => response.end('{"outcome":"solved"}'),
  ];
  const { url } = await strange((request, response) => answers.shift()?.(request, response));
  const client = new CaptchaRemoteClient({ baseUrl: url, apiKey: TEST_KEY });
  expect(await client.waitUntilDone("a", { unreachableMs: 300 })).toEqual({ outcome: "solved" });
});

test("no wait is without an end: its own time, and the time that a server may be away", async ({
  server,
  site,
  relay,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const { session_id: id } = await client.create({ url: site.serve("/", CHALLENGE_PAGE) });
  expect(await reasonOf(client.waitUntilDone(id, { timeoutMs: 700 }))).toMatchObject({ code: "timeout", status: null });
  await client.cancel(id);
  await relay.cut();
  const away = new CaptchaRemoteClient({ baseUrl: relay.url, apiKey: TEST_KEY, timeoutMs: 1_500 });
  const asked = [away.waitUntilDone(id, { unreachableMs: 1_000 }), away.create({ url: "http://a.test" })];
  for (const error of await Promise.all(asked.map((promise) => reasonOf(promise)))) {
    expect(error).toMatchObject({ code: "server_unreachable", status: null });
  }
});

test("a server that never answers is given up in time", async ({ strange }) => {
  const { url } = await strange(() => {});
  const client = new CaptchaRemoteClient({ baseUrl: url, apiKey: TEST_KEY, timeoutMs: 300 });
  const startedAt = Date.now();
  expect(await reasonOf(client.list())).toMatchObject({ code: "server_unreachable" });
  expect(await reasonOf(client.extend("a", 1))).toMatchObject({ code: "server_unreachable" });
  expectWithin(Date.now() - startedAt, 3_000);
});

test("what answers in the server's place is told apart: another site, a proxy, a proxy without its server", async ({
  strange,
}) => {
  const site = await strange((_request, response) => response.end("<h1>Welcome</h1>"));
  const wrong = new CaptchaRemoteClient({ baseUrl: site.url, apiKey: TEST_KEY });
  expect(await reasonOf(wrong.list())).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("no captcha-remote"),
  });
  expect(await reasonOf(wrong.waitUntilDone("a"))).toMatchObject({ code: "not_found" });
  expect(site.asked()).toBe(2);
  const locked = await strange((_request, response) => response.writeHead(401).end("Who are you?"));
  expect(await reasonOf(new CaptchaRemoteClient({ baseUrl: locked.url, apiKey: TEST_KEY }).list())).toMatchObject({
    code: "unauthorized",
    status: 401,
  });
  const gateway = await strange((_request, response) => response.writeHead(502).end("<h1>Bad Gateway</h1>"));
  const behind = new CaptchaRemoteClient({ baseUrl: gateway.url, apiKey: TEST_KEY, timeoutMs: 2_500 });
  expect(await reasonOf(behind.create({ url: "http://a.test" }))).toMatchObject({
    code: "server_unreachable",
    status: 502,
  });
  expect(gateway.asked()).toBeGreaterThan(1);
  expect(gateway.asked()).toBeLessThanOrEqual(5);
});

test("polls that are answered at once are not asked more than twice a second", async ({ strange }) => {
  const status = { success: true, completed: false, session_exists: true, state: "waiting", reason: null };
  const { url, asked } = await strange((_request, response) => response.end(JSON.stringify(status)));
  const client = new CaptchaRemoteClient({ baseUrl: url, apiKey: TEST_KEY });
  expect(await reasonOf(client.waitUntilDone("a", { timeoutMs: 2_000 }))).toMatchObject({ code: "timeout" });
  expect(asked()).toBeLessThanOrEqual(5);
});

test("the address may have a path and a slash, and the key goes with every request", async ({ strange }) => {
  const seen: unknown[] = [];
  const { url } = await strange(({ url: path, headers }, response) => {
    seen.push([path, headers.authorization]);
    response.end('{"count":0,"sessions":[]}');
  });
  for (const baseUrl of [url, `${url}/`, `${url}/tools/`, `${url}/tools/api/captcha/`]) {
    expect(await new CaptchaRemoteClient({ baseUrl, apiKey: "k1" }).list({ state: "solved" })).toEqual([]);
  }
  const [plain, tools] = ["/api/captcha/sessions?state=solved", "/tools/api/captcha/sessions?state=solved"];
  expect(seen).toEqual([plain, plain, tools, tools].map((path) => [path, "Bearer k1"]));
  expect(() => new CaptchaRemoteClient({ baseUrl: "no address", apiKey: TEST_KEY })).toThrow(TypeError);
});
