/** When pictures come, to whom, how many and how sharp. */
import type { ServerMessageOf } from "../../src/protocol/live.ts";
import { expect, type TestSite, test } from "../support/fixtures.ts";
import { readJpeg, readScreenshot } from "../support/jpeg.ts";
import { fetchAsBot } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";

const VIEWPORT = { width: 900, height: 600 };
const BOX = { x: 100, y: 100, width: 300, height: 200 };
const INSIDE = { x: BOX.x + 150, y: BOX.y + 100 };
/** Mean table steps: about 96 at quality 30, 29 at 75, 23 at 80. */
const LOW_QUALITY_STEPS = 60;
const HIGH_QUALITY_STEPS = 32;
/** No clock is exact, and pictures that were on their way may still arrive. */
const FEW = 3;
/** Pictures made while somebody joins; at sixty a second the unwatched while before alone would make some forty. */
const UNWATCHED = 15;

/** A page with a challenge in whose box the given script draws. */
function challengePage(script: string): string {
  return `<!doctype html><html><head><style>
    html, body { margin: 0 }
    #box { position: absolute; left: ${BOX.x}px; top: ${BOX.y}px; width: ${BOX.width}px; height: ${BOX.height}px;
      background: linear-gradient(120deg, #246, #9cf) }
    #dot { position: absolute; left: 0; top: 80px; width: 40px; height: 40px; background: #c30 }
    </style></head><body><div id="box" class="test-captcha"><div id="dot"></div></div><script>
    const box = document.querySelector("#box"), dot = document.querySelector("#dot");
    ${script}</script></body></html>`;
}

const ANIMATED = `let step = 0; const draw = () => {
    dot.style.left = (step++ * 3) % 260 + "px"; requestAnimationFrame(draw);
  }; draw();`;
const FOLLOWING = `addEventListener("pointermove", (event) => { dot.style.left = event.clientX - ${BOX.x} + "px"; });`;

const COMPLETION = { any: [{ visible: "#never" }] };

function open(bot: { create(body: Record<string, unknown>): Promise<Session> }, site: TestSite, script: string) {
  return bot.create({ url: site.serve("/", challengePage(script)), viewport: VIEWPORT, completion: COMPLETION });
}
type Session = { session_id: string; ws_url: string };

function pictures(client: LiveClient): ServerMessageOf<"screenshot_update">[] {
  return client.received.filter((message) => message.type === "screenshot_update");
}

/** Resolves once so much time has passed; the window in which something must not happen. */
async function during(ms: number): Promise<void> {
  const start = performance.now();
  await expect.poll(() => performance.now() - start).toBeGreaterThan(ms);
}

async function untilPictures(client: LiveClient, count: number): Promise<void> {
  await expect.poll(() => pictures(client).length).toBeGreaterThanOrEqual(count);
}

test("[W21] [W22] a page at rest sends a sharp still and then nothing", async ({ site, bot, connect }) => {
  const session = await open(bot, site, FOLLOWING);
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  client.send({ type: "mouse_event", event_type: "move", ...INSIDE, buttons: 0 });
  await untilPictures(client, 1);
  await expect.poll(() => coarsenessOfLast(client)).toBeLessThan(HIGH_QUALITY_STEPS);
  // No picture for a second: a page that is never at rest never has one.
  let [atRest, since] = [0, 0];
  await expect
    .poll(() => {
      const { length } = pictures(client);
      if (length !== atRest) [atRest, since] = [length, performance.now()];
      return performance.now() - since;
    })
    .toBeGreaterThan(1_000);
  client.send({ type: "mouse_event", event_type: "move", x: INSIDE.x + 50, y: INSIDE.y, buttons: 0 });
  await untilPictures(client, atRest + 1);
});

test("[W21] without viewers no pictures: their numbers stand still until somebody joins", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, ANIMATED);
  await during(700);
  const first = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  expect((await first.next("session_info")).seq).toBeLessThan(UNWATCHED);
  await untilPictures(first, 20);
  const lastSeen = pictures(first).at(-1)?.seq ?? 0;
  first.terminate();
  await first.closed;
  await during(1_000);
  const second = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  const info = await second.next("session_info");
  expect(info.seq - lastSeen).toBeLessThan(UNWATCHED);
  await untilPictures(second, 5);
});

