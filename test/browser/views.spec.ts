/** [W14] [W23] Each viewer is shown the part and the scale it asked for, whatever others watch. */
import type { Rect } from "../../src/protocol/common.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { longUnless } from "../support/long-run.ts";
import {
  ANIMATED,
  BOX,
  CHALLENGE_VIEW,
  COMPLETION,
  colourAt,
  expectMarks,
  FOLLOWING,
  INSIDE,
  isNear,
  markedPage,
  VIEWPORT,
  WHOLE,
} from "../support/marked-page.ts";
import { expectWithin } from "../support/pace.ts";
import { expectVanishingFrameSurvived } from "../support/vanishing-frame.ts";

const JSON_FORM = { protocols: ["captcha.json.v1"] };
const BINARY_FORM = { protocols: ["captcha.binary.v1", "captcha.json.v1"] };
const STILL_QUALITY = 80;
/** A still comes about 0.2 s after the last change; machines under test are busy with others. */
const STILL_BOUND_MS = 3_000;
/** A page that repaints without end, seen by who does not touch it. */
const MOST_PICTURES_A_SECOND = 36;
const HEALTH_BOUND_MS = 1_000;
/** Pictures that are captured before it is known that no viewer can take them. */
const FEW = 10;

type Bot = { create(body: Record<string, unknown>): Promise<SessionAnswer> };

function open(bot: Bot, site: TestSite, html: string): Promise<SessionAnswer> {
  return bot.create({ url: site.serve("/", html), viewport: VIEWPORT, completion: COMPLETION });
}

/** Resolves once so much time has passed; the window in which something must not happen. */
async function during(ms: number): Promise<void> {
  const start = performance.now();
  await expect.poll(() => performance.now() - start).toBeGreaterThan(ms);
}

/** Lets the page draw something new. */
function move(client: LiveClient, x = INSIDE.x): void {
  client.send({ type: "mouse_event", event_type: "move", x, y: INSIDE.y, buttons: 0 });
}

function press(client: LiveClient, event_type: "down" | "up", { x, y } = INSIDE): void {
  client.send({ type: "mouse_event", event_type, x, y, button: "left", buttons: event_type === "down" ? 1 : 0 });
}

/** The first text message after `from` ones that answers this id. */
function answerTo(client: LiveClient, id: string) {
  return client.next("error", ({ reply_to }) => reply_to === id);
}

/** A still of this view at this scale, whenever it came. */
function stillOf(client: LiveClient, view: Rect, scale: number, from = 0) {
  return client.nextPicture(
    (picture) => picture.kind === "still" && isSame(picture.view, view) && picture.scale === scale,
    from,
  );
}

function isSame(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W14] the whole page and the challenge again: announced by a session_info, then shown", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(ANIMATED));
  const client = await connect(session.ws_url, JSON_FORM);
  expect((await client.next("session_info")).view).toEqual(CHALLENGE_VIEW);
  for (const [mode, view] of [
    ["page", WHOLE],
    ["challenge", CHALLENGE_VIEW],
    ["page", WHOLE],
  ] as const) {
    const before = client.received.length;
    client.send({ type: "view", mode });
    const info = await client.next("session_info", () => true, before);
    expect(info).toMatchObject({ view, captcha_info: BOX, viewport: VIEWPORT });
    await expectMarks({ jpeg: Buffer.from(info.screenshot ?? "", "base64"), view, scale: 1 });
    await expectMarks(await client.nextPicture((picture) => isSame(picture.view, view)));
  }
  // Every picture shows the view that was announced last.
  for (const { view, after } of client.pictures) {
    const told = client.received.slice(0, after).findLast(({ type }) => type === "session_info");
    expect(told).toMatchObject({ view });
  }
});

test("[W14] [W23] a view that is offered with the socket is shown from the first picture on", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage());
  const binary = { protocols: ["captcha.view.page-2", "captcha.binary.v1"] };
  const client = await connect(session.ws_url, binary);
  expect(client.socket.protocol).toBe("captcha.binary.v1");
  expect((await client.next("session_info")).view).toEqual(WHOLE);
  await expectMarks(await stillOf(client, WHOLE, 2));
  expect(client.pictures.filter(({ view }) => !isSame(view, WHOLE))).toEqual([]);
  for (const offer of ["page", "page-9", "page-", "moon-1", "page-1-1", ""]) {
    const { protocols } = JSON_FORM;
    const other = await connect(session.ws_url, { protocols: [...protocols, `captcha.view.${offer}`] });
    expect((await other.next("session_info")).view, offer).toEqual(CHALLENGE_VIEW);
    other.terminate();
  }
});

