/** Fingers on the page, by a client of the socket: in the page and in a frame with a process of its own. */
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { expect, test } from "../support/guest.ts";
import { call } from "../support/requests.ts";
import { FRAME, type Heard, serveTouchPage } from "../support/touch-page.ts";

// A server of its own kind, so a worker too: one.
test.describe.configure({ mode: "default" });
test.use({ siteIsolation: true, challengeSearchMs: BRIEF_SEARCH_MS });

const PROTOCOLS = { protocols: ["captcha.json.v1"] };
const finger = (id: number, x: number, y: number) => ({ id, x, y });
const touch = (event_type: "start" | "move" | "end" | "cancel", ...touches: ReturnType<typeof finger>[]) => ({
  type: "touch_event",
  event_type,
  touches,
});

/** What the fingers did, without what the browser makes of a tap. */
function fingersOf(heard: readonly Heard[], where: string): unknown[] {
  return heard
    .filter((event) => event.in === where && event.type.startsWith("touch"))
    .map(({ type, touches }) => [type, ...touches]);
}

test("[W44] a phone's page has a phone's screen, and takes a tap and a drag of two fingers", async ({
  site,
  bot,
  connect,
}) => {
  const page = serveTouchPage(site);
  const session = await bot.create({ url: page.url, device: "phone" });
  expect(session.viewport).toEqual({ width: 390, height: 844 });
  await expect.poll(() => page.screens.size).toBe(2);
  expect(page.screens.get("page")).toMatchObject({
    ...{ width: 390, height: 844, density: 3, fingers: 5, hasTouchEvents: true, isCoarse: true },
    userAgent: expect.stringMatching(/Android.* Chrome\/\d+\.0\.0\.0 Mobile Safari/),
  });
  expect(page.screens.get("frame")).toMatchObject({ fingers: 5, hasTouchEvents: true, isCoarse: true });

  const client = await connect(session.ws_url, PROTOCOLS);
  expect(await client.next("session_info")).toMatchObject({ touch: true, mobile: true });
  client.send(touch("start", finger(7, 100, 100)));
  client.send(touch("end", finger(7, 100, 100)));
  // A tap is a click, as on a phone.
  await expect.poll(() => page.types("page")).toContain("click");
  expect(fingersOf(page.heard, "page")).toEqual([["touchstart", [0, 100, 100]], ["touchend"]]);
  expect(page.heard.every(({ trusted }) => trusted)).toBe(true);

  page.heard.length = 0;
  client.send(touch("start", finger(7, 100, 100)));
  client.send(touch("start", finger(9, 200, 100)));
  client.send(touch("move", finger(7, 110, 105), finger(9, 190, 105)));
  client.send(touch("end", finger(7, 110, 105)));
  client.send(touch("move", finger(9, 180, 110)));
  client.send(touch("end", finger(9, 180, 110)));
  await expect.poll(() => fingersOf(page.heard, "page").at(-1)).toEqual(["touchend"]);
  expect(fingersOf(page.heard, "page")).toEqual([
    ["touchstart", [0, 100, 100]],
    ["touchstart", [0, 100, 100], [1, 200, 100]],
    ["touchmove", [0, 110, 105], [1, 190, 105]],
    ["touchend", [1, 190, 105]],
    ["touchmove", [1, 180, 110]],
    ["touchend"],
  ]);
});

test("[W44] [W25] fingers land in a frame with a process of its own, and go on beyond its edge", async ({
  site,
  bot,
  connect,
}) => {
  const page = serveTouchPage(site);
  const session = await bot.create({ url: page.url, device: "phone" });
  const client = await connect(session.ws_url, PROTOCOLS);
  await client.next("session_info");
  // In the challenge's own view, and in sharp pictures of the whole page.
  for (const scale of [1, 3]) {
    client.send({ type: "view", mode: "page", scale });
    await expect.poll(() => client.pictures.at(-1)?.scale ?? 1).toBeGreaterThanOrEqual(Math.min(scale, 2));
    page.heard.length = 0;
    client.send(touch("start", finger(1, FRAME.x + 50, FRAME.y + 60)));
    client.send(touch("move", finger(1, FRAME.x + 70, FRAME.y + 80)));
    client.send(touch("start", finger(2, FRAME.x + 150, FRAME.y + 60)));
    client.send(touch("move", finger(1, FRAME.x + 70, FRAME.y - 100), finger(2, FRAME.x + 150, FRAME.y + 60)));
    client.send(touch("end", finger(1, 0, 0), finger(2, 0, 0)));
    await expect.poll(() => fingersOf(page.heard, "frame").at(-1)).toEqual(["touchend"]);
    expect(fingersOf(page.heard, "frame").slice(0, 4)).toEqual([
      ["touchstart", [0, 50, 60]],
      ["touchmove", [0, 70, 80]],
      ["touchstart", [0, 70, 80], [1, 150, 60]],
      ["touchmove", [0, 70, -100], [1, 150, 60]],
    ]);
    expect(fingersOf(page.heard, "page")).toEqual([]);
  }
});

