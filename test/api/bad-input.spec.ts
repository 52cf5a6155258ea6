/** What must not stop the server: broken requests, broken messages, and pages that misbehave. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS, expect, type TestServer } from "../support/fixtures.ts";
import type { LiveClient } from "../support/live-client.ts";
import { eachSecond, IS_LONG_RUN, longUnless } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call, REPORTING, reportsOf } from "../support/requests.ts";

const MEGABYTE = 1024 * 1024;
const PAGE = `<!doctype html>${REPORTING}<script>
  addEventListener("mousedown", (event) => report(["down", event.clientX, event.clientY]));
</script>`;

/** After every one of these tests the server still answers. */
const test = base.extend<{ stillUp: undefined }>({
  stillUp: [
    async ({ server }, use) => {
      await use(undefined);
      expect((await call("GET", `${server.url}/healthz`)).status).toBe(200);
    },
    { auto: true },
  ],
});

/** The session still does what it is for: a picture, and a press that arrives. */
async function expectUsable(server: TestServer, session: SessionAnswer, client: LiveClient, reports: unknown[]) {
  expect((await call("GET", `${server.api}/screenshot/${session.session_id}`)).status).toBe(200);
  client.send({ type: "mouse_event", event_type: "down", x: 33, y: 44, button: "left" });
  client.send({ type: "mouse_event", event_type: "up", x: 33, y: 44, button: "left" });
  await expect.poll(() => reports).toContainEqual(["down", 33, 44]);
}