test("[W3] who joins is shown the page as it is now, not as it was when the last viewer left", async ({
  site,
  bot,
  connect,
}) => {
  const states: string[] = [];
  let changed = false;
  site.serve("/state", (_request, response) => {
    states.push(changed ? "changed" : "first");
    response.end(String(changed));
  });
  const ASKING = `setInterval(async () => {
      const changed = (await (await fetch("/state")).text()) === "true";
      box.style.background = changed ? "repeating-conic-gradient(#000 0 0.01%, #fff 0 0.02%)" : "";
    }, 50);`;
  const session = await open(bot, site, ASKING);
  const first = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  const before = await first.next("session_info");
  first.terminate();
  await first.closed;
  changed = true;
  await expect.poll(() => states.filter((state) => state === "changed").length).toBeGreaterThan(4);
  const second = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  const after = await second.next("session_info");
  expect(after.screenshot === before.screenshot, "the picture is an old one").toBe(false);
  const noise = Buffer.from(after.screenshot ?? "", "base64").length;
  expect(noise).toBeGreaterThan(2 * Buffer.from(before.screenshot ?? "", "base64").length);
});

test("[W15] [W21] a slow reader skips pictures: few old ones wait for it, others are not held up @long", async ({
  site,
  bot,
  connect,
}) => {
  const session = await open(bot, site, ANIMATED);
  const slow = await connect(session.ws_url);
  const quick = await connect(session.ws_url);
  await untilPictures(slow, 5);
  await untilPictures(quick, 5);
  slow.pause();
  const [slowBefore, quickBefore] = [pictures(slow).length, pictures(quick).length];
  // So many at the quick one's own pace, and long enough for the slow one's line to be full.
  await untilPictures(quick, quickBefore + 40);
  await during(1_000);
  const resumedAt = Date.now();
  slow.resume();
  await untilPictures(slow, slowBefore + 10);
  const late = slow.received
    .slice()
    .filter((message) => message.type === "screenshot_update")
    .slice(slowBefore);
  const old = late.filter(({ timestamp }) => timestamp < resumedAt);
  // Two may be under way, and one that was being read when the line was paused.
  expect(old.length).toBeLessThanOrEqual(FEW);
  const skipped = Math.max(...late.slice(1).map(({ seq }, index) => seq - (late[index]?.seq ?? seq)));
  expect(skipped).toBeGreaterThan(20);
});

test("[W22] coarse while a hand drags, sharp once it rests", async ({ site, bot, connect }) => {
  const session = await open(bot, site, FOLLOWING);
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  const info = await client.next("session_info");
  expect(readScreenshot(info.screenshot).coarseness).toBeLessThan(HIGH_QUALITY_STEPS);
  client.send({ type: "mouse_event", event_type: "down", ...INSIDE, button: "left", buttons: 1 });
  const beforeDrag = client.pictures.length;
  // The hand does not wait for pictures: it would rest between them where they are slow.
  let x = INSIDE.x;
  await expect
    .poll(
      () => {
        x = x < INSIDE.x + 100 ? x + 5 : INSIDE.x;
        client.send({ type: "mouse_event", event_type: "move", x, y: INSIDE.y, buttons: 1 });
        return client.pictures.slice(beforeDrag).filter(({ kind }) => kind === "motion").length;
      },
      { intervals: [16] },
    )
    .toBeGreaterThan(10);
  const whileDown = client.pictures.slice(beforeDrag);
  // Where the hand rested for a moment a still came; the first picture after a change may have been made before it.
  const settled = whileDown.filter(({ kind }, index) => index > 1 && whileDown[index - 1]?.kind === kind);
  for (const { kind, jpeg } of settled) {
    const { coarseness } = readJpeg(jpeg);
    if (kind === "motion") expect(coarseness).toBeGreaterThan(LOW_QUALITY_STEPS);
    else expect(coarseness).toBeLessThan(HIGH_QUALITY_STEPS);
  }
  const up = { type: "mouse_event", event_type: "up", x, y: INSIDE.y, button: "left", buttons: 0 };
  client.send(up);
  await expect.poll(() => coarsenessOfLast(client)).toBeLessThan(HIGH_QUALITY_STEPS);
});