test("[W44] [W24] fingers are lifted when control is lost, and later moves of them mean nothing", async ({
  site,
  bot,
  connect,
}) => {
  const page = serveTouchPage(site);
  const session = await bot.create({ url: page.url, device: "phone" });
  const first = await connect(session.ws_url, PROTOCOLS);
  await first.next("session_info");
  first.send(touch("start", finger(0, 100, 100)));
  first.send(touch("start", finger(1, 200, 200)));
  await expect.poll(() => fingersOf(page.heard, "page").length).toBe(2);
  const second = await connect(session.ws_url, PROTOCOLS);
  await second.next("session_info");
  second.send({ type: "take_control" });
  await expect.poll(() => fingersOf(page.heard, "page").at(-1)).toEqual(["touchend"]);
  first.send(touch("move", finger(0, 150, 150)));
  second.send(touch("move", finger(0, 150, 150)));
  second.send(touch("start", finger(0, 120, 120)));
  await expect.poll(() => fingersOf(page.heard, "page").at(-1)).toEqual(["touchstart", [0, 120, 120]]);
  expect(page.types("page")).not.toContain("touchmove");

  second.terminate();
  await expect.poll(() => fingersOf(page.heard, "page").at(-1)).toEqual(["touchend"]);
});

test("[W44] a finger that is down twice, six fingers, and fingers on a page without touch are refused", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const page = serveTouchPage(site);
  const session = await bot.create({ url: page.url, touch: true });
  const client = await connect(session.ws_url, PROTOCOLS);
  const info = await client.next("session_info");
  expect(info).toMatchObject({ touch: true, viewport: { width: 1280, height: 720 } });
  expect(info).not.toHaveProperty("mobile");
  const refused = async (message: object, why: string) => {
    const from = client.received.length;
    client.send(message);
    const { code, details } = await client.next("error", () => true, from);
    expect(code).toBe("invalid_message");
    expect(JSON.stringify(details)).toContain(why);
  };
  await refused(touch("start", finger(3, 100, 100), finger(3, 110, 100)), "named twice");
  await refused(touch("start", ...[0, 1, 2, 3, 4, 5].map((id) => finger(id, 100 + id, 100))), "touches");
  client.send(touch("start", finger(3, 100, 100)));
  await refused(touch("start", finger(3, 120, 100)), "down already");
  await refused(touch("start", ...[4, 5, 6, 7, 8].map((id) => finger(id, 100, 100 + id))), "at most 5");
  client.send(touch("end", finger(99, 0, 0)));
  client.send(touch("cancel", finger(3, 100, 100)));
  await expect.poll(() => fingersOf(page.heard, "page")).toEqual([["touchstart", [0, 100, 100]], ["touchcancel"]]);

  const plain = await bot.create({ url: page.url });
  const other = await connect(plain.ws_url, PROTOCOLS);
  expect(await other.next("session_info")).not.toHaveProperty("touch");
  other.send(touch("start", finger(0, 100, 100)));
  expect(await other.next("error")).toMatchObject({ code: "invalid_message", details: { field: "type" } });

  const wrong = await call("POST", `${server.api}/sessions`, { url: page.url, device: "phone", touch: false });
  expect(wrong).toMatchObject({
    status: 400,
    body: { error: { code: "invalid_message", details: { field: "touch" } } },
  });
});