test("[W14] a page at rest is shown in another view without a touch @long", async ({ site, bot, connect }) => {
  const session = await open(bot, site, markedPage());
  const client = await connect(session.ws_url, JSON_FORM);
  await client.next("session_info");
  for (const [mode, view] of [
    ["page", WHOLE],
    ["challenge", CHALLENGE_VIEW],
  ] as const) {
    const before = client.received.length;
    client.send({ type: "view", mode });
    const info = await client.next("session_info", () => true, before);
    expect(info.view).toEqual(view);
    await expectMarks({ jpeg: Buffer.from(info.screenshot ?? "", "base64"), view, scale: 1 });
  }
});

test("[W14] [W20] [W23] viewers of one session each see a view of their own, as fine as they asked", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(FOLLOWING));
  const plain = await connect(session.ws_url);
  const binary = await connect(session.ws_url, BINARY_FORM);
  const json = await connect(session.ws_url, JSON_FORM);
  const clients = [
    [plain, CHALLENGE_VIEW, 1],
    [binary, WHOLE, 2],
    [json, CHALLENGE_VIEW, 3],
  ] as const;
  for (const [client] of clients) await client.next("session_info");
  binary.send({ type: "view", mode: "page", scale: 2 });
  json.send({ type: "view", scale: 3 });
  await binary.next("session_info", ({ view }) => isSame(view, WHOLE));
  // A first picture may be of a page that has not drawn itself yet.
  for (const [client, view] of clients) {
    await expect(async () => {
      const newest = client.pictures.findLast((picture) => isSame(picture.view, view));
      await expectMarks(newest ?? (await client.nextPicture()));
    }).toPass();
  }
  for (const x of [INSIDE.x + 20, INSIDE.x + 70]) {
    const before = clients.map(([client]) => client.pictures.length);
    move(plain, x);
    for (const [index, [client, view, scale]] of clients.entries()) {
      const still = await stillOf(client, view, scale, before[index]);
      expect(still.quality).toBeGreaterThanOrEqual(STILL_QUALITY);
      expect(still.isBinary).toBe(client === binary);
      // A busy browser may show white where it has not drawn yet; what it has drawn then follows.
      await expect(async () => {
        const newest = client.pictures.findLast(({ kind }) => kind === "still");
        await expectMarks(newest ?? still);
      }).toPass();
    }
  }
  for (const { view, scale } of plain.pictures) expect({ view, scale }).toEqual({ view: CHALLENGE_VIEW, scale: 1 });
  for (const { scale } of binary.pictures) expect(scale).toBeLessThanOrEqual(2);
  for (const { view } of json.pictures) expect(view).toEqual(CHALLENGE_VIEW);
});

test("[W14] [W20] an older client gets no message about what others watch @long", async ({ site, bot, connect }) => {
  const session = await open(bot, site, markedPage(ANIMATED));
  const plain = await connect(session.ws_url);
  const other = await connect(session.ws_url, JSON_FORM);
  for (const client of [plain, other]) await client.nextPicture();
  for (const view of [
    { mode: "page", scale: 3 },
    { mode: "challenge", scale: 2 },
    { mode: "page", scale: 1 },
  ]) {
    const before = other.received.length;
    other.send({ type: "view", ...view });
    await other.next("session_info", () => true, before);
    await other.nextPicture();
  }
  const last = await plain.nextPicture();
  await expectMarks(last);
  expect(plain.received.filter(({ type }) => type === "session_info")).toHaveLength(1);
  for (const { view, scale } of plain.pictures) expect({ view, scale }).toEqual({ view: CHALLENGE_VIEW, scale: 1 });
});

test("[W14] a page at rest is shown as fine as is asked, also when another has that already", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage());
  const first = await connect(session.ws_url, JSON_FORM);
  await first.next("session_info");
  first.send({ type: "view", scale: 3 });
  await stillOf(first, CHALLENGE_VIEW, 3);
  const second = await connect(session.ws_url, JSON_FORM);
  await second.next("session_info");
  second.send({ type: "view", scale: 2 });
  await expectMarks(await stillOf(second, CHALLENGE_VIEW, 2));
});

