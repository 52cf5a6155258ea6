/** The REST routes, rule by rule. */
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { SessionDetail, SessionListItem } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { BEARER, fetchAsBot, NO_KEY } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { call, REPORTING, reportsOf, test } from "../support/requests.ts";

const PLAIN_PAGE = "<!doctype html><title>page</title><h1>Nothing to solve here</h1>";
const CHALLENGE_PAGE = `<!doctype html><style>body { margin: 0 }</style>
  <div id="my-captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;
const ID_PATTERN = /^[A-Za-z0-9_-]{22}$/;

// [R10] Creation.

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[R10] 201 with Location, links from the server's own address, the challenge, and every default", async ({
  server,
  site,
  bot,
}) => {
  const before = Date.now();
  const created = await call("POST", `${server.api}/sessions`, { url: site.serve("/", CHALLENGE_PAGE) });
  const { session_id: id } = created.body;
  expect(created.status).toBe(201);
  expect(id).toMatch(ID_PATTERN);
  expect(created.headers.get("location")).toBe(`/api/captcha/status/${id}`);
  expect(created.body).toEqual({
    session_id: id,
    state: "waiting",
    control_url: expect.stringMatching(new RegExp(`^${server.api}/control/${id}#[\\w-]+\\.[\\w-]+\\.[\\w-]+$`)),
    ws_url: `${server.api.replace("http", "ws")}/ws/${id}`,
    status_url: `${server.api}/status/${id}`,
    expires_at: expect.any(String),
    captcha_info: {
      selector: '[id*="captcha" i]',
      x: 40,
      y: 60,
      width: 300,
      height: 200,
      in_iframe: false,
      kind: "generic",
    },
    viewport: { width: 1280, height: 720 },
  });
  const lasts = Date.parse(created.body.expires_at) - before;
  expect(lasts).toBeGreaterThanOrEqual(180_000);
  expect(lasts).toBeLessThan(240_000);
  expect((await bot.info(id)).state).toBe("waiting");
  await call("DELETE", `${server.api}/session/${id}`);
});

test("[R10] a page without a challenge that does not come to rest is ready after the search of 3 s, with captcha_info null", async ({
  startServer,
  site,
}) => {
  const { api } = await startServer({}, { challengeSearchMs: undefined });
  site.serve("/never", () => {});
  const url = site.serve("/", `${PLAIN_PAGE}<script>fetch("/never")</script>`);
  const startedAt = performance.now();
  const { body } = await call("POST", `${api}/sessions`, { url });
  expect(performance.now() - startedAt).toBeGreaterThan(3_000);
  expect(body).toMatchObject({ state: "waiting", captcha_info: null });
});

test("[R10] the same session_id again while it lives is 409, also of two at once; afterwards it is free", async ({
  server,
  site,
}) => {
  const body = { session_id: "twice.~-_", url: site.serve("/", CHALLENGE_PAGE) };
  const create = () => call("POST", `${server.api}/sessions`, body);
  const both = await Promise.all([create(), create()]);
  expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
  const third = await create();
  expect(third.status).toBe(409);
  expect(third.body.error).toMatchObject({ code: "session_exists", details: { field: "session_id" } });
  await call("DELETE", `${server.api}/session/twice.~-_`);

  // At once, while the first one's browser is still being ended.
  expect((await create()).status).toBe(201);
  expect((await call("GET", `${server.api}/session/twice.~-_/result`)).status).toBe(409);
  await call("DELETE", `${server.api}/session/twice.~-_`);
});

test("[R10] with an Idempotency-Key a repeat answers the first 201, two at once open one session", async ({
  server,
  site,
}) => {
  const url = site.serve("/", CHALLENGE_PAGE);
  const key = { "idempotency-key": `key-${url}` };
  const create = (label: string) => call("POST", `${server.api}/sessions`, { url, label }, key);
  const [first, second] = await Promise.all([create("a"), create("a")]);
  expect([first?.status, second?.status]).toEqual([201, 201]);
  expect(second?.body).toEqual(first?.body);
  const { session_id: id } = first?.body ?? {};
  await call("DELETE", `${server.api}/session/${id}`);
  const repeat = await create("a");
  expect([repeat.status, repeat.body]).toEqual([201, first?.body]);
  expect(repeat.headers.get("location")).toBe(first?.headers.get("location"));

  const other = await create("b");
  expect(other.status).toBe(400);
  expect(other.body.error).toMatchObject({ code: "invalid_message", details: { field: "idempotency-key" } });
});

test("[R10] a failed creation is not kept for its Idempotency-Key @long", async ({ server, site }) => {
  const key = { "idempotency-key": `failed-${site.origin}` };
  let answers = false;
  const url = site.serve("/", (_request, response) => {
    if (answers) response.setHeader("content-type", "text/html").end(CHALLENGE_PAGE);
    else response.destroy();
  });
  const create = () => call("POST", `${server.api}/sessions`, { url }, key);
  expect((await create()).body.error).toMatchObject({ code: "navigation_failed" });
  answers = true;
  const created = await create();
  expect(created.status).toBe(201);
  await call("DELETE", `${server.api}/session/${created.body.session_id}`);
});

test("[R10] [S1] Prefer: respond-async answers in starting, at once, and the page follows", async ({
  server,
  site,
}) => {
  const released = Promise.withResolvers<void>();
  const url = site.serve("/", async (_request, response) => {
    await released.promise;
    response.setHeader("content-type", "text/html").end(CHALLENGE_PAGE);
  });
  const prefer = { prefer: "respond-async, wait=10" };
  const created = await call("POST", `${server.api}/sessions`, { url }, prefer);
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({ state: "starting", captcha_info: null });
  const status = `${server.api}/status/${created.body.session_id}`;
  expect((await call("GET", status)).body).toMatchObject({ state: "starting", session_exists: true, completed: false });
  released.resolve();
  await expect.poll(async () => (await call("GET", status)).body.state).toBe("waiting");
  await call("DELETE", `${server.api}/session/${created.body.session_id}`);
});

