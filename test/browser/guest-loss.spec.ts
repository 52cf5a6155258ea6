/** [R10] What happens to a bot's own page while an operator has it. */
import puppeteer from "puppeteer-core";
import sharp from "sharp";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { type BotBrowser, expect, test } from "../support/guest.ts";
import type { LiveClient } from "../support/live-client.ts";
import { longUnless } from "../support/long-run.ts";

const CHALLENGE = `<!doctype html><body style="margin:0">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;

async function dragging(
  botBrowser: BotBrowser,
  bot: { create(body: Record<string, unknown>): Promise<SessionAnswer> },
  connect: (url: string, options: { protocols: string[] }) => Promise<LiveClient>,
): Promise<{ session: SessionAnswer; client: LiveClient }> {
  const session = await bot.create({
    cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" },
    completion: { any: [{ visible: "#never" }] },
  });
  const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
  client.acks = true;
  await client.next("session_info");
  client.send({ type: "mouse_event", event_type: "down", x: 100, y: 100, button: "left", buttons: 1 });
  client.send({ type: "mouse_event", event_type: "move", x: 120, y: 100, button: "left", buttons: 1 });
  return { session, client };
}

test("[S4] [R10] the bot closes its page in mid-drag: the session ends with page_closed", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE));
  const { session, client } = await dragging(botBrowser, bot, connect);
  await page.close();
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "page_closed" });
  expect((await client.closed).code).toBe(4410);
});

test("[S4] [R10] the bot's browser is killed in mid-drag: the session ends with browser_lost", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  await botBrowser.open(site.serve("/guest", CHALLENGE));
  const { session, client } = await dragging(botBrowser, bot, connect);
  botBrowser.process.kill();
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "browser_lost" });
  expect((await client.closed).code).toBe(4410);
});

test("[S4] [R10] the page crashes: the session ends with page_crashed", async ({ botBrowser, bot, site, connect }) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE));
  const { session } = await dragging(botBrowser, bot, connect);
  await page.goto("chrome://crash").catch(() => {});
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "page_crashed" });
});

test("[R10] [W20] the bot navigates its page under the operator: the session goes on with the new document", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE));
  const { session, client } = await dragging(botBrowser, bot, connect);
  await page.goto(site.serve("/other", CHALLENGE.replaceAll("40px", "140px")));
  client.send({ type: "mouse_event", event_type: "up", x: 120, y: 100, button: "left", buttons: 0 });
  await client.next("session_info", ({ captcha_info }) => captcha_info?.x === 140);
  await client.nextPicture(({ view }) => view.x === 130, 0);
  expect((await bot.info(session.session_id)).state).toBe("active");
});

test("[R10] [W3] the bot gives its page another size: the view and the pictures follow", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE), { width: 800, height: 600 });
  const { client } = await dragging(botBrowser, bot, connect);
  client.send({ type: "mouse_event", event_type: "up", x: 120, y: 100, button: "left", buttons: 0 });
  client.send({ type: "view", mode: "page" });
  await client.nextPicture(({ view }) => view.width === 800, 0);
  await page.setViewportSize({ width: 640, height: 500 });
  await client.next("session_info", ({ viewport }) => viewport.width === 640 && viewport.height === 500);
  await client.nextPicture(({ view }) => view.width === 640 && view.height === 500, 0);
});

test("[W24] [S5] what the operator pressed is released at the end, and the page stays open", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  const page = await botBrowser.open(
    site.serve("/guest", `${CHALLENGE}<script>addEventListener("mouseup", () => (document.title = "up"))</script>`),
  );
  const { client } = await dragging(botBrowser, bot, connect);
  client.send({ type: "finish", outcome: "cannot" });
  await client.closed;
  await expect.poll(() => page.title()).toBe("up");
});

test("[R10] a page that its browser does not show is not brought forward: the operator is notified, and again when it is shown", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  // Playwright lets every page of the browser believe that it is in front; Puppeteer does not.
  await botBrowser.browser.close();
  const own = await puppeteer.connect({ browserWSEndpoint: botBrowser.wsEndpoint });
  const page = await own.newPage();
  await page.goto(site.serve("/guest", CHALLENGE));
  const cdp = await page.createCDPSession();
  const { windowId } = await cdp.send("Browser.getWindowForTarget");
  const setWindow = (windowState: "minimized" | "normal") =>
    cdp.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
  await setWindow("minimized");
  await expect.poll(() => page.evaluate("document.visibilityState")).toBe("hidden");
  const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
  const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
  await client.next("page_notice", ({ notice }) => notice === "page_not_visible");
  expect(await page.evaluate("document.visibilityState")).toBe("hidden");
  await setWindow("normal");
  await client.next("page_notice", ({ notice }) => notice === "page_visible");
  await client.nextPicture(({ view }) => view.width === 320, 0);
  await own.disconnect();
});

for (const [name, content] of [
  ["a page made for phones", `<meta name="viewport" content="width=device-width">`],
  ["a page that a phone shows zoomed out", ""],
] as const) {
  const tag = longUnless(name === "a page made for phones");
  test(`[R10] [W20] [W24] in a bot's emulated phone, ${name}: the picture has its size and a press lands${tag}`, async ({
    botBrowser,
    bot,
    site,
    connect,
  }) => {
    const context = await botBrowser.browser.newContext({
      viewport: { width: 390, height: 700 },
      deviceScaleFactor: 3,
      isMobile: true,
      hasTouch: true,
    });
    const page = await context.newPage();
    const tell = `<script>addEventListener("mousedown", (event) => (document.title = [event.clientX, event.clientY]))</script>`;
    await page.goto(site.serve("/guest", `<!doctype html>${content}${CHALLENGE}${tell}`));
    const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
    const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
    const { jpeg, view, scale } = await client.nextPicture(() => true, 0);
    expect(view).toEqual({ x: 30, y: 50, width: 320, height: 220 });
    const { width, height } = await sharp(jpeg).metadata();
    expect(Math.abs(width - view.width * scale)).toBeLessThanOrEqual(1);
    expect(Math.abs(height - view.height * scale)).toBeLessThanOrEqual(1);
    const at = { x: 100, y: 120, button: "left" };
    client.send({ type: "mouse_event", event_type: "down", ...at, buttons: 1 });
    client.send({ type: "mouse_event", event_type: "up", ...at, buttons: 0 });
    // Whole physical pixels are what a press can hit: a page at 40 % rounds to them.
    await expect.poll(() => page.title()).toMatch(/^(99|100|101),(119|120|121)$/);
    await context.close();
  });
}
