/** An operator's phone: fingers that are the page's, fingers that are the picture's, the right button, the keyboard. */
import type { CDPSession, Page } from "@playwright/test";
import { listen } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, type Point, test } from "../support/fixtures.ts";
import { FRAME, type Heard, serveTouchPage } from "../support/touch-page.ts";

test.use({
  challengeSearchMs: BRIEF_SEARCH_MS,
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  deviceScaleFactor: 2,
});

const STEPS = 6;

/** The person's fingers on the glass, by points of the session's page. */
class Hand {
  readonly #page: Page;
  readonly #cdp: CDPSession;

  constructor(page: Page, cdp: CDPSession) {
    this.#page = page;
    this.#cdp = cdp;
  }

  static async on(page: Page): Promise<Hand> {
    return new Hand(page, await page.context().newCDPSession(page));
  }

  /** Where a point of the session's page is on the glass. */
  async at({ x, y }: Point): Promise<Point> {
    const canvas = this.#page.locator("#screen");
    const [left = 0, top = 0, width = 1, height = 1] = ((await canvas.getAttribute("data-view")) ?? "")
      .split(",")
      .map(Number);
    const box = (await canvas.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    return { x: box.x + ((x - left) * box.width) / width, y: box.y + ((y - top) * box.height) / height };
  }

  /** The fingers that are on the glass now; none: all are lifted. */
  async touch(type: "touchStart" | "touchMove" | "touchEnd", ...points: readonly Point[]): Promise<void> {
    const touchPoints = await Promise.all(points.map(async (point, id) => ({ id, ...(await this.at(point)) })));
    await this.#cdp.send("Input.dispatchTouchEvent", { type, touchPoints });
  }

  async tap(point: Point): Promise<void> {
    await this.touch("touchStart", point);
    await this.touch("touchEnd");
  }

  /** Fingers that move in straight lines. */
  async drag(...ways: readonly (readonly [Point, Point])[]): Promise<void> {
    for (let count = 1; count <= ways.length; count += 1) {
      await this.touch("touchStart", ...ways.slice(0, count).map(([from]) => from));
    }
    for (let step = 1; step <= STEPS; step += 1) {
      const now = ways.map(([from, to]) => ({
        x: from.x + ((to.x - from.x) * step) / STEPS,
        y: from.y + ((to.y - from.y) * step) / STEPS,
      }));
      await this.touch("touchMove", ...now);
    }
    await this.touch("touchEnd");
  }
}

function touchesOf(heard: readonly Heard[], where: string): Heard[] {
  return heard.filter((event) => event.in === where && event.type.startsWith("touch"));
}

/** The places of a finger are those of whole px of the glass. */
function near(point: readonly number[] | undefined, x: number, y: number): void {
  expect(Math.hypot((point?.[1] ?? Infinity) - x, (point?.[2] ?? Infinity) - y)).toBeLessThan(2);
}

test("[W44] [W13] a finger on a phone's page is a finger, two are two, and a long press stays one", async ({
  site,
  bot,
  operator,
}) => {
  const served = serveTouchPage(site);
  const session = await bot.create({ url: served.url, device: "phone" });
  await operator.open(session.control_url);
  const hand = await Hand.on(operator.page);
  await hand.drag([
    { x: 100, y: 100 },
    { x: 220, y: 180 },
  ]);
  await expect.poll(() => touchesOf(served.heard, "page").at(-1)?.type).toBe("touchend");
  const [start, ...moves] = touchesOf(served.heard, "page").slice(0, -1);
  expect(start?.type).toBe("touchstart");
  near(start?.touches[0], 100, 100);
  near(moves.at(-1)?.touches[0], 220, 180);
  expect(served.types("page")).not.toContain("mousedown");
  expect(served.types("page")).not.toContain("touchcancel");

  served.heard.length = 0;
  await hand.drag(
    [
      { x: FRAME.x + 100, y: FRAME.y + 100 },
      { x: FRAME.x + 60, y: FRAME.y + 100 },
    ],
    [
      { x: FRAME.x + 150, y: FRAME.y + 100 },
      { x: FRAME.x + 250, y: FRAME.y + 160 },
    ],
  );
  await expect.poll(() => touchesOf(served.heard, "frame").at(-1)?.touches).toEqual([]);
  const both = touchesOf(served.heard, "frame").filter(({ touches }) => touches.length === 2);
  near(both.at(-1)?.touches[0], 60, 100);
  near(both.at(-1)?.touches[1], 250, 160);

  served.heard.length = 0;
  await hand.touch("touchStart", { x: 100, y: 100 });
  // Longer than any browser waits before it makes something else of a press.
  await operator.page.waitForTimeout(1_500);
  expect(touchesOf(served.heard, "page").map(({ type }) => type)).toEqual(["touchstart"]);
  await hand.touch("touchEnd");
  await expect.poll(() => touchesOf(served.heard, "page").map(({ type }) => type)).toEqual(["touchstart", "touchend"]);
  expect(served.types("page")).not.toContain("contextmenu");
});

test("[W13] the switch gives the fingers to the picture: they zoom and move it, and taps still hit their points @long", async ({
  site,
  bot,
  operator,
}) => {
  const served = serveTouchPage(site);
  const session = await bot.create({ url: served.url, device: "phone" });
  await operator.open(session.control_url);
  const line = listen(operator.page);
  const { page } = operator;
  const hand = await Hand.on(page);
  const canvas = page.locator("#screen");
  const width = async () => (await canvas.boundingBox())?.width ?? 0;
  const before = await width();
  await expect(page.locator("#fingers")).toHaveText("Fingers: page");
  await page.locator("#fingers").tap();
  await expect(page.locator("#fingers")).toHaveText("Fingers: picture");
  await hand.drag(
    [
      { x: 190, y: 190 },
      { x: 100, y: 190 },
    ],
    [
      { x: 210, y: 190 },
      { x: 300, y: 190 },
    ],
  );
  await expect.poll(width).toBeGreaterThan(before * 2);
  const scrolled = () => page.locator("#frame").evaluate(({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop]);
  const from = await scrolled();
  await hand.drag([
    { x: 200, y: 200 },
    { x: 180, y: 180 },
  ]);
  await expect.poll(scrolled).not.toEqual(from);
  for (let step = 0; step < 4; step += 1) {
    if (await page.locator("#zoom-in").isEnabled()) await page.locator("#zoom-in").tap();
  }
  await expect(page.locator("#zoom-in")).toBeDisabled();
  expect((await width()) / before).toBeCloseTo(4, 1);
  expect(line.sent.filter(({ type }) => type === "touch_event" || type === "mouse_event")).toEqual([]);

  await page.locator("#fingers").tap();
  const [x = 0, y = 0, frameWidth = 0, frameHeight = 0] = Object.values(
    (await page.locator("#frame").boundingBox()) ?? {},
  );
  const middle = await canvas.boundingBox();
  const [left = 0, top = 0, viewWidth = 1] = ((await canvas.getAttribute("data-view")) ?? "").split(",").map(Number);
  const scale = viewWidth / (middle?.width ?? 1);
  const aimed = {
    x: left + (x + frameWidth / 2 - (middle?.x ?? 0)) * scale,
    y: top + (y + frameHeight / 2 - (middle?.y ?? 0)) * scale,
  };
  await hand.tap(aimed);
  await expect.poll(() => touchesOf(served.heard, "page").map(({ type }) => type)).toEqual(["touchstart", "touchend"]);
  near(touchesOf(served.heard, "page")[0]?.touches[0], aimed.x, aimed.y);
});

test("[W13] on a page without touch a finger is a mouse; two fingers or the tool are its right button @long", async ({
  site,
  bot,
  operator,
}) => {
  const served = serveTouchPage(site);
  const session = await bot.createGuest({ url: served.url });
  await operator.open(session.control_url);
  const hand = await Hand.on(operator.page);
  await hand.tap({ x: 100, y: 100 });
  await expect.poll(() => served.types("page")).toContain("click");
  expect(touchesOf(served.heard, "page")).toEqual([]);
  const buttons = () => served.heard.filter(({ type }) => type === "mousedown").map(({ button }) => button);
  expect(buttons()).toEqual([0]);

  // Both at once: how fast the second one follows depends on the machine.
  await hand.touch("touchStart", { x: 100, y: 100 }, { x: 250, y: 100 });
  await hand.touch("touchEnd");
  await expect.poll(() => served.types("page")).toContain("contextmenu");
  expect(buttons()).toEqual([0, 2]);

  await operator.page.locator("#right-button").tap();
  await expect(operator.page.locator("#right-button")).toHaveAttribute("aria-pressed", "true");
  await hand.tap({ x: 200, y: 200 });
  await expect.poll(buttons).toEqual([0, 2, 2]);
  await hand.tap({ x: 200, y: 200 });
  await expect.poll(buttons).toEqual([0, 2, 2, 0]);
});

test("[W44] tapping a field opens the keyboard that fits, also in a frame, and keeps the field in sight", async ({
  site,
  bot,
  operator,
}) => {
  const code = `<input autocomplete="one-time-code" style="position:absolute;left:40px;top:740px;width:200px;height:40px">`;
  site.serve("/mail", `<body style="margin:0"><input type="email" style="position:absolute;left:10px;top:10px">`);
  const served = serveTouchPage(
    site,
    `${code}<iframe src="${site.otherOrigin}/mail" style="position:absolute;left:20px;top:350px;width:300px;height:60px;border:0"></iframe>`,
  );
  const session = await bot.create({ url: served.url, device: "phone" });
  await operator.open(session.control_url);
  const { page } = operator;
  if (await page.locator("#view-switch").isVisible()) await page.locator("#view-switch").tap();
  await operator.untilStill();
  const hand = await Hand.on(page);
  const input = page.locator("#text-input");
  await hand.tap({ x: 100, y: 760 });
  await expect(input).toHaveAttribute("inputmode", "numeric");
  await expect(input).toBeFocused();
  const top = (await hand.at({ x: 40, y: 740 })).y;
  const bottom = (await hand.at({ x: 40, y: 780 })).y;
  expect(top).toBeGreaterThanOrEqual(0);
  expect(bottom).toBeLessThanOrEqual(844);
  await hand.tap({ x: 50, y: 371 });
  await expect(input).toHaveAttribute("inputmode", "email");
  await hand.tap({ x: 100, y: 100 });
  await expect(input).not.toHaveAttribute("inputmode");
  await expect(input).not.toBeFocused();
});

test("[W44] Done stays under the thumb on a low screen, also when the picture is shown larger @long", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  // What a phone's browser leaves of the screen.
  await page.setViewportSize({ width: 390, height: 664 });
  const session = await bot.create({ url: serveTouchPage(site).url, device: "phone" });
  await operator.open(session.control_url);
  await expect(page.locator("#done")).toBeInViewport({ ratio: 1 });
  await page.locator("#zoom-in").tap();
  await expect(page.locator("#frame")).toHaveClass(/zoomed/);
  await expect(page.locator("#done")).toBeInViewport({ ratio: 1 });
});

test("[W44] [W20] a finger lands where it is in the picture of the challenge alone, closer too, and in its frame", async ({
  site,
  bot,
  operator,
}) => {
  const box = { x: 30, y: 400, width: 320, height: 340 };
  const served = serveTouchPage(
    site,
    `<div id="my-captcha" style="position:absolute;left:${box.x}px;top:${box.y}px;width:${box.width}px;height:${box.height}px;background:#ccf;touch-action:none"></div>`,
  );
  const session = await bot.create({ url: served.url, device: "phone" });
  await operator.open(session.control_url);
  const { page } = operator;
  await expect(page.locator("#screen")).toHaveAttribute("data-view", "20,390,340,360");
  const hand = await Hand.on(page);
  // Below the frame, and in it.
  const places = { page: { x: 150, y: 730 }, frame: { x: 150, y: 560 } };
  const width = async () => (await page.locator("#screen").boundingBox())?.width ?? 0;
  const before = await width();
  for (const zoom of [1, 2]) {
    if (zoom > 1) {
      await page.locator("#zoom-in").tap();
      await page.locator("#zoom-in").tap();
      await expect.poll(width).toBeGreaterThan(before * zoom);
      await operator.untilStill();
    }
    for (const where of ["page", "frame"] as const) {
      const at = places[where];
      await page
        .locator("#frame")
        .evaluate((frame, share) => frame.scrollTo(0, frame.scrollHeight * share), where === "page" ? 1 : 0.2);
      served.heard.length = 0;
      await hand.tap(at);
      await expect.poll(() => touchesOf(served.heard, where).map(({ type }) => type)).toContain("touchstart");
      const start = touchesOf(served.heard, where).find(({ type }) => type === "touchstart");
      const origin = where === "frame" ? FRAME : { x: 0, y: 0 };
      near(start?.touches[0], at.x - origin.x, at.y - origin.y);
    }
  }
});
