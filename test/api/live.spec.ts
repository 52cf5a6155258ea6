/** The operator socket, rule by rule. */
import { once } from "node:events";
import { BY_MESSAGE, PROTOCOLS_QUERY } from "../../src/protocol/protocols-by-message.ts";
import type { SessionAnswer, SessionListItem } from "../../src/protocol/rest.ts";
import { type Bot, BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { expectWithin } from "../support/pace.ts";
import { call, REPORTING, reportsOf, test } from "../support/requests.ts";

const VIEWPORT = { width: 600, height: 400 };
const JSON_CLIENT = { protocols: ["captcha.json.v1"] };

/** Reports every mouse event that is not the browser's own at (0, 0). */
const MOUSE_PAGE = `<!doctype html><style>body { margin: 0; height: 3000px }</style>${REPORTING}<script>
  for (const type of ["mousedown", "mousemove", "mouseup"])
    addEventListener(type, (event) => {
      if (event.clientX > 0) report([type.slice(5), event.clientX, event.clientY, event.buttons, event.button]);
    });
  addEventListener("scroll", () => report(["scroll", Math.round(scrollX), Math.round(scrollY)]));
</script>`;

const FIELD_PAGE = `<!doctype html><style>body { margin: 0 }</style>${REPORTING}
  <input id="field" style="position:absolute;left:20px;top:20px;width:200px;height:40px"><script>
  const field = document.getElementById("field");
  field.oninput = () => report(["value", field.value]);
  for (const type of ["keydown", "keyup"])
    addEventListener(type, (event) => report([type, event.key, event.code, event.shiftKey, event.ctrlKey]));
  addEventListener("mouseup", () => report("focused"));
</script>`;

function mouse(event_type: "down" | "move" | "up", x: number, y: number, more: object = {}): object {
  return { type: "mouse_event", event_type, x, y, ...more };
}

/** As a console sends it: with the button, so that it is not taken for an older client's. */
function exact(event_type: "down" | "move" | "up", x: number, y: number): object {
  return mouse(event_type, x, y, { button: "left", buttons: event_type === "up" ? 0 : 1 });
}

/** Everything sent before has been handled when its answer is here. */
async function settled(client: LiveClient): Promise<void> {
  const id = `settled-${client.received.length}-${Math.random()}`;
  client.send({ type: "ping", id });
  await client.next("pong", ({ reply_to }) => reply_to === id);
}

async function welcomed(client: LiveClient): Promise<LiveClient> {
  await client.next("session_info");
  await client.next("presence");
  return client;
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W1] answers carry reply_to and all messages a timestamp", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const before = Date.now();
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "ping", id: "p" });
  client.send({ type: "ping", id: 0 });
  client.send({ type: "heartbeat", id: 7 });
  client.send({ type: "ping" });
  client.send({ type: "mouse_event", id: "wrong", x: "left" });
  client.send({ type: "check_completion", id: "check" });
  const error = await client.next("error");
  expect(error).toMatchObject({ code: "invalid_message", reply_to: "wrong", details: { field: "event_type" } });
  expect(await client.next("completion_status")).toMatchObject({ reply_to: "check" });
  const pongs = client.received.filter(({ type }) => type === "pong");
  expect(pongs.map(({ reply_to }) => reply_to)).toEqual(["p", 0, 7, undefined]);
  for (const { type, timestamp } of client.received) {
    expect(timestamp, type).toBeGreaterThanOrEqual(before);
    expect(timestamp, type).toBeLessThanOrEqual(Date.now());
  }
});

test("[W2] an unknown session: error, then close 4404", async ({ server, connect }) => {
  const client = await connect(`${server.api.replace("http", "ws")}/ws/nobody`);
  expect(await client.closed).toEqual({ code: 4404, reason: "session_not_found" });
  expect(client.received.map(({ type }) => type)).toEqual(["error"]);
  expect(client.received[0]).toMatchObject({ code: "session_not_found" });
});

