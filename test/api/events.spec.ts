/** The events of a session: told once, in order, to whoever follows it from wherever. */
import { BINARY_SUBPROTOCOL } from "../../src/protocol/live.ts";
import { EventStream } from "../support/event-stream.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";

const PAGE = `<!doctype html><style>body { margin: 0 }</style>
  <div id="my-captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;

const test = base.extend<{ follow: (url: string, headers?: Record<string, string>) => Promise<EventStream> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  follow: async ({}, use) => {
    const streams: EventStream[] = [];
    await use(async (url, headers) => {
      const stream = await EventStream.open(url, headers);
      streams.push(stream);
      return stream;
    });
    for (const stream of streams) stream.close();
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[R14] a whole life: each event once, in order, the result at the end, then the stream ends", async ({
  server,
  site,
  bot,
  connect,
  follow,
}) => {
  const session = await bot.create({ url: site.serve("/", PAGE), label: "shop" });
  const { session_id: id } = session;
  const stream = await follow(`${server.api}/session/${id}/events?after=0`);
  expect(stream.response.status).toBe(200);
  const operator = await connect(session.ws_url, { protocols: [BINARY_SUBPROTOCOL] });
  await operator.next("session_info");
  // One change after the other: more than one a second is told as what it comes to.
  await expect.poll(() => stream.types()).toHaveLength(5);
  operator.send({ type: "release_control" });
  await expect.poll(() => stream.types()).toHaveLength(7);
  operator.send({ type: "take_control" });
  await expect.poll(() => stream.types()).toHaveLength(9);
  operator.send({ type: "finish", outcome: "cannot", note: "too hard" });
  await stream.ended;

  expect(stream.types()).toEqual([
    "session.created",
    "session.state",
    "session.operator_joined",
    "session.control",
    "session.state",
    "session.control",
    "session.state",
    "session.control",
    "session.state",
    "session.state",
    "session.ended",
  ]);
  const states = stream.events.flatMap(({ event }) => (event.type === "session.state" ? [event.data.state] : []));
  expect(states).toEqual(["waiting", "active", "waiting", "active", "failed"]);
  const holders = stream.events.flatMap(({ event }) => (event.type === "session.control" ? [event.data.holder] : []));
  expect(holders).toEqual([expect.stringMatching(/^operator-/), null, expect.stringMatching(/^operator-/)]);
  expect((await stream.next("session.created")).data).toMatchObject({ session_id: id, label: "shop" });
  expect((await stream.next("session.state")).data.captcha_info).toMatchObject({ x: 40, y: 60, kind: "generic" });
  expect((await stream.next("session.operator_joined")).data).toMatchObject({ operators: 1, first: true });
  expect(stream.events.map((event) => event.id)).toEqual(
    stream.events.map((event) => event.id).toSorted((a, b) => a - b),
  );
  expect(new Set(stream.events.map(({ event }) => event.id)).size).toBe(stream.events.length);

  const { storage_state, ...outcome } = await bot.result(id);
  expect((await stream.next("session.ended")).data).toEqual({ session_id: id, ...outcome });
  expect(outcome).toMatchObject({ outcome: "failed", reason: "operator_gave_up", note: "too hard" });
  expect(storage_state).toBeDefined();
});

test("[R14] the end tells has_storage_state only when it can be read, and the long poll does not wait for it", async ({
  server,
  site,
  bot,
  follow,
}) => {
  const { session_id: id } = await bot.create({ url: site.serve("/", PAGE) });
  const stream = await follow(`${server.api}/session/${id}/events`);
  const [told] = await Promise.all([
    bot.waitForEnd(id).then(() => Date.now()),
    stream.next("session.state").then(() => call("DELETE", `${server.api}/session/${id}`)),
  ]);
  const end = await stream.next("session.ended");
  expect(end.data.has_storage_state).toBe(true);
  expect((await bot.result(id)).storage_state).toBeDefined();
  const toldAt = stream.events.at(-1)?.at ?? 0;
  expectWithin(told - toldAt, 50);
});

test("[R14] who comes late is told what is so now, first", async ({ server, site, bot, connect, follow }) => {
  const session = await bot.createGuest({ url: site.serve("/", PAGE) });
  const operator = await connect(session.ws_url);
  await operator.next("session_info");
  const stream = await follow(`${server.api}/session/${session.session_id}/events`);
  const { data } = await stream.next("session.state");
  expect(data).toMatchObject({
    session_id: session.session_id,
    state: "active",
    reason: null,
    verified: null,
    operators: 1,
    holder: expect.stringMatching(/^operator-/),
    captcha_info: { selector: '[id*="captcha" i]', x: 40 },
  });
  expect(stream.types()).toEqual(["session.state"]);
  operator.send({ type: "release_control" });
  await stream.next("session.control");
  operator.terminate();
  await expect.poll(() => stream.types()).toHaveLength(4);
  expect(stream.types().toSorted()).toEqual([
    "session.control",
    "session.operator_left",
    "session.state",
    "session.state",
  ]);
});

for (const form of ["Last-Event-ID", "?after="] as const) {
  test(`[R14] ${form} goes on where it stopped: nothing twice, nothing left out`, async ({
    server,
    site,
    bot,
    connect,
    follow,
  }) => {
    const session = await bot.createGuest({ url: site.serve("/", PAGE) });
    const url = `${server.api}/session/${session.session_id}/events`;
    const first = await follow(`${url}?after=0`);
    const { id: place } = await expect
      .poll(() => first.events.length)
      .toBe(2)
      .then(() => first.events[1] as { id: number });
    first.close();

    await (await connect(session.ws_url, { protocols: [BINARY_SUBPROTOCOL] })).next("session_info");
    const second =
      form === "?after=" ? await follow(`${url}?after=${place}`) : await follow(url, { "last-event-id": `${place}` });
    await call("DELETE", `${server.api}/session/${session.session_id}`);
    await second.ended;
    const all = await follow(`${url}?after=0`);
    await all.ended;
    expect([...first.events, ...second.events].map(({ event }) => event)).toEqual(all.events.map(({ event }) => event));
    expect(second.types()[0]).toBe("session.operator_joined");
  });
}

for (const [name, place] of [
  ["is not known any more", "999999999"],
  ["is no place", "evt_1"],
] as const) {
  test(`[R14] a Last-Event-ID that ${name} begins with what is so now`, async ({ server, site, bot, follow }) => {
    const { session_id: id } = await bot.createGuest({ url: site.serve("/", PAGE) });
    const stream = await follow(`${server.api}/session/${id}/events`, { "last-event-id": place });
    expect((await stream.next("session.state")).data.state).toBe("waiting");
    expect(stream.types()).toEqual(["session.state"]);
  });
}

test("[R14] of an ended session the end alone, at once; who was told it already gets 204", async ({
  server,
  site,
  bot,
  follow,
}) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", PAGE) });
  await call("DELETE", `${server.api}/session/${id}`);
  await bot.result(id);
  const stream = await follow(`${server.api}/session/${id}/events`);
  await stream.ended;
  expect(stream.types()).toEqual(["session.ended"]);
  expect((await stream.next("session.ended")).data).toMatchObject({ outcome: "cancelled", reason: "cancelled_by_bot" });
  const again = await call("GET", `${server.api}/session/${id}/events`, undefined, {
    "last-event-id": `${stream.events[0]?.id}`,
  });
  expect([again.status, again.body]).toEqual([204, ""]);
});

test("[R14] a place in an earlier session with the same id leads to that one's end", async ({
  server,
  site,
  bot,
  follow,
}) => {
  const body = { session_id: "again", url: site.serve("/", PAGE) };
  await bot.createGuest(body);
  const url = `${server.api}/session/again/events`;
  const first = await follow(`${url}?after=0`);
  await first.next("session.state");
  first.close();
  await call("DELETE", `${server.api}/session/again`);
  await bot.createGuest(body);
  const resumed = await follow(url, { "last-event-id": `${first.events.at(-1)?.id}` });
  await resumed.ended;
  expect(resumed.types()).toEqual(["session.state", "session.ended"]);
  const present = await follow(url);
  expect((await present.next("session.state")).data.state).toBe("waiting");
});

test("[R14] an unknown session is a 404 in JSON, a bad place a 400", async ({ server }) => {
  const unknown = await call("GET", `${server.api}/session/unknown/events`);
  expect([unknown.status, unknown.body.error.code]).toEqual([404, "session_not_found"]);
  const bad = await call("GET", `${server.api}/session/unknown/events?after=-1`);
  expect([bad.status, bad.body.error.code, bad.body.error.details.field]).toEqual([400, "invalid_message", "after"]);
});

test("[R14] the headers of a stream: nobody keeps it, nobody holds it back, and the server's own stay", async ({
  server,
  site,
  bot,
  follow,
}) => {
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", PAGE) });
  const { headers } = (await follow(`${server.api}/session/${id}/events`)).response;
  expect(Object.fromEntries(headers)).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  });
});

test("[R14] a browser's EventSource is told the end, and stops asking after it @long", async ({
  startServer,
  site,
  bot,
  page,
}) => {
  // An EventSource cannot send a key.
  const server = await startServer({ AUTH: "off" });
  const created = await call("POST", `${server.api}/sessions`, await bot.guest({ url: site.serve("/", PAGE) }));
  const { session_id: id } = created.body;
  await page.goto(`${server.api}/control`);
  const told = await page.evaluateHandle((url) => {
    const types: string[] = [];
    const source = new EventSource(url);
    source.addEventListener("session.state", ({ data }) => types.push(JSON.parse(data).data.state));
    source.addEventListener("session.ended", ({ data }) => types.push(JSON.parse(data).data.outcome));
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && types.push("closed"));
    return types;
  }, `/api/captcha/session/${id}/events`);
  await expect.poll(() => told.jsonValue()).toEqual(["waiting"]);
  await call("DELETE", `${server.api}/session/${id}`);
  // It comes back once, as browsers do, and is told that nothing will follow.
  await expect.poll(() => told.jsonValue()).toEqual(["waiting", "cancelled", "cancelled", "closed"]);
});

test("[R14] a server that stops tells the ends, and every stream ends", async ({ site, startServer, follow }) => {
  const server = await startServer();
  const created = await call("POST", `${server.api}/sessions`, { url: site.serve("/", PAGE) });
  const { session_id: id } = created.body;
  const streams = await Promise.all([1, 2, 3].map(() => follow(`${server.api}/session/${id}/events`)));
  await Promise.all(streams.map((stream) => stream.next("session.state")));
  await server.close();
  for (const stream of streams) {
    await stream.ended;
    expect(stream.types()).toEqual(["session.state", "session.state", "session.ended"]);
    expect((await stream.next("session.ended")).data).toMatchObject({ outcome: "cancelled", reason: "shutting_down" });
  }
});