test("[W44] a guest that has touch takes fingers, and its own emulation stays as it is @long", async ({
  site,
  bot,
  botBrowser,
  connect,
}) => {
  const served = serveTouchPage(site);
  const context = await botBrowser.browser.newContext({
    viewport: { width: 412, height: 839 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await context.newPage();
  await page.goto(served.url);
  const cdp = { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(page) };
  const session = await bot.create({ cdp });
  const client = await connect(session.ws_url, PROTOCOLS);
  expect(await client.next("session_info")).toMatchObject({ touch: true, mobile: true });
  client.send(touch("start", finger(0, 100, 100)));
  client.send(touch("move", finger(0, 130, 100)));
  client.send(touch("end", finger(0, 130, 100)));
  await expect
    .poll(() => fingersOf(served.heard, "page"))
    .toEqual([["touchstart", [0, 100, 100]], ["touchmove", [0, 130, 100]], ["touchend"]]);
  expect(await page.evaluate(() => [innerWidth, navigator.maxTouchPoints])).toEqual([412, 1]);

  // Only the bot takes its own page elsewhere.
  expect(await client.next("session_info")).not.toHaveProperty("navigates");
  client.send({ type: "navigate", action: "reload" });
  expect(await client.next("error")).toMatchObject({ code: "forbidden" });

  const desk = await botBrowser.open(served.url);
  const other = await bot.create({ cdp: { ...cdp, target_id: await botBrowser.targetOf(desk) } });
  const watcher = await connect(other.ws_url, PROTOCOLS);
  expect(await watcher.next("session_info")).not.toHaveProperty("touch");
  await context.close();
});

test("[W44] [W40] the focused field is told to who is in control and can use it, and to nobody else", async ({
  site,
  bot,
  connect,
}) => {
  const field =
    '<input pattern="[0-9]*" maxlength="1" style="position:absolute;left:40px;top:350px;width:100px;height:30px">';
  const session = await bot.create({ url: serveTouchPage(site, field).url, device: "phone" });
  const client = await connect(session.ws_url, PROTOCOLS);
  const older = await connect(session.ws_url, PROTOCOLS);
  await older.next("session_info");
  client.send({ type: "features", features: ["focus"] });
  client.send({ type: "take_control" });
  client.send(touch("start", finger(0, 60, 360)));
  client.send(touch("end", finger(0, 60, 360)));
  expect(await client.next("focus")).toMatchObject({
    field: { kind: "text", inputmode: "numeric", rect: { x: 40, y: 350 } },
  });
  // Whoever takes over learns it at once, caret and all, and not only when it changes.
  const heir = await connect(session.ws_url, PROTOCOLS);
  heir.send({ type: "features", features: ["focus"] });
  heir.send({ type: "take_control" });
  const inherited = await heir.next("focus");
  expect(inherited.field).toMatchObject({ kind: "text", rect: { x: 40, y: 350 }, caret: { width: 0 } });
  client.send({ type: "take_control" });
  await client.next("control", ({ you }) => you);
  client.send(touch("start", finger(0, 60, 100)));
  client.send(touch("end", finger(0, 60, 100)));
  expect(await client.next("focus", ({ field: now }) => now === null)).toMatchObject({ field: null });
  expect(older.received.filter(({ type }) => type === "focus")).toEqual([]);
});

for (const [name, body] of [
  ["a phone's page", { device: "phone" }],
  ["a page with touch", { touch: true }],
] as const) {
  test(`[W44] after a pinch that ${name} does not handle, fingers land where the picture shows them`, async ({
    site,
    bot,
    connect,
  }) => {
    const zooms: number[] = [];
    site.serve("/zoom", (request, response) => {
      zooms.push(Number(new URL(request.url ?? "", site.origin).searchParams.get("scale")));
      response.end();
    });
    const page = serveTouchPage(
      site,
      `<script>visualViewport.onresize = () => navigator.sendBeacon("/zoom?scale=" + visualViewport.scale);</script>`,
    );
    const session = await bot.create({ url: page.url, ...body });
    const client = await connect(session.ws_url, PROTOCOLS);
    await client.next("session_info");
    // Where the page leaves fingers to the browser.
    const y = 380;
    client.send(touch("start", finger(0, 150, y)));
    client.send(touch("start", finger(1, 240, y)));
    for (let far = 0; far <= 120; far += 10) {
      client.send(touch("move", finger(0, 150 - far, y), finger(1, 240 + far, y)));
    }
    client.send(touch("end", finger(0, 30, y), finger(1, 360, y)));
    client.send(touch("start", finger(2, 100, 100)));
    client.send(touch("end", finger(2, 100, 100)));
    await expect
      .poll(() => fingersOf(page.heard, "page").slice(-2))
      .toEqual([["touchstart", [0, 100, 100]], ["touchend"]]);
    // It was zoomed, and is not any more.
    expect(Math.max(...zooms)).toBeGreaterThan(1.2);
    await expect.poll(() => zooms.at(-1)).toBe(1);
  });
}

test("[W44] [W20] a finger drags in the picture of a challenge alone, in the page and in a frame", async ({
  site,
  bot,
  connect,
}) => {
  const box = { x: 30, y: 400, width: 320, height: 340 };
  const style = `left:${box.x}px;top:${box.y}px;width:${box.width}px;height:${box.height}px`;
  const page = serveTouchPage(
    site,
    `<div id="my-captcha" style="position:absolute;${style};background:#ccf;touch-action:none"></div>`,
  );
  const session = await bot.create({ url: page.url, device: "phone" });
  const client = await connect(session.ws_url, PROTOCOLS);
  const { view } = await client.next("session_info");
  expect(view).toMatchObject({ x: 20, y: 390 });
  for (const [where, y, top] of [
    ["page", 730, 0],
    ["frame", 500, FRAME.y],
  ] as const) {
    page.heard.length = 0;
    const left = where === "frame" ? FRAME.x : 0;
    client.send(touch("start", finger(1, 60, y)));
    for (let x = 80; x <= 260; x += 20) client.send(touch("move", finger(1, x, y)));
    client.send(touch("end", finger(1, 260, y)));
    await expect.poll(() => fingersOf(page.heard, where).at(-1)).toEqual(["touchend"]);
    const moves = fingersOf(page.heard, where).filter((one) => Array.isArray(one) && one[0] === "touchmove");
    expect(moves.at(-1)).toEqual(["touchmove", [0, 260 - left, y - top]]);
  }
});