test("[W2] an ended session: error with its end, then close 4410", async ({ server, site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  const client = await connect(session.ws_url);
  expect(await client.closed).toMatchObject({ code: 4410 });
  const details = { state: "cancelled", reason: "cancelled_by_bot" };
  expect(client.received).toMatchObject([{ type: "error", code: "session_ended", details }]);
});

test("[W2] a session that starts: an older client is told when the page is ready, others at once and again", async ({
  server,
  site,
  connect,
}) => {
  const released = Promise.withResolvers<void>();
  const url = site.serve("/", async (_request, response) => {
    await released.promise;
    response.setHeader("content-type", "text/html").end(MOUSE_PAGE);
  });
  const { body } = await call("POST", `${server.api}/sessions`, { url }, { prefer: "respond-async" });
  const newer = await connect(body.ws_url, JSON_CLIENT);
  const older = await connect(body.ws_url);
  expect(await newer.next("session_info")).toMatchObject({ state: "starting", screenshot: null, seq: 0 });
  newer.send(mouse("down", 1, 1));
  expect(await newer.next("error")).toMatchObject({ code: "page_unresponsive" });
  expect(older.received).toEqual([]);
  released.resolve();
  expect(await newer.next("session_info", ({ state }) => state !== "starting")).toMatchObject({ state: "active" });
  await older.next("session_info");
  expect(older.received[0]).toMatchObject({ type: "session_info", state: "active", screenshot: expect.any(String) });
  await call("DELETE", `${server.api}/session/${body.session_id}`);
});

test("[W2] [W24] what comes before the welcome is acted on after it, in order", async ({ server, site, connect }) => {
  const reports = reportsOf(site);
  const released = Promise.withResolvers<void>();
  const url = site.serve("/", async (_request, response) => {
    await released.promise;
    response.setHeader("content-type", "text/html").end(MOUSE_PAGE);
  });
  const { body } = await call("POST", `${server.api}/sessions`, { url }, { prefer: "respond-async" });
  const client = await connect(body.ws_url);
  client.send({ type: "check_completion" });
  client.send(exact("down", 30, 40));
  client.send(exact("move", 50, 60));
  client.send(exact("up", 50, 60));
  released.resolve();
  await client.next("session_info");
  client.send(exact("down", 70, 80));
  await expect.poll(() => reports.map(([type]) => type)).toEqual(["down", "move", "up", "down"]);
  await call("DELETE", `${server.api}/session/${body.session_id}`);
});

test("[W16] [W31] a socket that is replaced before its welcome does not stay in control", async ({
  server,
  site,
  connect,
}) => {
  const released = Promise.withResolvers<void>();
  const slow = site.serve("/", async (_request, response) => {
    await released.promise;
    response.setHeader("content-type", "text/html").end(MOUSE_PAGE);
  });
  const { body } = await call("POST", `${server.api}/sessions`, { url: slow }, { prefer: "respond-async" });
  const operators = async () => {
    const { sessions } = (await call("GET", `${server.api}/sessions`)).body;
    return sessions.find((one: SessionListItem) => one.session_id === body.session_id).operators;
  };
  // The page is not there yet, so the welcome of an older client waits for it.
  const protocols = [`captcha.client.${"c".repeat(16)}`];
  const url = `${body.ws_url}?${PROTOCOLS_QUERY}=${BY_MESSAGE}`;
  const first = await connect(url);
  first.send({ type: "authenticate", token: TEST_KEY, protocols });
  await expect.poll(operators).toBe(1);
  const second = await connect(url);
  second.send({ type: "authenticate", token: TEST_KEY, protocols: [...protocols, ...JSON_CLIENT.protocols] });
  second.send({ type: "finish", outcome: "cannot" });
  expect(await second.closed).toMatchObject({ code: 4410 });
  released.resolve();
});

test("[W3] session_info has everything an operator needs to begin", async ({ site, bot, connect }) => {
  const url = site.serve(
    "/",
    `<style>body { margin: 0 }</style><div class="captcha-box" style="width:300px;height:200px;background:#abc"></div>`,
  );
  const instructions = "Drag <b>it</b>";
  const session = await bot.create({ url, viewport: VIEWPORT, instructions, label: "L" });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  expect(client.received[0]).toEqual({
    type: "session_info",
    session_id: session.session_id,
    screenshot: expect.stringMatching(/^\/9j\//),
    captcha_info: session.captcha_info,
    viewport: VIEWPORT,
    view: { x: 0, y: 0, width: 310, height: 210 },
    state: "waiting",
    role: "control",
    instructions,
    label: "L",
    expires_at: session.expires_at,
    seq: expect.any(Number),
    timestamp: expect.any(Number),
  });
  expect(session.captcha_info).toMatchObject({ x: 0, y: 0, width: 300, height: 200 });
  await client.next("control", ({ you }) => you);
  await client.next("session_state", ({ state }) => state === "active");
});

test("[W6] [W7] solved: the answer to the check, completed, close 1000", async ({ site, bot, connect }) => {
  const url = site.serve(
    "/",
    `<div id="done" style="display:none">done</div><script>
    onmousedown = () => { document.getElementById("done").style.display = "block"; };
  </script>`,
  );
  const completion = { any: [{ visible: "#done" }], stable_ms: 1_500 };
  const session = await bot.create({ url, completion });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "check_completion", id: 1 });
  expect(await client.next("completion_status")).toMatchObject({
    completed: false,
    reason: "rules_not_met",
    reply_to: 1,
  });
  client.send(mouse("down", 10, 10));
  client.send({ type: "check_completion", id: 2 });
  client.send({ type: "check_completion", id: 3 });
  expect(await client.closed).toEqual({ code: 1000, reason: "completed" });
  const ending = client.received.filter(({ type, reply_to }) => type === "completed" || (reply_to ?? 1) !== 1);
  expect(ending).toMatchObject([
    { type: "completion_status", completed: true, reason: "rules_met", reply_to: 2 },
    { type: "completion_status", completed: true, reason: "rules_met", reply_to: 3 },
    { type: "completed", message: expect.stringMatching(/\S/), verified: "checked" },
  ]);
});