test("[W14] a page at rest is shown whole as fine as is asked, also when another sees that already @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage());
  // Its session_info has no scale: a binary client gets every picture as one.
  const first = await connect(session.ws_url, BINARY_FORM);
  await first.next("session_info");
  first.send({ type: "view", mode: "page", scale: 2 });
  await stillOf(first, WHOLE, 2);
  const second = await connect(session.ws_url, BINARY_FORM);
  await second.next("session_info");
  second.send({ type: "view", mode: "page", scale: 2 });
  await second.next("session_info", ({ view }) => isSame(view, WHOLE));
  await expectMarks(await stillOf(second, WHOLE, 2));
});

test("[W23] numbers grow from picture to picture, also where a view is shown from a picture that was at hand", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage());
  const first = await connect(session.ws_url, BINARY_FORM);
  first.send({ type: "view", mode: "page" });
  await first.nextPicture(({ view }) => isSame(view, WHOLE), 0);
  const second = await connect(session.ws_url, BINARY_FORM);
  await second.nextPicture(() => true, 0);
  for (const [mode, due] of [
    ["page", WHOLE],
    ["challenge", CHALLENGE_VIEW],
    ["page", WHOLE],
  ] as const) {
    const before = second.pictures.length;
    second.send({ type: "view", mode });
    await second.nextPicture(({ view }) => isSame(view, due), before);
  }
  const numbers = second.pictures.map(({ seq }) => seq);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

test("[W14] [W23] switched to and fro, every picture shows what its header says @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(ANIMATED));
  const client = await connect(session.ws_url, BINARY_FORM);
  client.acks = true;
  await client.next("session_info");
  const lenses = [1, 2, 3].flatMap((scale) => (["page", "challenge"] as const).map((mode) => ({ mode, scale })));
  for (const { mode, scale } of lenses) {
    const before = client.pictures.length;
    client.send({ type: "view", mode, scale });
    const due = mode === "page" ? WHOLE : CHALLENGE_VIEW;
    await client.nextPicture(({ view }) => isSame(view, due), before + 3);
  }
  // No more of them: on a slow machine they come as fast as they are looked at.
  client.terminate();
  for (const picture of client.pictures.slice()) await expectMarks(picture);
});

test("[W14] a view that makes no sense is refused by its field, and the socket goes on", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(FOLLOWING));
  const client = await connect(session.ws_url, JSON_FORM);
  await client.next("session_info");
  const refused = [
    ["scale", { scale: 0 }],
    ["scale", { scale: 0.99 }],
    ["scale", { scale: 3.01 }],
    ["scale", { scale: 1_000 }],
    ["scale", { scale: -1 }],
    ["scale", { scale: "x" }],
    ["scale", { scale: null }],
    ["scale", { mode: "page", scale: [2] }],
    ["mode", { mode: "nonsense" }],
    ["mode", { mode: "" }],
    ["mode", { mode: 1, scale: 2 }],
  ] as const;
  for (const [index, [field, given]] of refused.entries()) {
    client.send({ type: "view", id: `r${index}`, ...given });
    expect(await answerTo(client, `r${index}`), JSON.stringify(given)).toMatchObject({
      code: "invalid_message",
      details: { field },
    });
  }
  client.send({ type: "ping", id: "alive" });
  await client.next("pong", ({ reply_to }) => reply_to === "alive");
  // Nothing of it was taken over.
  move(client);
  expect(await client.nextPicture(({ kind }) => kind === "still", 0)).toMatchObject({
    view: CHALLENGE_VIEW,
    scale: 1,
  });
});

test("[W14] a page without a challenge is shown whole in either mode, and as fine as is asked @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(FOLLOWING, { challenge: false }));
  expect(session.captcha_info).toBeNull();
  const client = await connect(session.ws_url, BINARY_FORM);
  expect((await client.next("session_info")).view).toEqual(WHOLE);
  client.send({ type: "view", mode: "page", scale: 2 });
  await expectMarks(await stillOf(client, WHOLE, 2));
  const before = client.pictures.length;
  client.send({ type: "view", mode: "challenge", scale: 1 });
  move(client);
  await expectMarks(await stillOf(client, WHOLE, 1, before));
});

