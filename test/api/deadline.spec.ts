/** The end of a session's time, as bots and operators live through it. */
import { EventStream } from "../support/event-stream.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

const PAGE = `<!doctype html><style>body { margin: 0 }</style>
  <div id="my-captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;
const JSON_CLIENT = { protocols: ["captcha.json.v1"] };
/** Long enough to open the page and to join on a busy machine. */
const SHORT_SECONDS = 6;
/** Two clocks are read one after the other, and the server's answer takes its time. */
const GIVE_MS = 2_000;

const test = base.extend<{ receiver: WebhookReceiver; follow: (url: string) => Promise<EventStream> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  follow: async ({}, use) => {
    const streams: EventStream[] = [];
    await use(async (url) => {
      const stream = await EventStream.open(url);
      streams.push(stream);
      return stream;
    });
    for (const stream of streams) stream.close();
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[S8] [W32] the bot is told of the end before it comes, as a stream and by webhook, and so are operators", async ({
  bot,
  startServer,
  site,
  connect,
  receiver,
  follow,
}) => {
  const server = await startServer();
  const callback = { callback_url: receiver.url, callback_secret: SECRET };
  const body = await bot.guest({ url: site.serve("/", PAGE), timeout_seconds: SHORT_SECONDS, ...callback });
  const { session_id: id, ws_url, expires_at } = (await call("POST", `${server.api}/sessions`, body)).body;
  const stream = await follow(`${server.api}/session/${id}/events`);
  const [operator, older] = [await connect(ws_url, JSON_CLIENT), await connect(ws_url)];

  const told = await stream.next("session.expiring");
  const { seconds_left } = told.data;
  expect(told.data).toEqual({ session_id: id, expires_at, seconds_left });
  // Two of six; a busy machine is late.
  expect([1, 2]).toContain(seconds_left);
  expect(Date.parse(told.timestamp)).toBeLessThan(Date.parse(expires_at));
  expect(await operator.next("expiring")).toMatchObject({ expires_at, seconds_left });
  expect((await receiver.next("session.expiring")).event).toEqual(told);

  await stream.ended;
  expect(stream.types().slice(-3)).toEqual(["session.expiring", "session.state", "session.ended"]);
  expect((await stream.next("session.ended")).data).toMatchObject({ outcome: "expired", reason: "timeout" });
  await Promise.all([operator.closed, older.closed]);
  expect(operator.received.filter(({ type }) => type === "expiring")).toHaveLength(1);
  expect(older.received.map(({ type }) => type)).not.toContain("expiring");
  await receiver.next("session.ended");
});

test("[S7] an operator who acts in the last seconds is not thrown out @long", async ({ site, bot, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", PAGE), timeout_seconds: SHORT_SECONDS });
  const operator = await connect(session.ws_url, JSON_CLIENT);
  await operator.next("expiring");
  const [before, seen] = [Date.now(), operator.received.length];
  for (const event_type of ["down", "up"]) operator.send({ type: "mouse_event", event_type, x: 100, y: 100 });
  const { expires_at } = await operator.next("session_state", () => true, seen);
  expect(Date.parse(expires_at) - before).toBeGreaterThanOrEqual(30_000);
  expectWithin(Date.parse(expires_at) - before - 30_000, GIVE_MS);
  // It lives when its first deadline has passed.
  await expect.poll(() => Date.now(), { intervals: [100] }).toBeGreaterThan(Date.parse(session.expires_at));
  expect(await bot.info(session.session_id)).toMatchObject({ state: "active", expires_at });
});

test("[S7] [R4] so is one who acts over REST; who only looks around gets no more time", async ({
  server,
  site,
  bot,
}) => {
  const { session_id, expires_at } = await bot.createGuest({ url: site.serve("/", PAGE), timeout_seconds: 20 });
  const act = (event_type: string) => {
    return call("POST", `${server.api}/mouse_event`, { session_id, event_type, x: 100, y: 100 });
  };
  await act("move");
  expect(await bot.info(session_id)).toMatchObject({ expires_at });
  const before = Date.now();
  await act("down");
  const { body } = await call("GET", `${server.api}/session/${session_id}`);
  expect(Date.parse(body.expires_at) - before).toBeGreaterThanOrEqual(30_000);
  expectWithin(Date.parse(body.expires_at) - before - 30_000, GIVE_MS);
});