for (const [state, reason, end] of [
  ["cancelled", "cancelled_by_bot", (api: string, id: string) => call("DELETE", `${api}/session/${id}`)],
  ["expired", "timeout", () => Promise.resolve()],
] as const) {
  test(`[W6] ${state}: session_state, error ${reason}, close 4410, to everybody`, async ({
    server,
    site,
    bot,
    connect,
  }) => {
    const timeout_seconds = state === "expired" ? 6 : 60;
    const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), timeout_seconds });
    const clients = [await connect(session.ws_url), await connect(session.ws_url, JSON_CLIENT)];
    for (const client of clients) await client.next("session_info");
    await end(server.api, session.session_id);
    for (const client of clients) {
      expect(await client.closed).toEqual({ code: 4410, reason });
      expect(client.received.slice(-2)).toMatchObject([
        { type: "session_state", state, reason },
        { type: "error", code: reason, message: expect.stringMatching(/\S/) },
      ]);
    }
  });
}

test("[W6] a server that shuts down tells it and closes with 1001", async ({ startServer, site, connect }) => {
  const { api, close } = await startServer();
  const { body } = await call("POST", `${api}/sessions`, { url: site.serve("/", MOUSE_PAGE) });
  const client = await welcomed(await connect(body.ws_url));
  const closing = close();
  expect(await client.closed).toEqual({ code: 1001, reason: "shutting_down" });
  expect(client.received.slice(-2)).toMatchObject([
    { type: "session_state", state: "cancelled", reason: "shutting_down" },
    { type: "error", code: "shutting_down" },
  ]);
  await closing;
});

test("[W8] a WebSocket ping is answered, and a pong message is taken without a word", async ({
  site,
  bot,
  connect,
}) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  const client = await welcomed(await connect(session.ws_url));
  const ponged = once(client.socket, "pong");
  client.socket.ping("here");
  expect(String((await ponged)[0])).toBe("here");
  const before = client.received.length;
  client.send({ type: "pong" });
  await settled(client);
  const answers = client.received.slice(before).filter(({ type }) => type !== "screenshot_update");
  expect(answers.map(({ type }) => type)).toEqual(["pong"]);
});

test("[W9] an error says which field, and the socket stays open", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "warp", id: 1 });
  client.send({ type: "key", id: 2, event_type: "down", key: "NoSuchKey" });
  client.send({ type: "wheel", id: 3, x: 1, y: 1, delta_x: 0, delta_y: 1e9 });
  await client.next("error", ({ reply_to }) => reply_to === 3);
  const errors = client.received.filter(({ type }) => type === "error");
  expect(errors).toMatchObject([
    { code: "unknown_type", reply_to: 1, details: { type: "warp" }, message: expect.stringMatching(/\S/) },
    { code: "invalid_message", reply_to: 2, details: { field: "key" } },
    { code: "invalid_message", reply_to: 3, details: { field: "delta_y" } },
  ]);
  await settled(client);
});