function press(client: LiveClient, x = 20, y = 20): void {
  client.send({ type: "mouse_event", event_type: "down", x, y, button: "left" });
  client.send({ type: "mouse_event", event_type: "up", x, y, button: "left" });
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test.describe("over REST", () => {
  for (const [name, body, headers, status, code] of [
    ["half of a JSON text", "{", {}, 400, "invalid_message"],
    ["an empty text", "", {}, 400, "invalid_message"],
    ["null", "null", {}, 400, "invalid_message"],
    ["a list", "[]", {}, 400, "invalid_message"],
    ["a number", "1e308", {}, 400, "invalid_message"],
    ["NaN", '{"timeout_seconds": NaN}', {}, 400, "invalid_message"],
    ["a prototype", '{"__proto__": {"url": "x"}}', {}, 400, "invalid_message"],
    ["a form", "url=x", { "content-type": "application/x-www-form-urlencoded" }, 400, "invalid_message"],
    ["plain text", "{}", { "content-type": "text/plain" }, 400, "invalid_message"],
    ["depth without end", `{"url":"x","metadata":{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`, {}, 400, ""],
    ["five megabytes", `{"url":"${"x".repeat(5 * MEGABYTE)}"}`, {}, 413, "payload_too_large"],
  ] as const) {
    test(`a creation with ${name} is refused`, async ({ server }) => {
      const refused = await call("POST", `${server.api}/sessions`, body, headers);
      expect(refused.status).toBe(status);
      expect(refused.body.error).toMatchObject({ code: code || "invalid_message", timestamp: expect.any(String) });
    });
  }

  test("a megabyte for an older client's route is too much", async ({ server }) => {
    const body = { session_id: "x", event_type: "down", x: 1, y: 1, more: "x".repeat(MEGABYTE) };
    const refused = await call("POST", `${server.api}/mouse_event`, body);
    expect([refused.status, refused.body.error.code]).toEqual([413, "payload_too_large"]);
  });

  for (const [field, given] of [
    ["x", { x: 1e308 }],
    ["x", { x: "1" }],
    ["y", { y: null }],
    ["y", { y: -1e308 }],
    ["event_type", { event_type: "click" }],
    ["event_type", { event_type: ["down"] }],
    ["session_id", { session_id: "a b" }],
    ["session_id", { session_id: undefined }],
  ] as const) {
    test(`[R4] a mouse event with ${JSON.stringify(given)} is refused and the field named`, async ({ server }) => {
      const body = { session_id: "x", event_type: "down", x: 1, y: 1, ...given };
      const refused = await call("POST", `${server.api}/mouse_event`, body);
      expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_message"]);
      expect(refused.body.error.details.field).toBe(field);
    });
  }

  test("ids that cannot be are refused on every route", async ({ server }) => {
    for (const id of ["a%20b", "%00", "..%2f..%2fetc", "%F0%9F%A7%A9", "%ff", "x".repeat(65), "x".repeat(5_000)]) {
      for (const path of ["session", "screenshot", "status"]) {
        const refused = await call("GET", `${server.api}/${path}/${id}`);
        expect(refused.status, `${path}/${id.slice(0, 20)}`).toBe(400);
        expect(refused.body.error).toMatchObject({ code: "invalid_message", timestamp: expect.any(String) });
      }
    }
  });
});

test.describe("over the socket", () => {
  test("whatever is no message is answered by its code, and the session goes on", async ({
    server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    const session = await bot.createGuest({ url: site.serve("/", PAGE) });
    const client = await connect(session.ws_url);
    await client.next("presence");
    const down = '"type":"mouse_event","event_type":"down"';
    const sent: [string | Buffer, string][] = [
      ["", "invalid_message"],
      ["{", "invalid_message"],
      ["null", "invalid_message"],
      ["[]", "invalid_message"],
      ['"ping"', "invalid_message"],
      ["{}", "invalid_message"],
      ["\u0000\u{1f9e9}", "invalid_message"],
      [`{${down},"x":NaN,"y":1}`, "invalid_message"],
      [`{${down},"x":1e308,"y":1}`, "invalid_message"],
      [`{${down},"x":1e999,"y":1}`, "invalid_message"],
      [`{${down},"x":"1","y":1}`, "invalid_message"],
      [`{${down},"x":null,"y":1}`, "invalid_message"],
      [`{${down},"x":1}`, "invalid_message"],
      [`{${down},"x":1,"y":1,"button":"fourth"}`, "invalid_message"],
      ['{"type":"teleport"}', "unknown_type"],
      ['{"type":"__proto__"}', "unknown_type"],
      ['{"type":"constructor"}', "unknown_type"],
      ['{"type":7}', "invalid_message"],
      ['{"type":"text","text":""}', "invalid_message"],
      [`{"type":"text","text":"${"x".repeat(10_001)}"}`, "invalid_message"],
      ['{"type":"ack","seq":-1}', "invalid_message"],
      ['{"type":"finish","outcome":"maybe"}', "invalid_message"],
      ["[".repeat(60_000), "invalid_message"],
      [Buffer.from('{"type":"ping"}'), "invalid_message"],
      [Buffer.alloc(0), "invalid_message"],
    ];
    for (const [message] of sent) client.socket.send(message, { binary: Buffer.isBuffer(message) });
    const errors = () => client.received.flatMap((message) => (message.type === "error" ? [message] : []));
    await expect.poll(() => errors().length).toBe(sent.length);
    expect(errors().map(({ code }) => code)).toEqual(sent.map(([, code]) => code));
    expect(errors().every(({ message }) => message.length > 0)).toBe(true);
    expect(client.received.filter(({ type }) => type === "pong")).toEqual([]);
    await expectUsable(server, session, client, reports);
  });

  for (const [kind, message] of [
    ["text", JSON.stringify({ type: "text", text: "x".repeat(MEGABYTE) })],
    ["binary", Buffer.alloc(MEGABYTE)],
  ] as const) {
    const tag = longUnless(kind === "binary");
    test(`a megabyte of ${kind} closes that socket with 1009 and no other${tag}`, async ({
      server,
      site,
      bot,
      connect,
    }) => {
      const reports = reportsOf(site);
      const session = await bot.createGuest({ url: site.serve("/", PAGE) });
      const large = await connect(session.ws_url);
      const other = await connect(session.ws_url);
      await other.next("presence");
      large.socket.send(message);
      expect((await large.closed).code).toBe(1009);
      other.send({ type: "take_control" });
      await other.next("control", ({ you }) => you);
      await expectUsable(server, session, other, reports);
    });
  }

  test("[W1] a flood of messages is dropped and told, and both that socket and the others go on", async ({
    server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    const session = await bot.createGuest({ url: site.serve("/", PAGE) });
    const flood = await connect(session.ws_url);
    const other = await connect(session.ws_url);
    await other.next("presence");
    for (let count = 0; count < 20_000; count += 1) flood.send({ type: "pong" });
    await flood.next("error", ({ code }) => code === "rate_limited");
    other.send({ type: "ping" });
    await other.next("pong");
    await expectUsable(server, session, flood, reports);
  });

  test("a path that is no session id is answered like an unknown one", async ({ server, connect }) => {
    for (const id of ["a%20b", "..%2fx", "%3Cscript%3E"]) {
      const client = await connect(`${server.api.replace("http", "ws")}/ws/${id}`);
      expect((await client.closed).code).toBe(4404);
    }
  });
});

test.describe("the url", () => {
  for (const url of [
    "file:///etc/passwd",
    "chrome://version",
    "javascript:alert(1)",
    "view-source:http://127.0.0.1/",
    "data:text/html,x",
    "about:blank",
    "ftp://127.0.0.1/",
    "devtools://devtools/bundled/inspector.html",
    " file:///etc/passwd",
    "/etc/passwd",
    "127.0.0.1:80",
    "nonsense",
  ]) {
    test(`${url} may not be opened`, async ({ server }) => {
      const refused = await call("POST", `${server.api}/sessions`, { url });
      expect(refused.status).toBe(422);
      expect(refused.body.error).toMatchObject({ code: "url_not_allowed", details: { field: "url" } });
    });
  }

  for (const [name, url] of eachSecond([
    ["a name that does not resolve", "http://no-such-host.invalid/"],
    ["a port where nobody listens", "http://127.0.0.1:9/"],
    ["https where http is spoken", null],
  ] as const)) {
    test(`${name} is navigation_failed, with the browser's own reason`, async ({ server, site }) => {
      const body = { url: url ?? site.serve("/", PAGE).replace("http:", "https:") };
      const failed = await call("POST", `${server.api}/sessions`, body);
      expect(failed.status).toBe(502);
      expect(failed.body.error).toMatchObject({
        code: "navigation_failed",
        details: { field: "url", why: expect.stringMatching(/^net::ERR_/) },
      });
    });
  }

  test("a page that never answers ends with the session's time @long", async ({ server, site }) => {
    const session_id = `never-${new URL(site.origin).port}`;
    const url = site.serve("/", () => {});
    const failed = await call("POST", `${server.api}/sessions`, { session_id, url, timeout_seconds: 2 });
    expect([failed.status, failed.body.error.code]).toEqual([504, "timeout"]);
    const { body } = await call("GET", `${server.api}/status/${session_id}`);
    expect(body).toMatchObject({ state: "expired", reason: "timeout" });
  });

  test("a page whose parts never arrive can be used all the same", async ({ server, site, bot, connect }) => {
    const reports = reportsOf(site);
    site.serve("/never.js", () => {});
    const url = site.serve("/", `${PAGE}<img src="/never.js"><script defer src="/never.js"></script>`);
    const session = await bot.create({ url });
    const client = await connect(session.ws_url);
    await client.next("presence");
    await expectUsable(server, session, client, reports);
  });

  test("a download instead of a page is navigation_failed", async ({ server, site }) => {
    const url = site.serve("/file", (_request, response) => {
      response.setHeader("content-disposition", 'attachment; filename="a.bin"').end("data");
    });
    const failed = await call("POST", `${server.api}/sessions`, { url });
    expect(failed.status).toBe(502);
    expect(failed.body.error).toMatchObject({ code: "navigation_failed", details: { field: "url" } });
  });

  test("redirects without end are navigation_failed", async ({ server, site }) => {
    const url = site.serve("/", (_request, response) => response.writeHead(302, { location: "/" }).end());
    const failed = await call("POST", `${server.api}/sessions`, { url });
    expect(failed.body.error).toMatchObject({
      code: "navigation_failed",
      details: { why: "net::ERR_TOO_MANY_REDIRECTS" },
    });
  });
});

test.describe("the page", () => {
  test("that closes ends the session as page_closed @long", async ({ server, site, bot, connect }) => {
    const session = await bot.create({ url: site.serve("/", PAGE) });
    const client = await connect(session.ws_url);
    await client.next("presence");
    await closePage(server, session);
    expect(await client.closed).toEqual({ code: 4410, reason: "page_closed" });
    expect(client.received.at(-1)).toMatchObject({ type: "error", code: "page_closed" });
    expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "page_closed" });
    expect(await bot.result(session.session_id)).toMatchObject({ outcome: "failed", reason: "page_closed" });
  });

  test("that asks to be closed may not, and goes on", async ({ server, site, bot, connect }) => {
    const reports = reportsOf(site);
    const session = await bot.create({ url: site.serve("/", `${PAGE}<script>close(); onmouseup = close;</script>`) });
    const client = await connect(session.ws_url);
    await client.next("presence");
    press(client);
    await expectUsable(server, session, client, reports);
  });

  test("whose browser is killed ends the session as browser_lost or page_crashed @long", async ({
    server,
    site,
    bot,
  }) => {
    const session = await bot.create({ url: site.serve("/", PAGE) });
    const profile = join(server.dataDir, "profiles", session.session_id);
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (line.split("\0").includes(`--user-data-dir=${profile}`)) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // Gone with its parent.
        }
      }
    }
    const ended = await bot.waitForEnd(session.session_id);
    expect(ended.state).toBe("failed");
    expect(["browser_lost", "page_crashed", "page_closed"]).toContain(ended.reason);
  });

  for (const [kind, script, answer, expected] of [
    ["alert", `alert("hello"); report("told")`, "accepted", "told"],
    ["confirm", `report(confirm("hello"))`, "dismissed", false],
    ["prompt", `report(prompt("hello", "preset"))`, "dismissed", null],
  ] as const) {
    const tag = longUnless(kind === "alert");
    test(`that shows ${kind}() goes on, as it loads and on a press, and the operator is told${tag}`, async ({
      server,
      site,
      bot,
      connect,
    }) => {
      const reports = reportsOf(site);
      const url = site.serve(
        "/",
        `${PAGE}<script>${script}; addEventListener("mouseup", () => { ${script} });</script>`,
      );
      const session = await bot.create({ url });
      await expect.poll(() => reports).toEqual([expected]);
      const client = await connect(session.ws_url);
      await client.next("presence");
      press(client);
      expect(await client.next("dialog")).toMatchObject({ kind, message: "hello", answer });
      await expect.poll(() => reports).toEqual([expected, ["down", 20, 20], expected]);
      await expectUsable(server, session, client, reports);
    });
  }

  test("that asks before it is left can be left @long", async ({ site, bot, connect }) => {
    const reports = reportsOf(site);
    site.serve("/next", `${REPORTING}<script>report("left")</script>`);
    const url = site.serve(
      "/",
      `<script>
        onbeforeunload = (event) => event.preventDefault();
        onmouseup = () => { location.href = "/next"; };
      </script>`,
    );
    const session = await bot.create({ url });
    const client = await connect(session.ws_url);
    await client.next("presence");
    press(client);
    expect(await client.next("dialog")).toMatchObject({ kind: "beforeunload", answer: "accepted" });
    await expect.poll(() => reports).toEqual(["left"]);
    // Nor does it keep the session from its end.
    expect((await bot.info(session.session_id)).state).toBe("active");
  });

  test("that asks before it is left does not hold up the end", async ({ server, site, bot, connect }) => {
    const url = site.serve("/", `<script>onbeforeunload = (event) => event.preventDefault();</script>`);
    const session = await bot.create({ url });
    const client = await connect(session.ws_url);
    await client.next("presence");
    press(client);
    await call("DELETE", `${server.api}/session/${session.session_id}`);
    expect(await bot.result(session.session_id)).toMatchObject({ outcome: "cancelled" });
  });

  // The browser tells of refused downloads on our own DevTools session, to which open-page.ts does not listen yet.
  test("that offers a download keeps its place, and the operator is told that it was refused", async ({
    server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    const file = site.serve("/file", (_request, response) => {
      response.setHeader("content-disposition", 'attachment; filename="a.bin"').end("data");
    });
    const url = site.serve(
      "/",
      `${PAGE}<script>onmouseup = () => { onmouseup = null; location.href = "/file"; };</script>`,
    );
    const session = await bot.create({ url });
    const client = await connect(session.ws_url);
    await client.next("presence");
    press(client);
    expect(await client.next("page_notice")).toMatchObject({ notice: "download_refused", url: file });
    await expectUsable(server, session, client, reports);
  });

  test("[W47] that opens a popup and closes it goes on, and the operator is told @long", async ({
    server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    const popup = site.serve("/popup", "<title>popup</title>");
    const url = site.serve(
      "/",
      `${PAGE}<script>onmouseup = () => { onmouseup = null; const popup = open("/popup", "", "width=400,height=300"); setTimeout(() => popup.close(), 2500); };</script>`,
    );
    const session = await bot.create({ url });
    const client = await connect(session.ws_url);
    await client.next("presence");
    press(client);
    expect(await client.next("page_notice")).toMatchObject({ notice: "popup", url: popup });
    await client.next("session_info", ({ view }) => view.width === 400);
    // The view is back.
    await client.next("session_info", ({ view }) => view.width === 1280, client.received.length);
    await expectUsable(server, session, client, reports);
  });

  test("that never stops computing can be joined, asked about and ended", async ({ server, site, bot, connect }) => {
    // Such a page takes a core for ten seconds; [S10] has one that computes for a while.
    test.skip(!IS_LONG_RUN, "part of the long run");
    const url = site.serve("/", `<script>onmousedown = () => { for (;;); };</script>`);
    const session = await bot.create({ url });
    const first = await connect(session.ws_url);
    await first.next("presence");
    press(first);
    const second = await connect(session.ws_url);
    expect(await second.next("session_info")).toMatchObject({ session_id: session.session_id });
    const check = await call("POST", `${server.api}/check_completion`, { session_id: session.session_id });
    expect(check.body).toEqual({ session_id: session.session_id, completed: false });
    const { status, body } = await call("GET", `${server.api}/session/${session.session_id}`);
    expect([status, body.state]).toEqual([200, "active"]);
    await call("DELETE", `${server.api}/session/${session.session_id}`);
    expect(await bot.result(session.session_id)).toMatchObject({ outcome: "cancelled" });
  });
});