test("[W23] [W3] a binary client: a session_info without a picture, then frames whose header is right", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(FOLLOWING));
  const client = await connect(session.ws_url, BINARY_FORM);
  expect(client.socket.protocol).toBe("captcha.binary.v1");
  client.acks = true;
  const info = await client.next("session_info");
  expect(client.received[0]).toBe(info);
  expect(info).not.toHaveProperty("screenshot");
  expect(info.view).toEqual(CHALLENGE_VIEW);
  const first = await client.nextPicture(() => true, 0);
  expect(first.view).toEqual(CHALLENGE_VIEW);
  await expectMarks(first);
  client.send({ type: "view", mode: "page", scale: 2 });
  for (const x of [INSIDE.x, INSIDE.x + 40, INSIDE.x + 80]) {
    const before = client.pictures.length;
    move(client, x);
    await stillOf(client, WHOLE, 2, before);
  }
  for (const picture of client.pictures.slice()) {
    expect(picture.isBinary).toBe(true);
    expect(picture.quality).toBeGreaterThanOrEqual(15);
    await expectMarks(picture);
  }
  const numbers = client.pictures.map(({ seq }) => seq);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(client.received.filter(({ type }) => type === "screenshot_update" || type === "error")).toEqual([]);
});

test("[W22] [W14] the still follows soon after the last change, at the scale that was asked", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(FOLLOWING));
  const client = await connect(session.ws_url, BINARY_FORM);
  await client.next("session_info");
  client.send({ type: "view", scale: 2 });
  await stillOf(client, CHALLENGE_VIEW, 2);
  // A hand that moves about.
  press(client, "down");
  let movedAt = 0;
  for (let step = 1; step <= 15; step += 1) {
    const seen = client.pictures.length;
    movedAt = Date.now();
    client.send({
      type: "mouse_event",
      event_type: "move",
      x: INSIDE.x + step * 3,
      y: INSIDE.y,
      button: "left",
      buttons: 1,
    });
    await client.nextPicture(() => true, seen);
  }
  press(client, "up", { x: INSIDE.x + 45, y: INSIDE.y });
  // The release changes nothing: on a slow machine the still is there before it.
  const still = await client.nextPicture(({ kind, captured_at }) => kind === "still" && captured_at >= movedAt, 0);
  expect(still).toMatchObject({ view: CHALLENGE_VIEW, scale: 2, quality: STILL_QUALITY });
  expectWithin(still.arrivedAt - movedAt, STILL_BOUND_MS);
  await expectMarks(still);
});

test("[W22] a held button is no motion: where the page rests the still comes", async ({ site, bot, connect }) => {
  const session = await open(bot, site, markedPage(FOLLOWING));
  const client = await connect(session.ws_url, JSON_FORM);
  await client.next("session_info");
  press(client, "down");
  for (let step = 1; step <= 10; step += 1) {
    const x = INSIDE.x + step * 5;
    client.send({ type: "mouse_event", event_type: "move", x, y: INSIDE.y, button: "left", buttons: 1 });
  }
  const motion = await client.nextPicture(({ kind }) => kind === "motion", 0);
  expect(motion.quality).toBeLessThan(STILL_QUALITY);
  const still = await client.nextPicture(({ kind, seq }) => kind === "still" && seq > motion.seq, 0);
  expect(still.quality).toBeGreaterThanOrEqual(STILL_QUALITY);
  await expectMarks(still);
});

test("[W15] an ack of a picture that was never sent is refused, and the socket goes on", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(ANIMATED));
  const client = await connect(session.ws_url, BINARY_FORM);
  const { seq } = await client.nextPicture(() => true, 0);
  client.send({ type: "ack", id: "far", seq: seq + 100_000 });
  expect(await answerTo(client, "far")).toMatchObject({ code: "invalid_message", details: { field: "seq" } });
  client.send({ type: "ack", id: "good", seq });
  await client.nextPicture();
  expect(client.received.filter(({ reply_to }) => reply_to === "good")).toEqual([]);
});