test("[W10] the wheel scrolls the page", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "wheel", x: 300, y: 200, delta_x: 0, delta_y: 240 });
  await expect.poll(() => reports.at(-1)).toEqual(["scroll", 0, 240]);
  client.send({ type: "wheel", x: 300, y: 200, delta_x: 0, delta_y: -100 });
  await expect.poll(() => reports.at(-1)).toEqual(["scroll", 0, 140]);
});

test("[W11] [W12] text and keys land in the field that was pressed, any script, correctable", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const session = await bot.create({ url: site.serve("/", FIELD_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url));
  const values = () => reports.filter(([type]) => type === "value").map(([, value]) => value);
  const press = (key: string, modifiers = 0) => {
    client.send({ type: "key", event_type: "down", key, code: key, modifiers });
    client.send({ type: "key", event_type: "up", key, code: key, modifiers });
  };
  client.send(exact("down", 60, 40));
  client.send(exact("up", 60, 40));
  client.send({ type: "text", text: "验证码 ü🧩" });
  await expect.poll(values).toEqual(["验证码 ü🧩"]);
  press("Backspace");
  press("ArrowLeft");
  client.send({ type: "key", event_type: "down", key: "x", code: "KeyX" });
  client.send({ type: "key", event_type: "up", key: "x", code: "KeyX" });
  await expect.poll(values).toEqual(["验证码 ü🧩", "验证码 ü", "验证码 xü"]);
  const keys = () => reports.filter(([type]) => type === "keydown" || type === "keyup");
  await expect
    .poll(() => keys().slice(-2))
    .toEqual([
      ["keydown", "x", "KeyX", false, false],
      ["keyup", "x", "KeyX", false, false],
    ]);
  client.send({ type: "key", event_type: "down", key: "a", code: "KeyA", modifiers: 2 });
  client.send({ type: "key", event_type: "up", key: "a", code: "KeyA", modifiers: 2 });
  await expect.poll(() => reports.at(-1)).toEqual(["keyup", "a", "KeyA", false, true]);
  expect(values().at(-1)).toBe("验证码 xü");
});

test("[W4] middle and right buttons, double clicks and fractions reach the page", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const url = site.serve(
    "/",
    `${REPORTING}<script>
    addEventListener("dblclick", () => report("dblclick"));
    addEventListener("contextmenu", (event) => { event.preventDefault(); report("contextmenu"); });
    addEventListener("auxclick", (event) => report(["auxclick", event.button]));
    addEventListener("pointerdown", (event) => report(["at", event.clientX, event.clientY]));
  </script>`,
  );
  const session = await bot.create({ url, viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url));
  for (const button of ["right", "middle"]) {
    client.send(mouse("down", 100.5, 50.25, { button }));
    client.send(mouse("up", 100.5, 50.25, { button }));
  }
  for (let click = 0; click < 2; click += 1) {
    client.send(exact("down", 200, 50));
    client.send(exact("up", 200, 50));
  }
  await expect.poll(() => reports).toContain("dblclick");
  expect(reports).toContain("contextmenu");
  expect(reports).toContainEqual(["auxclick", 1]);
  expect(reports[0]).toEqual(["at", 100.5, 50.25]);
});