test.describe("the rules", () => {
  test("[R21] 200 of them are too many, and the field is named", async ({ server }) => {
    const any = Array.from({ length: 200 }, (_, at) => ({ gone: `#box-${at}` }));
    const refused = await call("POST", `${server.api}/sessions`, { url: "http://127.0.0.1/", completion: { any } });
    expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_message"]);
    expect(refused.body.error.details.field).toBe("completion.any");
  });

  test("[K3] a response field of a megabyte is an answer like any other", async ({ site, bot }) => {
    const url = site.serve(
      "/",
      `<div class="h-captcha" style="width:303px;height:78px"><textarea name="h-captcha-response" hidden></textarea></div>
       <script>setTimeout(() => { document.querySelector("textarea").value = "x".repeat(${MEGABYTE}); }, 1_000);</script>`,
    );
    const { session_id } = await bot.createGuest({ url });
    expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "solved", verified: "checked" });
    expect((await bot.result(session_id)).evidence).toMatchObject([{ how: "by_itself" }]);
  });

  test("[R21] a pattern that backtracks without end is unknown, and the server answers all the while", async ({
    server,
    site,
    bot,
  }) => {
    const url = site.serve("/", `<p id="text">${"a".repeat(40)}!</p>`);
    const session = await bot.createGuest({
      url,
      completion: { any: [{ text: "#text", matches: "^(a+)+$" }], poll_ms: 50 },
    });
    const check = call("POST", `${server.api}/check_completion`, { session_id: session.session_id });
    const asked: number[] = [];
    for (let count = 0; count < 10; count += 1) {
      const startedAt = performance.now();
      expect((await call("GET", `${server.url}/healthz`)).status).toBe(200);
      asked.push(performance.now() - startedAt);
    }
    expectWithin(Math.max(...asked), 2_000);
    expect((await check).body.completed).toBe(false);
    expect((await bot.info(session.session_id)).state).toBe("waiting");
    // Unknown, so that the operator's word decides.
    const answer = server.controller.join(session.session_id, deadLine(), "plain");
    await answer.welcomed;
    expect(await answer.session.finish(answer.viewer, { outcome: "done" })).toEqual({
      completed: true,
      reason: "operator_done",
    });
  });

  for (const [completion, field] of eachSecond([
    [{ any: [{ gone: "#ok" }, { visible: "div[" }] }, "completion.any.1"],
    [{ all: [{ value: "::nope(" }] }, "completion.all.0"],
    [{ all: [{ visible: "#ok" }], any: [{ text: "a >> b", matches: "x" }] }, "completion.any.0"],
    [{ any: [{ gone: "text=hello" }] }, "completion.any.0"],
  ] as const)) {
    test(`[R21] ${JSON.stringify(completion)} has no CSS selector in ${field}`, async ({ server, site }) => {
      let opened = false;
      const url = site.serve("/", (_request, response) => {
        opened = true;
        response.end();
      });
      const refused = await call("POST", `${server.api}/sessions`, { url, completion });
      expect(refused.status).toBe(400);
      expect(refused.body.error).toMatchObject({ code: "invalid_message", details: { field } });
      expect(opened).toBe(false);
    });
  }

  for (const [name, storage_state] of eachSecond([
    ["a cookie without a place", { cookies: [{ name: "a", value: "b" }], origins: [] }],
    ["a cookie of a wrong kind", { cookies: [{ name: "a", value: "b", domain: "x", path: "/", sameSite: "Never" }] }],
    ["an origin that is none", { origins: [{ origin: "nonsense", localStorage: [{ name: "a", value: "b" }] }] }],
    ["local storage that is no list", { origins: [{ origin: "http://127.0.0.1", localStorage: "x" }] }],
  ] as const)) {
    test(`[R10] a storage state with ${name} is refused and named`, async ({ server, site }) => {
      const refused = await call("POST", `${server.api}/sessions`, { url: site.serve("/", PAGE), storage_state });
      expect(refused.status, JSON.stringify(refused.body)).toBe(400);
      expect(refused.body.error).toMatchObject({ code: "invalid_message", details: { field: "storage_state" } });
    });
  }
});

/** Closes the session's page behind the server's back, as only a browser can. */
async function closePage(server: TestServer, { session_id }: SessionAnswer): Promise<void> {
  const address = await readFile(join(server.dataDir, "profiles", session_id, "DevToolsActivePort"), "utf8");
  const devtools = `http://127.0.0.1:${address.split("\n")[0]}/json`;
  const targets = (await (await fetch(`${devtools}/list`)).json()) as { id: string; type: string }[];
  await fetch(`${devtools}/close/${targets.find(({ type }) => type === "page")?.id}`);
}

/** A viewer that takes whatever it is sent. */
function deadLine() {
  return { sendText: () => {}, sendBinary: () => {}, pingBehind: () => {}, bufferedBytes: () => 0, close: () => {} };
}