test("[W20] [W24] a challenge that moves under the finger: the drag goes on, and the view follows after it @long", async ({
  site,
  bot,
  connect,
}) => {
  const told: number[][] = [];
  site.serve("/told", (request, response) => {
    told.push((request.url?.split("?")[1] ?? "").split(",").map(Number));
    response.end();
  });
  const RUNNING = `${ANIMATED}
    addEventListener("pointerdown", () => {
      let top = ${BOX.y};
      const timer = setInterval(() => { box.style.top = (top += 5) + "px"; if (top >= ${BOX.y + 60}) clearInterval(timer); }, 30);
    });
    addEventListener("pointermove", (event) => {
      if (event.buttons === 1) navigator.sendBeacon("/told?" + event.clientX + "," + event.clientY);
    });`;
  const session = await open(bot, site, markedPage(RUNNING));
  const client = await connect(session.ws_url, BINARY_FORM);
  const whole = await connect(session.ws_url, JSON_FORM);
  whole.send({ type: "view", mode: "page" });
  await whole.next("session_info", ({ view }) => isSame(view, WHOLE));
  await client.nextPicture(() => true, 0);
  client.send({ type: "take_control" });
  press(client, "down");
  const [before, picturesBefore] = [client.received.length, client.pictures.length];
  const points: number[][] = [];
  for (let step = 1; step <= 20; step += 1) {
    const point = { x: INSIDE.x + step * 4, y: INSIDE.y - step };
    points.push([point.x, point.y]);
    const seen = client.pictures.length;
    client.send({ type: "mouse_event", event_type: "move", ...point, button: "left", buttons: 1 });
    await client.nextPicture(() => true, seen + 1);
  }
  // The page may get two moves within one frame as one.
  await expect.poll(() => told.at(-1)).toEqual(points.at(-1));
  expect(told.length).toBeGreaterThan(points.length / 2);
  expect(points).toEqual(expect.arrayContaining(told));
  expect(client.received.slice(before).filter(({ type }) => type === "session_info")).toEqual([]);
  for (const { view } of client.pictures.slice(picturesBefore)) expect(view).toEqual(CHALLENGE_VIEW);
  press(client, "up");
  const info = await client.next("session_info", () => true, before);
  const moved = { ...CHALLENGE_VIEW, y: CHALLENGE_VIEW.y + 60 };
  expect(info).toMatchObject({ view: moved, captcha_info: { ...BOX, y: BOX.y + 60 } });
  await client.nextPicture(({ view }) => isSame(view, moved));
  for (const { view } of whole.pictures.slice(-5)) expect(view).toEqual(WHOLE);
});

for (const kind of ["of its own site", "of another site"] as const) {
  const tag = longUnless(kind === "of another site");
  test(`[W24] [W25] a frame ${kind} that is taken away mid-drag leaves the page usable${tag}`, async ({
    site,
    bot,
    server,
    connect,
  }) => {
    const origin = kind === "of another site" ? site.otherOrigin : site.origin;
    await expectVanishingFrameSurvived({ site, bot, server, connect }, origin);
  });
}

test("[W21] a page that repaints without end: who does not touch it gets enough, and the server answers @long", async ({
  site,
  bot,
  server,
  connect,
}) => {
  const REPAINTING = `let hue = 0; const draw = () => {
      document.documentElement.style.background = "hsl(" + (hue++ % 360) + " 50% 50%)"; requestAnimationFrame(draw);
    }; draw();`;
  const session = await open(bot, site, markedPage(REPAINTING));
  const client = await connect(session.ws_url, BINARY_FORM);
  client.acks = true;
  await client.next("session_info");
  client.send({ type: "view", mode: "page" });
  await client.nextPicture(({ view }) => isSame(view, WHOLE));
  await during(500);
  const [before, startedAt] = [client.pictures.length, performance.now()];
  const waits: number[] = [];
  // A few pictures come at any pace; how many at most is a matter of time.
  while (performance.now() - startedAt < 1_000 || client.pictures.length - before < 6) {
    const askedAt = performance.now();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    waits.push(performance.now() - askedAt);
    await during(50);
  }
  const rate = ((client.pictures.length - before) * 1_000) / (performance.now() - startedAt);
  expect(rate).toBeLessThan(MOST_PICTURES_A_SECOND);
  expectWithin(Math.max(...waits), HEALTH_BOUND_MS);
});