test.describe("control", () => {
  interface Two {
    readonly session: SessionAnswer;
    readonly holder: LiveClient;
    readonly watcher: LiveClient;
    /** What the page reported. */
    readonly reports: unknown[];
  }

  async function twoOf(
    parts: { site: TestSite; bot: Bot },
    connect: (url: string, options?: { protocols?: string[] }) => Promise<LiveClient>,
    options = JSON_CLIENT,
  ): Promise<Two> {
    const reports = reportsOf(parts.site);
    const session = await parts.bot.createGuest({ url: parts.site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
    const holder = await welcomed(await connect(session.ws_url, options));
    await holder.next("control", ({ you }) => you);
    const watcher = await welcomed(await connect(session.ws_url, options));
    return { session, holder, watcher, reports };
  }

  test("[W16] [W26] the first to join is in control, a second one watches and does not evict it", async ({
    site,
    bot,
    connect,
  }) => {
    const { holder, watcher, reports } = await twoOf({ site, bot }, connect);
    expect(await watcher.next("control")).toMatchObject({ you: false, holder: expect.any(String) });
    expect(await holder.next("presence", ({ operators }) => operators === 2)).toBeTruthy();
    watcher.send(exact("move", 30, 30));
    watcher.send({ ...exact("down", 40, 40), id: "d" });
    watcher.send({ type: "text", id: "t", text: "x" });
    watcher.send({ type: "wheel", id: "w", x: 1, y: 1, delta_x: 0, delta_y: 9 });
    watcher.send(exact("up", 40, 40));
    await settled(watcher);
    const errors = watcher.received.filter(({ type }) => type === "error");
    expect(errors.map((error) => [error.reply_to, (error as { code?: string }).code])).toEqual([
      ["d", "not_in_control"],
      ["t", "not_in_control"],
      ["w", "not_in_control"],
    ]);
    holder.send(exact("down", 100, 100));
    holder.send(exact("up", 100, 100));
    await expect.poll(() => reports.map((report) => (report as string[])[0])).toEqual(["down", "up"]);
    expect(holder.socket.readyState).toBe(holder.socket.OPEN);
  });

  test("[W16] [W24] take_control: everybody is told, and what the other held is let go of at once", async ({
    site,
    bot,
    connect,
  }) => {
    const { holder, watcher, reports } = await twoOf({ site, bot }, connect);
    holder.send(exact("down", 100, 100));
    holder.send(exact("move", 120, 100));
    await expect.poll(() => reports.length).toBe(2);
    watcher.send({ type: "take_control" });
    const told = await watcher.next("control", ({ you }) => you);
    expect(await holder.next("control", ({ holder: name }) => name === told.holder)).toMatchObject({ you: false });
    await expect.poll(() => reports.at(-1)).toEqual(["up", 120, 100, 0, 0]);
    watcher.send(exact("down", 200, 200));
    await expect.poll(() => reports.at(-1)).toEqual(["down", 200, 200, 1, 0]);
    holder.send({ ...exact("down", 1, 1), id: 1 });
    expect(await holder.next("error")).toMatchObject({ code: "not_in_control", details: { holder: told.holder } });
  });

  test("[W16] [W18] release_control: nobody is in control, the session waits, who asks gets it", async ({
    site,
    bot,
    connect,
  }) => {
    const { session, holder, watcher } = await twoOf({ site, bot }, connect);
    watcher.send({ type: "release_control" });
    await settled(watcher);
    expect((await bot.info(session.session_id)).state).toBe("active");
    const seen = watcher.received.length;
    holder.send({ type: "release_control" });
    expect(await watcher.next("control", () => true, seen)).toMatchObject({ holder: null, you: false });
    expect(await watcher.next("session_state", () => true, seen)).toMatchObject({ state: "waiting", reason: null });
    watcher.send({ type: "take_control" });
    await watcher.next("control", ({ you }) => you);
    expect(await holder.next("session_state", ({ state }) => state === "active", seen)).toBeTruthy();
  });

  test("[W16] [W18] control waits for a holder whose line broke, and is given back to whoever comes by the same key", async ({
    site,
    bot,
    connect,
  }) => {
    const { session, holder, watcher } = await twoOf({ site, bot }, connect);
    const seen = watcher.received.length;
    holder.terminate();
    expect(await watcher.next("presence", () => true, seen)).toMatchObject({ operators: 1 });
    expect(await watcher.next("control", () => true, seen)).toMatchObject({ holder: expect.any(String), you: false });
    expect((await bot.info(session.session_id)).state).toBe("active");
    const back = await connect(session.ws_url, JSON_CLIENT);
    expect(await back.next("control")).toMatchObject({ you: true });
    back.terminate();
    await watcher.next("presence", ({ operators }) => operators === 1, watcher.received.length);
    // The watcher came by that key too: its press is enough.
    const before = watcher.received.length;
    watcher.send(exact("down", 50, 50));
    await watcher.next("control", ({ you }) => you, before);
  });

  test("[W16] an older client takes over from a holder that has not acted for 5 s, by a press @long", async ({
    site,
    bot,
    connect,
  }) => {
    const { holder, watcher, reports } = await twoOf({ site, bot }, connect, { protocols: [] });
    holder.send(mouse("move", 10, 10));
    await expect.poll(() => reports.length).toBe(1);
    const actedAt = performance.now();
    await expect
      .poll(
        async () => {
          watcher.send(mouse("down", 50, 60));
          await settled(watcher);
          return watcher.received.some((message) => message.type === "control" && message.you);
        },
        { intervals: [200] },
      )
      .toBe(true);
    expect(performance.now() - actedAt).toBeGreaterThan(4_500);
    expect(watcher.received.some((message) => message.type === "error" && message.code === "not_in_control")).toBe(
      true,
    );
    await expect.poll(() => reports.at(-1)).toEqual(["down", 50, 60, 1, 0]);
  });

  test("[W24] what a lost socket held down is released a second later, where it was", async ({
    site,
    bot,
    connect,
  }) => {
    const { holder, reports } = await twoOf({ site, bot }, connect);
    holder.send(exact("down", 100, 100));
    holder.send(exact("move", 140, 110));
    await expect.poll(() => reports.length).toBe(2);
    const lostAt = performance.now();
    holder.terminate();
    await expect.poll(() => reports.at(-1), { intervals: [20] }).toEqual(["up", 140, 110, 0, 0]);
    const after = performance.now() - lostAt;
    expect(after).toBeGreaterThan(900);
    expectWithin(after, 4_000);
  });
});

test("[W17] cannot ends the session, with the operator's note", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "finish", outcome: "cannot", note: "看不清" });
  expect(await client.closed).toEqual({ code: 4410, reason: "operator_gave_up" });
  expect(client.received.slice(-2)).toMatchObject([
    { type: "session_state", state: "failed", reason: "operator_gave_up" },
    { type: "error", code: "operator_gave_up" },
  ]);
  expect(await bot.result(session.session_id)).toMatchObject({
    outcome: "failed",
    reason: "operator_gave_up",
    verified: null,
    note: "看不清",
  });
});