test("[R10] a page that cannot be opened answers with its code and leaves only an ended record", async ({
  server,
  site,
}) => {
  const session_id = `failed-${new URL(site.origin).port}`;
  const url = site.serve("/", (_request, response) => response.destroy());
  const failed = await call("POST", `${server.api}/sessions`, { session_id, url });
  expect(failed.status).toBe(502);
  expect(failed.body.error).toMatchObject({ code: "navigation_failed", details: { field: "url" } });
  const status = await call("GET", `${server.api}/status/${session_id}`);
  expect(status.body).toMatchObject({ state: "failed", reason: "navigation_failed", session_exists: false });
});

for (const [field, value] of [
  ["session_id", ""],
  ["session_id", "x".repeat(65)],
  ["session_id", "a/b"],
  ["session_id", "<script>"],
  ["session_id", "."],
  ["session_id", ".."],
  ["session_id", 7],
  ["url", 7],
  ["url", ""],
  ["url", `http://a.example/${"x".repeat(8_192)}`],
  ["viewport.width", { width: 99, height: 720 }, "viewport"],
  ["viewport.height", { width: 1280, height: 1e308 }, "viewport"],
  ["viewport.width", { width: 1280.5, height: 720 }, "viewport"],
  ["viewport.height", { width: 1280 }, "viewport"],
  ["viewport.scale", { width: 1280, height: 720, scale: 2 }, "viewport"],
  ["locale", "not a locale!"],
  ["timezone", "Mars/Olympus"],
  ["user_agent", "bad\r\nname: value"],
  ["extra_headers.x-a", { "x-a": "bad\r\nname: value" }, "extra_headers"],
  ["extra_headers.x a", { "x a": "1" }, "extra_headers"],
  ["extra_headers.authorization", { authorization: "Bearer x" }, "extra_headers"],
  ["extra_headers.Cookie", { Cookie: "a=b" }, "extra_headers"],
  ["extra_headers.HOST", { HOST: "a.example" }, "extra_headers"],
  ["extra_headers.Proxy-Authorization", { "Proxy-Authorization": "x" }, "extra_headers"],
  ["storage_state", "cookies"],
  ["storage_state.cookies.0.value", { cookies: [{ name: "a" }] }, "storage_state"],
  ["label", "x".repeat(201)],
  ["instructions", "x".repeat(2_001)],
  ["metadata", { text: "x".repeat(17_000) }],
  ["timeout_seconds", 0],
  ["timeout_seconds", 1.5],
  ["timeout_seconds", "60"],
  ["timeout_seconds", 3_601],
  ["completion.stable_ms", { stable_ms: -1 }, "completion"],
  ["completion.any", { any: [] }, "completion"],
  ["completion.all.0", { all: [{ gone: "#a", visible: "#b" }] }, "completion"],
  ["completion.any.1.matches", { any: [{ gone: "#a" }, { text: "#a", matches: "(" }] }, "completion"],
  ["completion.any.0.matches", { any: [{ text: "#a", matches: "x".repeat(201) }] }, "completion"],
  ["completion.every", { every: [] }, "completion"],
  ["urll", "http://a.example/"],
] as const satisfies readonly (readonly [string, unknown, string?])[]) {
  const [name, , top] = [field, value, (field as string).split(".")[0]];
  test(`[R10] ${name} = ${JSON.stringify(value).slice(0, 60)} is refused and named`, async ({ server }) => {
    const body = { url: "http://127.0.0.1:9/", [top ?? name]: value };
    const refused = await call("POST", `${server.api}/sessions`, body);
    expect(refused.status).toBe(400);
    expect(refused.body.error).toEqual({
      code: "invalid_message",
      message: expect.any(String),
      details: expect.objectContaining({ why: expect.stringMatching(/\S/) }),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(refused.body.error.details.field).toBe(name);
  });
}

test("[R10] a body without a url is refused and the field named", async ({ server }) => {
  const refused = await call("POST", `${server.api}/sessions`, {});
  expect(refused.status).toBe(400);
  expect(refused.body.error.details.field).toBe("url");
});

test("[R10] above MAX_SESSIONS: 503 with Retry-After; a place that is freed can be taken", async ({
  startServer,
  site,
}) => {
  const { api } = await startServer({ MAX_SESSIONS: "1" });
  const url = site.serve("/", CHALLENGE_PAGE);
  const body = { session_id: "first", url };
  expect((await call("POST", `${api}/sessions`, body)).status).toBe(201);
  const full = await call("POST", `${api}/sessions`, { url });
  expect(full.status).toBe(503);
  expect(full.body.error.code).toBe("capacity");
  expect(Number(full.headers.get("retry-after"))).toBeGreaterThan(0);
  // The better answer wins: trying again would not help.
  expect((await call("POST", `${api}/sessions`, body)).body.error.code).toBe("session_exists");
  await call("DELETE", `${api}/session/first`);
  expect((await call("POST", `${api}/sessions`, { url })).status).toBe(201);
});

// What is applied to an owned page.

test("[R10] viewport, locale, timezone and user agent are what the page sees, in frames too", async ({ site, bot }) => {
  const reports = reportsOf(site);
  const script = `${REPORTING}<script>
    report({
      where: location.pathname, size: [innerWidth, innerHeight], screen: [screen.width, screen.height],
      languages: navigator.languages, number: (1234.5).toLocaleString(),
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone, offset: new Date(2030, 0, 1).getTimezoneOffset(),
      agent: navigator.userAgent,
    });
  </script>`;
  site.serve("/frame", script);
  const requests: Record<string, unknown>[] = [];
  const url = site.serve("/", (request, response) => {
    requests.push(request.headers);
    response.setHeader("content-type", "text/html").end(`${script}<iframe src="/frame"></iframe>`);
  });
  await bot.create({
    url,
    viewport: { width: 800, height: 650 },
    locale: "de-DE",
    timezone: "Asia/Tokyo",
    user_agent: "Test Agent/1.0",
  });
  await expect.poll(() => reports.length).toBe(2);
  const shared = { languages: ["de-DE"], number: "1.234,5", zone: "Asia/Tokyo", offset: -540, agent: "Test Agent/1.0" };
  const ofPage = reports.find(({ where }) => where === "/");
  expect(ofPage).toMatchObject({ ...shared, size: [800, 650], screen: [800, 650] });
  expect(reports.find(({ where }) => where === "/frame")).toMatchObject(shared);
  expect(requests[0]).toMatchObject({
    "user-agent": "Test Agent/1.0",
    "accept-language": expect.stringMatching(/^de/),
  });
});

test("[R10] extra headers go to the url's own origin only, and not along a redirect", async ({ site, bot }) => {
  const seen = new Map<string, string | undefined>();
  const note = (path: string, then: (response: ServerResponse) => void) =>
    site.serve(path, (request, response) => {
      seen.set(`${request.headers.host?.split(":")[0]} ${path}`, request.headers["x-bot"] as string | undefined);
      response.setHeader("access-control-allow-origin", "*");
      then(response);
    });
  note("/own", (response) => response.end("x"));
  note("/other", (response) => response.end("x"));
  note("/landed", (response) => response.end("x"));
  note("/away", (response) => response.writeHead(302, { location: `${site.otherOrigin}/landed` }).end());
  const reports = reportsOf(site);
  const url = note("/", (response) =>
    response.setHeader("content-type", "text/html").end(`${REPORTING}<script type="module">
      await fetch("/own");
      await fetch("${site.otherOrigin}/other");
      await fetch("/away");
      report("done");
    </script>`),
  );
  await bot.create({ url, extra_headers: { "X-Bot": "secret" } });
  await expect.poll(() => reports).toEqual(["done"]);
  expect(Object.fromEntries(seen)).toEqual({
    "127.0.0.1 /": "secret",
    "127.0.0.1 /own": "secret",
    "localhost /other": undefined,
    "127.0.0.1 /away": "secret",
    "localhost /landed": undefined,
  });
});

test("[R10] extra headers do not follow when the url itself redirects to another origin", async ({ site, bot }) => {
  const seen: (string | undefined)[] = [];
  site.serve("/landed", (request, response) => {
    seen.push(request.headers["x-bot"] as string | undefined);
    response.setHeader("content-type", "text/html").end(CHALLENGE_PAGE);
  });
  const url = site.serve("/", (request, response) => {
    seen.push(request.headers["x-bot"] as string | undefined);
    response.writeHead(302, { location: `${site.otherOrigin}/landed` }).end();
  });
  await bot.create({ url, extra_headers: { "x-bot": "secret" } });
  expect(seen).toEqual(["secret", undefined]);
});

test("[R10] [R11] a given storage state is seen by the page, and the result has what the page made of it", async ({
  server,
  site,
  bot,
}) => {
  const reports = reportsOf(site);
  const url = site.serve(
    "/",
    `${REPORTING}<script>
      report({ cookie: document.cookie, item: localStorage.getItem("given") });
      document.cookie = "made=by-page; max-age=3600";
      localStorage.setItem("made", "by page");
    </script>`,
  );
  const session = await bot.create({
    url,
    storage_state: {
      cookies: [{ name: "given", value: "yes", domain: "127.0.0.1", path: "/" }],
      origins: [{ origin: site.origin, localStorage: [{ name: "given", value: "stored" }] }],
    },
  });
  await expect.poll(() => reports).toEqual([{ cookie: "given=yes", item: "stored" }]);
  const early = await call("GET", `${server.api}/session/${session.session_id}/result`);
  expect(early.status).toBe(409);
  expect(early.body.error.code).toBe("not_ended");

  await call("DELETE", `${server.api}/session/${session.session_id}`);
  const result = await bot.result(session.session_id);
  expect(result).toMatchObject({ outcome: "cancelled", reason: "cancelled_by_bot", has_storage_state: true });
  const { cookies, origins } = result.storage_state ?? { cookies: [], origins: [] };
  expect(Object.fromEntries(cookies.map(({ name, value }) => [name, value]))).toEqual({
    given: "yes",
    made: "by-page",
  });
  expect(origins).toMatchObject([{ origin: site.origin }]);
  // What was given can be given again.
  const again = await bot.create({ url, storage_state: result.storage_state });
  await expect.poll(() => reports.length).toBe(2);
  expect(reports[1].cookie.split("; ").toSorted()).toEqual(["given=yes", "made=by-page"]);
  await call("DELETE", `${server.api}/session/${again.session_id}`);
});

const storing = (value: string) => `<script>localStorage.setItem("at", "${value}");</script>`;
const bySite = (one: { origin: string }, other: { origin: string }) => one.origin.localeCompare(other.origin);

test("[R11] the result has the local storage of origins that the page has left, and nobody sees how it is read", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  let asked = 0;
  site.serve("/", (_request, response) => {
    asked += 1;
    response.end();
  });
  const last = site.serve("/last", `${REPORTING}${storing("last")}<script>report("there")</script>`);
  const first = site.serve("/first", `${storing("first")}<script>location.replace("${last}")</script>`);
  const session = await bot.create({ url: first.replace(site.origin, site.otherOrigin) });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  client.send({ type: "features", features: ["windows"] });
  await expect.poll(() => reports).toEqual(["there"]);
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  await client.closed;
  const { storage_state } = await bot.result(session.session_id);
  expect(storage_state?.origins.toSorted(bySite)).toEqual(
    [
      { origin: site.origin, localStorage: [{ name: "at", value: "last" }] },
      { origin: site.otherOrigin, localStorage: [{ name: "at", value: "first" }] },
    ].toSorted(bySite),
  );
  expect(asked, "the site was asked for an empty page").toBe(0);
  expect(client.received.filter(({ type }) => type === "page_notice")).toEqual([]);
});

test("[R11] [W47] the result has the local storage of a window's origin", async ({ server, site, bot, connect }) => {
  const reports = reportsOf(site);
  const opened = site.serve("/opened", `${REPORTING}${storing("window")}<script>report("there")</script>`);
  const other = opened.replace(site.origin, site.otherOrigin);
  const url = site.serve("/page", `<script>onmousedown = () => open("${other}", "", "width=300,height=300");</script>`);
  const session = await bot.create({ url });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  for (const [event_type, buttons] of [
    ["down", 1],
    ["up", 0],
  ] as const) {
    client.send({ type: "mouse_event", event_type, button: "left", buttons, x: 20, y: 20 });
  }
  await expect.poll(() => reports).toEqual(["there"]);
  expect(await client.next("page_notice")).toMatchObject({ notice: "popup", url: other });
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  const { storage_state } = await bot.result(session.session_id);
  expect(storage_state?.origins).toEqual([
    { origin: site.otherOrigin, localStorage: [{ name: "at", value: "window" }] },
  ]);
});

// [R1] to [R7]

test("[R1] lists the living sessions, others by state", async ({ startServer, site }) => {
  const { api } = await startServer();
  const url = site.serve("/", CHALLENGE_PAGE);
  expect((await call("GET", `${api}/sessions`)).body).toEqual({ count: 0, sessions: [] });
  for (const session_id of ["a", "b"])
    await call("POST", `${api}/sessions`, { session_id, url, label: `L ${session_id}` });
  const { body } = await call("GET", `${api}/sessions`);
  expect(body).toEqual({ count: 2, sessions: [expect.any(Object), expect.any(Object)] });
  expect(body.sessions[0]).toEqual({
    session_id: "b",
    completed: false,
    has_websocket: false,
    instructions: null,
    needs_person: true,
    challenge_kind: "generic",
    claimed_by: null,
    claimed_until: null,
    state: "waiting",
    reason: null,
    label: "L b",
    created_at: expect.any(String),
    expires_at: expect.any(String),
    ended_at: null,
    operators: 0,
  });
  await call("DELETE", `${api}/session/b`);
  const ids = async (query: string) =>
    (await call("GET", `${api}/sessions${query}`)).body.sessions.map((item: SessionListItem) => item.session_id);
  expect(await ids("")).toEqual(["a"]);
  expect(await ids("?state=cancelled")).toEqual(["b"]);
  expect(await ids("?state=cancelled,waiting")).toEqual(["b", "a"]);
  expect(await ids("?state=solved")).toEqual([]);
  const wrong = await call("GET", `${api}/sessions?state=asleep`);
  expect(wrong.status).toBe(400);
  expect(wrong.body.error.code).toBe("invalid_message");
});

test("[R1] counts the operators who are connected", async ({ server, site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const item = async () => {
    const { body } = await call("GET", `${server.api}/sessions`);
    return body.sessions.find(({ session_id }: SessionListItem) => session_id === session.session_id);
  };
  const client = await connect(session.ws_url);
  await client.next("session_info");
  expect(await item()).toMatchObject({ has_websocket: true, operators: 1, state: "active" });
  client.terminate();
  await expect.poll(item).toMatchObject({ has_websocket: false, operators: 0 });
});

test("[R2] [R3] [W20] a session with a picture of its view; 404 for an unknown one", async ({ server, site, bot }) => {
  const url = site.serve("/", CHALLENGE_PAGE);
  const { session_id: id } = await bot.create({ url, instructions: "Do it", metadata: { order: 7 } });
  const { body } = (await call("GET", `${server.api}/session/${id}`)) as { body: SessionDetail };
  expect(body).toMatchObject({
    session_id: id,
    completed: false,
    state: "waiting",
    viewport: { width: 1280, height: 720 },
    captcha_info: { x: 40, y: 60, width: 300, height: 200, kind: "generic" },
    url,
    instructions: "Do it",
    metadata: { order: 7 },
  });
  expect(sizeOf(Buffer.from(body.screenshot ?? "", "base64"))).toEqual({ width: 320, height: 220 });

  const inJson = await call("GET", `${server.api}/screenshot/${id}`);
  expect(sizeOf(Buffer.from(inJson.body.screenshot, "base64"))).toEqual({ width: 320, height: 220 });
  const jpeg = await fetchAsBot(`${server.api}/screenshot/${id}`, { headers: { accept: "image/jpeg" } });
  expect(jpeg.headers.get("content-type")).toBe("image/jpeg");
  expect(sizeOf(Buffer.from(await jpeg.arrayBuffer()))).toEqual({ width: 320, height: 220 });

  const small = await call("GET", `${server.api}/screenshot/${id}?width=160`);
  expect(sizeOf(Buffer.from(small.body.screenshot, "base64"))).toEqual({ width: 160, height: 110 });
  const large = await call("GET", `${server.api}/screenshot/${id}?width=640`);
  expect(sizeOf(Buffer.from(large.body.screenshot, "base64"))).toEqual({ width: 320, height: 220 });
  const none = await call("GET", `${server.api}/screenshot/${id}?width=1`);
  expect(none.body.error).toMatchObject({ code: "invalid_message", details: { field: "width" } });
  for (const path of ["session/nobody", "screenshot/nobody", "session/nobody/result"]) {
    const unknown = await call("GET", `${server.api}/${path}`);
    expect(unknown.status, path).toBe(404);
    expect(unknown.body.error.code).toBe("session_not_found");
  }
});

test("[R4] mouse events act on the page, by one anonymous operator, unknown fields ignored", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const url = site.serve(
    "/",
    `${REPORTING}<script>
      for (const type of ["mousedown", "mousemove", "mouseup"])
        addEventListener(type, (event) => event.clientX > 0 && report([type, event.clientX, event.clientY, event.buttons]));
    </script>`,
  );
  const session = await bot.create({ url });
  const send = (event_type: string, x: number, y: number) =>
    call("POST", `${server.api}/mouse_event`, { session_id: session.session_id, event_type, x, y, more: "ignored" });
  expect(await send("down", 100, 110)).toMatchObject({ status: 200, body: { success: true, completed: false } });
  await send("move", 150, 110);
  // An older client's up acts where the last move left the pointer.
  await send("up", 0, 0);
  await expect
    .poll(() => reports)
    .toEqual([
      ["mousedown", 100, 110, 1],
      ["mousemove", 150, 110, 1],
      ["mouseup", 150, 110, 0],
    ]);
  expect((await bot.info(session.session_id)).state).toBe("active");

  // Somebody at a console takes over: REST may press no more.
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("session_info");
  client.send({ type: "take_control" });
  await client.next("control", ({ you }) => you);
  const refused = await send("down", 1, 1);
  expect(refused.status).toBe(409);
  expect(refused.body.error.code).toBe("not_in_control");
});

test("[R4] unknown and ended sessions are told apart", async ({ server, site, bot }) => {
  const { session_id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  await call("DELETE", `${server.api}/session/${session_id}`);
  const event = { event_type: "down", x: 1, y: 1 };
  const ended = await call("POST", `${server.api}/mouse_event`, { ...event, session_id });
  expect([ended.status, ended.body.error.code]).toEqual([410, "session_ended"]);
  const unknown = await call("POST", `${server.api}/mouse_event`, { ...event, session_id: "nobody" });
  expect([unknown.status, unknown.body.error.code]).toEqual([404, "session_not_found"]);
});

test("[K1] never true where no challenge was ever found", async ({ server, site, bot }) => {
  const { session_id } = await bot.createGuest({ url: site.serve("/", "<p>no captcha here</p>") });
  // Long enough for any wrong verdict: twice the stability window and a beat at rest.
  expect((await call("GET", `${server.api}/status/${session_id}?wait=2`)).body.state).toBe("waiting");
});

test("[R5] [S3] check_completion: false before, true after the end; 404 for an unknown id", async ({
  server,
  site,
  bot,
}) => {
  const url = site.serve("/", `<p id="ok">ok</p>`);
  const rules = (selector: string) => ({ any: [{ visible: selector }], stable_ms: 0 });
  const check = (session_id: string) => call("POST", `${server.api}/check_completion`, { session_id, other: 1 });
  const open = await bot.createGuest({ url, completion: rules("#never") });
  expect((await check(open.session_id)).body).toEqual({ session_id: open.session_id, completed: false });
  const solved = await bot.createGuest({ url, completion: rules("#ok") });
  expect(await bot.waitForEnd(solved.session_id)).toMatchObject({ state: "solved", verified: "checked" });
  expect((await check(solved.session_id)).body).toEqual({ session_id: solved.session_id, completed: true });
  expect((await check("nobody")).status).toBe(404);
});

test("[R6] status of an unknown id is 200, also with wait", async ({ server }) => {
  for (const query of ["", "?wait=50"]) {
    const { status, body } = await call("GET", `${server.api}/status/nobody${query}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      completed: false,
      session_exists: false,
      session_id: "nobody",
      state: null,
      reason: null,
      verified: null,
    });
  }
});

test("[R6] the long poll answers at the end of the session", async ({ server, site, bot }) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const polled = bot.waitForEnd(id);
  const first = await Promise.race([polled, call("GET", `${server.api}/status/${id}?wait=0.2`)]);
  expect(first).toMatchObject({ status: 200, body: { state: "waiting", session_exists: true } });
  const endedAt = Date.now();
  await call("DELETE", `${server.api}/session/${id}`);
  expect(await polled).toMatchObject({ state: "cancelled", reason: "cancelled_by_bot", completed: false });
  expectWithin(Date.now() - endedAt, 5_000);
});

test("[R6] the long poll answers when its time is up, not before", async ({ server, site, bot }) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const startedAt = Date.now();
  const { body } = await call("GET", `${server.api}/status/${id}?wait=0.5`);
  expect(body.state).toBe("waiting");
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(490);
  for (const wait of ["51", "-1", "soon", "NaN"]) {
    const refused = await call("GET", `${server.api}/status/${id}?wait=${wait}`);
    expect(refused.status, wait).toBe(400);
    expect(refused.body.error.details).toMatchObject({ field: "wait", in: "querystring" });
  }
});

test("[R6] a client that goes away leaves no poll behind", async ({ server, site, bot }) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const session = server.controller;
  const waits: Promise<unknown>[] = [];
  const status = session.status.bind(session);
  session.status = (...given) => {
    const waiting = status(...given);
    waits.push(waiting);
    return waiting;
  };
  try {
    const request: ClientRequest = httpRequest(`${server.api}/status/${id}?wait=50`, { headers: BEARER });
    request.on("error", () => {});
    request.end();
    await expect.poll(() => waits.length).toBe(1);
    request.destroy();
    expect(await waits[0]).toMatchObject({ state: "waiting" });
  } finally {
    session.status = status;
  }
});

test("[R7] [S4] [S5] DELETE cancels; again: 200, unknown: 404, and the first end stands and stays readable", async ({
  server,
  site,
  bot,
}) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE), label: "kept" });
  const remove = () => call("DELETE", `${server.api}/session/${id}`);
  expect(await remove()).toMatchObject({ status: 200, body: { success: true } });
  const { ended_at } = (await call("GET", `${server.api}/session/${id}`)).body;
  expect(await remove()).toMatchObject({ status: 200, body: { success: true } });
  expect((await call("DELETE", `${server.api}/session/nobody`)).status).toBe(404);
  expect((await call("GET", `${server.api}/session/${id}`)).body).toMatchObject({
    state: "cancelled",
    reason: "cancelled_by_bot",
    verified: null,
    label: "kept",
    screenshot: null,
    captcha_info: null,
    ended_at,
  });
  expect((await call("GET", `${server.api}/screenshot/${id}`)).status).toBe(410);
  expect(await bot.result(id)).toMatchObject({ outcome: "cancelled", evidence: [], note: null });
  expect((await call("POST", `${server.api}/session/${id}/extend`, { seconds: 5 })).status).toBe(410);
});

test("[S4] of two ends at once the first wins", async ({ server, site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", PLAIN_PAGE) });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  client.send({ type: "finish", outcome: "cannot", note: "first" });
  const ended = await bot.waitForEnd(session.session_id);
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  expect(ended).toMatchObject({ state: "failed", reason: "operator_gave_up" });
  expect(await bot.result(session.session_id)).toMatchObject({ outcome: "failed", note: "first" });
});

test("[S2] the deadline is the server's: nobody needs to come @long", async ({ site, bot }) => {
  const session = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE), timeout_seconds: 5 });
  const ended = await bot.waitForEnd(session.session_id);
  expect(ended).toMatchObject({ state: "expired", reason: "timeout", verified: null, completed: false });
  const { duration_ms } = await bot.result(session.session_id);
  expect(duration_ms).toBeGreaterThanOrEqual(4_990);
  expectWithin(duration_ms, 8_000);
});

test("[S2] [S3] solved says how it is known, and with what evidence", async ({ site, bot }) => {
  const url = site.serve("/", `<p id="ok">ok</p>`);
  const session = await bot.createGuest({ url, completion: { all: [{ visible: "#ok" }], stable_ms: 300 } });
  const ended = await bot.waitForEnd(session.session_id);
  expect(ended).toMatchObject({ state: "solved", completed: true, verified: "checked", reason: "rules_met" });
  const { evidence } = await bot.result(session.session_id);
  expect(evidence).toEqual([{ rule: '{"visible":"#ok"}', frame: url, since: expect.any(String) }]);
});

// [R12]

test("[R12] extend moves the deadline, up to MAX_TIMEOUT_SECONDS after creation", async ({ startServer, site }) => {
  const { api } = await startServer({ MAX_TIMEOUT_SECONDS: "600", DEFAULT_TIMEOUT_SECONDS: "100" });
  const created = await call("POST", `${api}/sessions`, { session_id: "a", url: site.serve("/", CHALLENGE_PAGE) });
  const before = Date.parse(created.body.expires_at);
  const extend = (body: object) => call("POST", `${api}/session/a/extend`, body);
  const first = await extend({ seconds: 60 });
  expect(first.body).toEqual({ session_id: "a", expires_at: new Date(before + 60_000).toISOString() });
  const capped = await extend({ seconds: 86_400 });
  expect(Date.parse(capped.body.expires_at)).toBe(before + 500_000);
  expect((await call("GET", `${api}/session/a`)).body.expires_at).toBe(capped.body.expires_at);
  for (const [body, field] of [
    [{ seconds: 0 }, "seconds"],
    [{ seconds: 1.5 }, "seconds"],
    [{}, "seconds"],
    [{ seconds: 5, minutes: 1 }, "minutes"],
  ] as const) {
    const refused = await extend(body);
    expect([refused.status, refused.body.error.details.field], JSON.stringify(body)).toEqual([400, field]);
  }
  expect((await call("POST", `${api}/session/nobody/extend`, { seconds: 5 })).status).toBe(404);
});

test("[S5] [R20] ended sessions are there after a restart; living ones are told as browser_lost", async ({
  startServer,
  site,
}) => {
  const first = await startServer();
  const url = site.serve("/", CHALLENGE_PAGE);
  for (const session_id of ["ended", "living"]) await call("POST", `${first.api}/sessions`, { session_id, url });
  await call("DELETE", `${first.api}/session/ended`);
  await first.close();
  const second = await startServer();
  expect((await call("GET", `${second.api}/status/ended`)).body).toMatchObject({ state: "cancelled" });
  expect((await call("GET", `${second.api}/session/ended/result`)).body).toMatchObject({ has_storage_state: true });
  // An orderly stop is the bot's to know of too.
  const { body } = await call("GET", `${second.api}/status/living`);
  expect(body).toMatchObject({ state: "cancelled", reason: "shutting_down", session_exists: false });
});

test("[S5] what ended longer ago than RETENTION_SECONDS is gone after a restart", async ({ startServer, site }) => {
  const first = await startServer();
  await call("POST", `${first.api}/sessions`, { session_id: "old", url: site.serve("/", CHALLENGE_PAGE) });
  await call("DELETE", `${first.api}/session/old`);
  await first.close();
  await expect
    .poll(async () => {
      const server = await startServer({ RETENTION_SECONDS: "1" });
      const { body } = await call("GET", `${server.api}/status/old`);
      await server.close();
      return body.state;
    })
    .toBe(null);
});

// [R8], [R20] and paths.

test("[R8] the console is one static file with the same headers for any id, and nothing of the request in it", async ({
  server,
}) => {
  const get = async (path: string) => {
    const { status, headers, body } = await call("GET", `${server.api}${path}`);
    const { date, "keep-alive": _alive, ...others } = Object.fromEntries(headers);
    return { status, headers: others, body };
  };
  const console = await get("/control");
  expect(console.status).toBe(200);
  expect(console.headers["content-type"]).toBe("text/html; charset=utf-8");
  for (const path of ["/control/one", "/control/unknown?embed=1&lang=zh", "/control/a.b~c-d_e", "/control?x=<b>"]) {
    expect(await get(path), path).toEqual(console);
  }
  for (const id of ["<script>alert(1)</script>", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%22onload=x"]) {
    const { status, body } = await get(`/control/${id}`);
    expect(JSON.stringify(body)).not.toMatch(/<script>alert|onload=x/);
    if (status === 200) expect(body).toBe(console.body);
    else expect([400, 404]).toContain(status);
  }
});

test("[R8] the console may load nothing but its own files, and be framed by its own origin only", async ({
  server,
}) => {
  const { headers } = await call("GET", `${server.api}/control/x`);
  const policy = new Map(
    (headers.get("content-security-policy") ?? "").split(";").map((part) => {
      const [name = "", ...values] = part.trim().split(" ");
      return [name, values.join(" ")];
    }),
  );
  expect(Object.fromEntries(policy)).toMatchObject({
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
  });
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
});

test("[R8] the console's files are found from both of its addresses, the demo and its sources are not", async ({
  server,
}) => {
  const { body } = await call("GET", `${server.api}/control`);
  const assets = [...String(body).matchAll(/(?:src|href)="(console\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(assets.length).toBeGreaterThanOrEqual(3);
  for (const from of ["control", "control/some-id"]) {
    for (const path of assets) {
      const address = new URL(path, `${server.api}/${from}`).href;
      const asset = await call("GET", address);
      expect(asset.status, path).toBe(200);
      expect(asset.headers.get("content-type")).toMatch(/javascript|css|svg/);
      expect(asset.headers.get("content-security-policy")).toContain("default-src 'none'");
      // The page names what it holds: kept for ever. Under another version's name it is not that version.
      expect(asset.headers.get("cache-control")).toContain("immutable");
      const other = await call("GET", `${address.split("?")[0]}?v=other`);
      expect([other.status, other.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    }
  }
  for (const path of ["demo/index.html", "demo/dom.js", "tsconfig.json", "..%2fpackage.json", "../package.json"]) {
    expect((await call("GET", `${server.api}/console/${path}`)).status, path).toBeGreaterThanOrEqual(400);
  }
});

test("[R8] the console is small on the line, and whole for who cannot unpack it", async ({ server }) => {
  const load = async (path: string, encoding: string) => {
    const response = await fetchAsBot(`${server.api}/${path}`, { headers: { "accept-encoding": encoding } });
    return { encoding: response.headers.get("content-encoding"), text: await response.text() };
  };
  const page = await load("control", "gzip, deflate");
  const paths = [...page.text.matchAll(/(?:src|href)="(console\/[^"]+)"/g)].map(([, path]) => path ?? "");
  const packed = await Promise.all(paths.map((path) => load(path, "gzip, deflate")));
  const plain = await Promise.all(paths.map((path) => load(path, "identity")));
  expect(packed.map(({ encoding }) => encoding)).toEqual(paths.map(() => "gzip"));
  expect(plain.map(({ encoding }) => encoding)).toEqual(paths.map(() => null));
  expect(packed.map(({ text }) => text)).toEqual(plain.map(({ text }) => text));
  // Half a second at 1 Mbit/s, for who comes by a link.
  const sizes = [page, ...plain].map(({ text }) => gzipSync(text).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(48_000);
  // The browser need not read one part to learn of the next.
  const parts = plain.flatMap(({ text }) => [...text.matchAll(/(?:from|import)"\.\/(chunk-[A-Z0-9]+\.js)"/g)]);
  expect(parts.length).toBeGreaterThan(0);
  for (const [, part] of parts) expect(paths).toContain(`console/${part}`);
});

test("[R20] healthy and ready, at the root and below the API; the root leads to the console", async ({ server }) => {
  for (const prefix of [server.url, server.api]) {
    expect(await call("GET", `${prefix}/healthz`)).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await call("GET", `${prefix}/readyz`)).toMatchObject({ status: 200, body: { status: "ok" } });
  }
  const root = await call("GET", `${server.url}/`);
  expect([root.status, root.headers.get("location")]).toEqual([302, "/api/captcha/control"]);
});

test("[R20] not ready where no browser can be started, yet healthy", async ({ startServer }) => {
  const { api } = await startServer({ CHROMIUM_PATH: process.execPath });
  expect((await call("GET", `${api}/healthz`)).status).toBe(200);
  const ready = await call("GET", `${api}/readyz`);
  expect([ready.status, ready.body.error.code]).toEqual([503, "browser_unavailable"]);
  const created = await call("POST", `${api}/sessions`, { url: "http://127.0.0.1:9/" });
  expect([created.status, created.body.error.code]).toEqual([503, "browser_unavailable"]);
});

test("[R20] OpenAPI 3.1 describes every route, at the root and below the API", async ({ server }) => {
  for (const prefix of [server.url, server.api]) {
    const page = await call("GET", `${prefix}/documentation`);
    expect([200, 302]).toContain(page.status);
    const { status, body } = await call("GET", `${prefix}/documentation/json`);
    expect(status).toBe(200);
    expect(body.openapi).toMatch(/^3\.1/);
    for (const [path, methods] of [
      ["/sessions", ["get", "post"]],
      ["/session/{id}", ["delete", "get"]],
      ["/session/{id}/result", ["get"]],
      ["/session/{id}/extend", ["post"]],
      ["/screenshot/{id}", ["get"]],
      ["/mouse_event", ["post"]],
      ["/check_completion", ["post"]],
      ["/status/{id}", ["get"]],
      ["/healthz", ["get"]],
      ["/readyz", ["get"]],
    ] as const) {
      expect(Object.keys(body.paths[`/api/captcha${path}`] ?? {}).toSorted(), path).toEqual([...methods]);
    }
    expect(JSON.stringify(body)).not.toContain("/control");
    // What needs a key says so, and nothing else does.
    const keyed = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.values(methods as Record<string, { security?: unknown }>).map(({ security }) => [path, security]),
    );
    const isPublic = (path: string) => /\/(healthz|readyz|session\/\{id\}\/code)$/.test(path);
    for (const [path, security] of keyed) {
      expect(security, String(path)).toEqual(isPublic(String(path)) ? undefined : [{ key: [] }]);
    }
  }
});

test("an unknown route and a wrong method are told in the one shape", async ({ server }) => {
  for (const [method, path] of [
    ["GET", "/nothing"],
    ["PUT", "/sessions"],
    ["GET", "/session"],
  ] as const) {
    const { status, body } = await call(method, `${server.api}${path}?secret=1`);
    expect(status).toBe(404);
    expect(body.error).toMatchObject({ code: "not_found", details: { method, path: `/api/captcha${path}` } });
  }
});

test("PUBLIC_URL makes the links and BASE_PATH is served with and without; the Host header makes nothing", async ({
  startServer,
  site,
}) => {
  const { listening, url } = await startServer({ PUBLIC_URL: "https://bots.example/captcha/" });
  expect(url).toBe("https://bots.example/captcha");
  for (const [index, prefix] of ["", "/captcha"].entries()) {
    const api = `${listening}${prefix}/api/captcha`;
    expect((await call("GET", `${listening}${prefix}/healthz`)).status).toBe(200);
    expect((await call("GET", `${api}/control/x`)).status).toBe(200);
    const root = await call("GET", `${listening}${prefix}/`);
    expect(root.headers.get("location")).toBe("/captcha/api/captcha/control");
    const body = { session_id: `s${index}`, url: site.serve("/", CHALLENGE_PAGE) };
    const created = await createWithHost(`${api}/sessions`, body, "localhost:1");
    expect(created).toMatchObject({
      control_url: expect.stringContaining(`https://bots.example/captcha/api/captcha/control/s${index}`),
      ws_url: `wss://bots.example/captcha/api/captcha/ws/s${index}`,
      status_url: `https://bots.example/captcha/api/captcha/status/s${index}`,
    });
  }
  expect((await call("GET", `${listening}/captchas/healthz`)).status).toBe(404);
  expect((await call("GET", `${listening}/captcha`)).status).toBe(302);
});

test("the operator socket is served below BASE_PATH too", async ({ startServer, site, connect }) => {
  const { api, listening } = await startServer({ BASE_PATH: "/bots" });
  expect(api).toBe(`${listening}/bots/api/captcha`);
  const { body } = await call("POST", `${api}/sessions`, { url: site.serve("/", CHALLENGE_PAGE) });
  const client = await connect(body.ws_url);
  expect((await client.next("session_info")).session_id).toBe(body.session_id);
});

/** fetch does not let a Host header through. */
async function createWithHost(url: string, body: object, host: string): Promise<unknown> {
  const text = JSON.stringify(body);
  const headers = { ...BEARER, host, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  const request = httpRequest(url, { method: "POST", headers }).end(text);
  const [response] = await once(request, "response");
  return JSON.parse(Buffer.concat(await response.toArray()).toString());
}

/** Width and height in the header of a JPEG. */
function sizeOf(jpeg: Buffer): { width: number; height: number } {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) {
      return { width: jpeg.readUInt16BE(at + 7), height: jpeg.readUInt16BE(at + 5) };
    }
  }
  throw new Error("not a JPEG");
}

test("[R5] [R6] [R7] AUTH=off answers for an unknown id as it always did", async ({ startServer }) => {
  const { api } = await startServer({ AUTH: "off" });
  const asked = await call("POST", `${api}/check_completion`, { session_id: "nobody" }, NO_KEY);
  expect(asked).toMatchObject({ status: 200, body: { session_id: "nobody", completed: false } });
  expect(await call("GET", `${api}/status/nobody`, undefined, NO_KEY)).toMatchObject({
    status: 200,
    body: { session_exists: false, state: null },
  });
  expect(await call("DELETE", `${api}/session/nobody`, undefined, NO_KEY)).toMatchObject({
    status: 200,
    body: { success: true },
  });
});