test("[W21] no viewer can take a picture, no pictures: their numbers stand still until one can @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, markedPage(ANIMATED));
  const client = await connect(session.ws_url, JSON_FORM);
  const seen = client.pictures.length;
  await client.nextPicture(() => true, seen + 20);
  client.pause();
  const lastSeen = client.pictures.at(-1)?.seq ?? 0;
  await during(2_000);
  const resumedAt = Date.now();
  client.resume();
  const next = await client.nextPicture(({ captured_at }) => captured_at >= resumedAt);
  expect(next.seq - lastSeen).toBeLessThan(FEW);
});

/** Changes a few times a second, which is no motion, then rests in its last colour. */
const CHANGING = `const colours = ["#cde", "#bbb", "#aac", "#9bd", "#8ac", "#79b", "#68a", "#0a0"]; let at = 0;
  addEventListener("pointermove", () => {
    if (at > 0) return;
    const timer = setInterval(() => {
      at += 1; box.style.background = colours[at];
      if (at === colours.length - 1) { clearInterval(timer); setTimeout(() => fetch("/changed"), 100); }
    }, 250);
  });`;
const LAST_COLOUR = [0, 170, 0] as const;
const BARE_PLACE = { x: 300, y: 150 };

/** A session whose only viewer has not acknowledged its last pictures, while the page went on. */
async function openStalled(
  bot: Bot,
  site: TestSite,
  connect: (url: string, form: { protocols: string[] }) => Promise<LiveClient>,
): Promise<SessionAnswer> {
  let changed = false;
  site.serve("/changed", (_request, response) => {
    changed = true;
    response.end();
  });
  const session = await open(bot, site, markedPage(CHANGING));
  const client = await connect(session.ws_url, JSON_FORM);
  await client.next("session_info");
  client.send({ type: "ack", seq: (await client.next("session_info")).seq });
  move(client);
  await expect.poll(() => changed).toBe(true);
  return session;
}

test("[R3] a screenshot shows the page as it is now, also where no viewer can take pictures", async ({
  site,
  bot,
  server,
  connect,
}) => {
  const session = await openStalled(bot, site, connect);
  const response = await fetchAsBot(`${server.api}/screenshot/${session.session_id}`);
  const { screenshot } = (await response.json()) as { screenshot: string };
  const jpeg = Buffer.from(screenshot, "base64");
  const shown = await colourAt({ jpeg, view: CHALLENGE_VIEW, scale: 1 }, BARE_PLACE);
  expect(isNear(shown, LAST_COLOUR), `${shown}`).toBe(true);
});

test("[W3] a viewer that joins is shown the page as it is now, also where no other viewer can take pictures @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await openStalled(bot, site, connect);
  const second = await connect(session.ws_url, JSON_FORM);
  const { screenshot, view } = await second.next("session_info");
  const shown = await colourAt({ jpeg: Buffer.from(screenshot ?? "", "base64"), view, scale: 1 }, BARE_PLACE);
  expect(isNear(shown, LAST_COLOUR), `${shown}`).toBe(true);
});

test("[W3] [W21] a page whose pictures are megabytes large can be joined @long", async ({ site, bot, connect }) => {
  const viewport = { width: 3840, height: 2160 };
  const noise = `<body style="margin:0"><canvas width="${viewport.width}" height="${viewport.height}"></canvas><script>
    const canvas = document.querySelector("canvas").getContext("2d");
    const image = canvas.createImageData(${viewport.width}, ${viewport.height});
    const pixels = new Uint32Array(image.data.buffer);
    for (let at = 0, value = 1; at < pixels.length; at++) {
      value = (value * 1664525 + 1013904223) | 0;
      pixels[at] = value | 0xff000000;
    }
    canvas.putImageData(image, 0, 0);</script>`;
  const session = await bot.create({ url: site.serve("/", noise), viewport, completion: COMPLETION });
  const client = await connect(session.ws_url, JSON_FORM);
  const left = client.closed.then(({ code }) => `closed with ${code}`);
  const said = (type: "session_info" | "presence" | "pong") => Promise.race([client.next(type), left]);
  expect(await said("session_info")).toMatchObject({ view: { x: 0, y: 0, ...viewport } });
  expect(await said("presence")).toMatchObject({ operators: 1 });
  client.send({ type: "ping" });
  expect(await said("pong")).toMatchObject({ type: "pong" });
});