test("[W16] [W17] who comes by the key of a holder whose line broke may end the session", async ({
  site,
  bot,
  connect,
}) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const holder = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  const watcher = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  holder.terminate();
  await watcher.next("presence", ({ operators }) => operators === 1, watcher.received.length);
  watcher.send({ type: "finish", outcome: "cannot" });
  expect(await watcher.closed).toMatchObject({ code: 4410 });
});

test("[W17] [S2] done, where the rules cannot tell, is the operator's word", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "finish", outcome: "done" });
  expect(await client.closed).toMatchObject({ code: 1000 });
  expect(client.received.at(-1)).toMatchObject({ type: "completed", verified: "operator" });
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({
    state: "solved",
    completed: true,
    verified: "operator",
    reason: "operator_done",
  });
});

test("[W17] [S2] done, where the rules contradict it, keeps the session open and says so", async ({
  site,
  bot,
  connect,
}) => {
  const url = site.serve("/", `<p id="challenge" style="width:200px;height:100px">still here</p>`);
  const session = await bot.createGuest({ url, completion: { any: [{ gone: "#challenge" }] } });
  const client = await welcomed(await connect(session.ws_url));
  client.send({ type: "finish", outcome: "done", id: "f" });
  expect(await client.next("completion_status")).toMatchObject({
    completed: false,
    reason: "rules_not_met",
    reply_to: "f",
  });
  expect((await bot.info(session.session_id)).state).toBe("active");
  await settled(client);
});

test("[W18] [W19] extend moves the deadline for everybody, up to the cap", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), timeout_seconds: 60 });
  const client = await welcomed(await connect(session.ws_url));
  const other = await welcomed(await connect(session.ws_url));
  const before = Date.parse(session.expires_at);
  const seen = other.received.length;
  client.send({ type: "extend", seconds: 30 });
  const moved = await other.next("session_state", () => true, seen);
  expect(moved).toMatchObject({ state: "active", reason: null });
  expect(Date.parse(moved.expires_at)).toBe(before + 30_000);
  client.send({ type: "extend", seconds: 86_400 });
  const capped = await other.next("session_state", ({ expires_at }) => expires_at !== moved.expires_at, seen);
  expect(Date.parse(capped.expires_at)).toBe(before + 3_540_000);
  client.send({ type: "extend", seconds: 0, id: 1 });
  expect(await client.next("error")).toMatchObject({ code: "invalid_message", details: { field: "seconds" } });
});