test("[W20] a box that moves: session_info first, then pictures of the new view, all of its size @long", async ({
  site,
  bot,
  connect,
}) => {
  const MOVING = `${ANIMATED} let at = 0; setInterval(() => {
      at = (at + 1) % 4; box.style.top = ${BOX.y} + at * 50 + "px"; box.style.width = ${BOX.width} + at * 20 + "px";
    }, 700);`;
  const session = await open(bot, site, MOVING);
  const client = await connect(session.ws_url);
  await expect.poll(() => client.received.filter(({ type }) => type === "session_info").length).toBeGreaterThan(4);
  const shown = client.received.filter(
    (message) => message.type === "session_info" || message.type === "screenshot_update",
  );
  expect(shown.filter(({ type }) => type === "screenshot_update").length).toBeGreaterThan(20);
  let view: unknown;
  for (const message of shown) {
    if (message.type === "session_info") {
      view = message.view;
      const { x = 0, y = 0, width = 0, height = 0 } = message.captcha_info ?? {};
      expect(message.view).toEqual({ x: x - 10, y: y - 10, width: width + 20, height: height + 20 });
    }
    expect(message.view).toEqual(view);
    const { width, height } = message.view;
    expect(readScreenshot(message.screenshot)).toMatchObject({ width, height });
  }
});

test("[W20] the view stays where it is while a button is down @long", async ({ site, bot, connect }) => {
  const MOVED_BY_PRESS = `${ANIMATED}
    addEventListener("pointerdown", () => { box.style.top = "${BOX.y + 80}px"; });`;
  const session = await open(bot, site, MOVED_BY_PRESS);
  const client = await connect(session.ws_url);
  const { view } = await client.next("session_info");
  await untilPictures(client, 5);
  client.send({ type: "mouse_event", event_type: "down", ...INSIDE, button: "left", buttons: 1 });
  const before = client.received.length;
  // The challenge watcher scans several times meanwhile.
  for (let step = 0; step < 20; step += 1) {
    const seen = pictures(client).length;
    client.send({ type: "mouse_event", event_type: "move", x: INSIDE.x + step, y: INSIDE.y, buttons: 1 });
    await untilPictures(client, seen + 3);
  }
  const whileDown = client.received.slice(before);
  expect(whileDown.map(({ type }) => type)).not.toContain("session_info");
  for (const message of whileDown) if (message.type === "screenshot_update") expect(message.view).toEqual(view);
  const from = client.received.length;
  client.send({ type: "mouse_event", event_type: "up", ...INSIDE, button: "left", buttons: 0 });
  const moved = await client.next("session_info", () => true, from);
  expect(moved.view).toEqual({ ...view, y: view.y + 80 });
});

test("[W2] [W26] two viewers both get pictures, and session_info before any", async ({ site, bot, connect }) => {
  const session = await open(bot, site, ANIMATED);
  const clients = await Promise.all([connect(session.ws_url), connect(session.ws_url), connect(session.ws_url)]);
  for (const client of clients) {
    await untilPictures(client, 20);
    expect(client.received[0]?.type).toBe("session_info");
    expect(client.received.filter(({ type }) => type === "session_info")).toHaveLength(1);
    const numbers = pictures(client).map(({ seq }) => seq);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  }
});

test("[W2] who joins while the page is still starting gets session_info first too", async ({
  site,
  bot,
  server,
  connect,
}) => {
  let answer: (() => void) | undefined;
  const url = site.serve("/", (_request, response) => {
    answer = () => response.setHeader("content-type", "text/html").end(challengePage(ANIMATED));
  });
  const created = await fetchAsBot(`${server.api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: "respond-async" },
    body: JSON.stringify({ url, viewport: VIEWPORT, completion: COMPLETION }),
  });
  expect(created.status).toBe(201);
  const session = (await created.json()) as Session & { state: string };
  expect(session.state).toBe("starting");
  const [plain, quick] = [
    await connect(session.ws_url),
    await connect(session.ws_url, { protocols: ["captcha.json.v1"] }),
  ];
  expect((await quick.next("session_info")).state).toBe("starting");
  await expect.poll(() => answer !== undefined).toBe(true);
  expect(plain.received).toEqual([]);
  answer?.();
  expect((await plain.next("session_info")).captcha_info).toMatchObject(BOX);
  expect(plain.received[0]?.type).toBe("session_info");
  await quick.next("session_info", ({ captcha_info }) => captcha_info !== null);
  for (const client of [plain, quick]) await untilPictures(client, 10);
  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  expect((await plain.closed).code).toBe(4410);
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "cancelled" });
});

function coarsenessOfLast(client: LiveClient): number {
  return readScreenshot(pictures(client).at(-1)?.screenshot).coarseness;
}
