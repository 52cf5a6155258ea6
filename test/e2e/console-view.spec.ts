/** What an operator sees: the challenge or the whole page, each viewer for itself, as sharp as the screen. */
import type { FrameHeader } from "../../src/protocol/frame.ts";
import {
  CHALLENGE_VIEW,
  listen,
  loseSocketOnDemand,
  PAGE_VIEW,
  servePage,
  untilView,
} from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, type Point, test } from "../support/fixtures.ts";

const ELSEWHERE = { x: 900, y: 600 };
/** Whole pixels of a picture that is shown smaller are larger on the page. */
const AIM_PX = 2;
/** Longer than it takes until the other view is on the screen. */
const SURELY_SHOWN_MS = 1_000;

/** Its pages have their challenge from the start, or none. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W14] a button shows the whole page and the challenge again; clicks hit the page's own points in both", async ({
  site,
  bot,
  operator,
}) => {
  const { url, presses } = servePage(site);
  const session = await bot.create({ url });
  await operator.open(session.control_url);
  await untilView(operator, CHALLENGE_VIEW);
  const button = operator.page.locator("#view-switch");
  const clickAt = async (at: Point) => {
    presses.length = 0;
    await operator.click(at);
    await expect.poll(() => presses.map(({ type }) => type)).toEqual(["mousedown", "mouseup", "click"]);
    for (const press of presses) expect(Math.hypot(press.x - at.x, press.y - at.y)).toBeLessThan(AIM_PX);
  };
  await clickAt({ x: 400, y: 300 });

  await expect(button).toHaveAccessibleName("Whole page");
  await button.click();
  await untilView(operator, PAGE_VIEW);
  await clickAt(ELSEWHERE);
  await clickAt({ x: 400, y: 300 });

  await expect(button).toHaveAccessibleName("Challenge only");
  await button.click();
  await untilView(operator, CHALLENGE_VIEW);
  await clickAt({ x: 500, y: 250 });
});

test("[W14] Alt and V switch too, also while the picture has the keyboard, and the page hears nothing of it @long", async ({
  site,
  bot,
  operator,
}) => {
  const line = listen(operator.page);
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await operator.page.locator("#screen").focus();
  await operator.page.keyboard.press("Alt+KeyV");
  await untilView(operator, PAGE_VIEW);
  await operator.page.keyboard.press("Alt+KeyV");
  await untilView(operator, CHALLENGE_VIEW);
  expect([...line.ofType("key"), ...line.ofType("text")]).toEqual([]);
});

test("[W14] there is nothing to switch to while the page shows no challenge @long", async ({ site, bot, operator }) => {
  const session = await bot.createGuest({ url: site.serve("/plain", "<h1>Nothing to clear</h1>") });
  await operator.open(session.control_url);
  await untilView(operator, PAGE_VIEW);
  await expect(operator.page.locator("#view-switch")).toBeHidden();
  await operator.page.keyboard.press("Alt+KeyV");
  await expect(operator.page.locator("#view-switch")).toBeHidden();
});

test("[W14] [W26] the view is each viewer's own, and outlives a lost line @long", async ({
  site,
  bot,
  operator,
  browser,
}) => {
  await operator.page.addInitScript(loseSocketOnDemand);
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const other = await browser.newPage();
  await other.goto(session.control_url);
  await expect(other.locator("#screen")).toHaveAttribute("data-view", CHALLENGE_VIEW);

  await operator.page.locator("#view-switch").click();
  await untilView(operator, PAGE_VIEW);
  await expect(other.locator("#screen")).toHaveAttribute("data-view", CHALLENGE_VIEW);

  const line = listen(operator.page);
  await operator.page.evaluate(() => dispatchEvent(new Event("lose-socket")));
  await expect(operator.page.locator("body")).toHaveAttribute("data-phase", "reconnecting");
  await expect(operator.page.locator("body")).toHaveAttribute("data-phase", "live");
  await expect.poll(() => line.ofType("view").map(({ mode }) => mode)).toEqual(["page"]);
  await expect.poll(() => line.pictures.at(-1)?.view).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
  await untilView(operator, PAGE_VIEW);
  await other.close();
});

test("[W14] [W20] the view stays as it is while a button is down @long", async ({ site, bot, operator }) => {
  const line = listen(operator.page);
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const box = await operator.page.locator("#screen").boundingBox();
  await operator.page.mouse.move((box?.x ?? 0) + 50, (box?.y ?? 0) + 50);
  await operator.page.mouse.down();
  await operator.page.keyboard.press("Alt+KeyV");
  await operator.page.mouse.up();
  await operator.untilStill();
  expect(line.ofType("view").map(({ mode }) => mode)).toEqual(["challenge"]);
});

test.describe("a dense screen", () => {
  test.use({ deviceScaleFactor: 2 });

  test("[W14] [W22] gets stills that are sharp on it", async ({ site, bot, operator }) => {
    const line = listen(operator.page);
    const session = await bot.create({ url: servePage(site).url });
    await operator.open(session.control_url);
    await expect.poll(() => line.pictures.at(-1)?.scale).toBeGreaterThanOrEqual(2);
    await operator.untilStill();
    const { kind, view } = line.pictures.at(-1) as FrameHeader;
    expect(kind).toBe("still");
    const canvas = operator.page.locator("#screen");
    const drawn = await canvas.evaluate((element) => (element as HTMLCanvasElement).width);
    const shown = (await canvas.boundingBox())?.width ?? 0;
    expect(drawn / view.width).toBeGreaterThanOrEqual(2);
    expect(drawn).toBeGreaterThanOrEqual(shown * 2 - 1);
  });
});

test("[W14] [W24] a drag that begins before the other view has come goes on as it began @long", async ({
  site,
  bot,
  operator: { page },
  operator,
}) => {
  const points: number[] = [];
  await page.routeWebSocket(/\/ws\//, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(String(text));
      if (message.type === "mouse_event" && message.buttons === 1) points.push(message.x);
      // The wish for the page comes late, as on a slow line: the hand is quicker.
      setTimeout(() => server.send(text), message.mode === "page" ? SURELY_SHOWN_MS / 4 : 0);
    });
  });
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const box = (await page.locator("#screen").boundingBox()) ?? { x: 0, y: 0, width: 0 };
  const move = (x: number) => page.mouse.move(box.x + x, box.y + 100);
  await move(100);
  await page.keyboard.press("Alt+KeyV");
  await page.mouse.down();
  await move(110);
  await page.waitForTimeout(SURELY_SHOWN_MS);
  await move(120);
  await move(130);
  await page.mouse.up();
  const scale = box.width / Number(CHALLENGE_VIEW.split(",")[2]);
  const [start = 0] = points;
  expect(points.map((x) => Math.round((x - start) * scale))).toEqual([0, 10, 20, 30]);
  await untilView(operator, PAGE_VIEW);
});