test("[W24] events arrive in order, moves carry the button, and up acts at its own point", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const session = await bot.create({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  client.send(mouse("move", 50, 50, { buttons: 0 }));
  client.send(exact("down", 60, 60));
  client.send(exact("move", 100, 60));
  client.send(exact("up", 140, 70));
  client.send(mouse("move", 200, 80, { buttons: 0 }));
  await expect
    .poll(() => reports)
    .toEqual([
      ["move", 50, 50, 0, 0],
      ["down", 60, 60, 1, 0],
      ["move", 100, 60, 1, 0],
      ["up", 140, 70, 0, 0],
      ["move", 200, 80, 0, 0],
    ]);
});

test("[W24] an older client's up releases where its last move left the pointer", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url));
  client.send(mouse("down", 60, 60));
  client.send(mouse("move", 100, 60));
  client.send(mouse("up", 5, 5));
  await expect.poll(() => reports.at(-1)).toEqual(["up", 100, 60, 0, 0]);
});

test("[W24] of a burst of moves some may be merged, the last before the up never", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  client.send(exact("down", 10, 50));
  for (let x = 11; x <= 400; x += 1) client.send(exact("move", x, 50));
  client.send(exact("up", 400, 50));
  await expect.poll(() => reports.at(-1)).toEqual(["up", 400, 50, 0, 0]);
  const moves = reports.filter(([type]) => type === "move");
  expect(moves.at(-1)).toEqual(["move", 400, 50, 1, 0]);
  expect(moves.every(([, , , buttons]) => buttons === 1)).toBe(true);
  const path = moves.map(([, x]) => x);
  expect(path).toEqual(path.toSorted((a, b) => a - b));
});

test("[W24] the first move of a press is never merged, however slow the page", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  // Its first moves take long, so that later ones are held back.
  const slow = `${MOUSE_PAGE}<script>addEventListener("pointermove", (event) => {
    for (const until = performance.now() + 100; event.clientX < 40 && performance.now() < until; );
    // The browser hands on several moves as one.
    for (const { clientX, clientY } of event.getCoalescedEvents()) report(["passed", clientX, clientY]);
  })</script>`;
  const session = await bot.createGuest({ url: site.serve("/", slow), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  for (const x of [10, 20, 30, 40]) {
    client.send(mouse("move", x, 40, { button: "left", buttons: 0 }));
    if (x < 40) await expect.poll(() => reports).toContainEqual(["move", x, 40, 0, 0]);
  }
  client.send(exact("down", 40, 40));
  await expect.poll(() => reports, { intervals: [1] }).toContainEqual(["down", 40, 40, 1, 0]);
  for (const at of [60, 80, 100, 120]) client.send(exact("move", at, at));
  client.send(exact("up", 120, 120));
  await expect.poll(() => reports.map((report) => (report as string[])[0])).toContain("up");
  expect(reports).toContainEqual(["passed", 60, 60]);
});

test("[W24] a drag may leave the viewport and come back", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE), viewport: VIEWPORT });
  const client = await welcomed(await connect(session.ws_url, JSON_CLIENT));
  client.send(exact("down", 500, 50));
  client.send(exact("move", 900, 50));
  await expect.poll(() => reports.at(-1)).toEqual(["move", 900, 50, 1, 0]);
  client.send(exact("move", 550, 60));
  client.send(exact("up", 550, 60));
  await expect.poll(() => reports.at(-1)).toEqual(["up", 550, 60, 0, 0]);
});

test("[W23] only our subprotocol is ever answered", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", MOUSE_PAGE) });
  const client = await connect(session.ws_url, { protocols: ["something.else", "captcha.json.v1"] });
  expect(client.socket.protocol).toBe("captcha.json.v1");
  await expect(connect(session.ws_url, { protocols: ["something.else"] })).rejects.toThrow(/subprotocol/i);
});
