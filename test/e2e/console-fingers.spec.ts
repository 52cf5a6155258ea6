/** Fingers on the picture: one presses and drags, two switch the view and press nothing. */
import type { CDPSession, Page } from "@playwright/test";
import { CHALLENGE_VIEW, listen, PAGE_VIEW, servePage, untilView } from "../support/console-socket.ts";
import { expect, type Point, test } from "../support/fixtures.ts";

const FINGER_STEPS = 8;

test.use({ hasTouch: true });

/** Two fingers at this height of the canvas, from one distance to another (CSS px), and up again. */
async function pinch(page: Page, cdp: CDPSession, fromPx: number, toPx: number): Promise<void> {
  const at = await middleOf(page);
  const fingers = (distance: number) => [
    { id: 0, x: at.x - distance / 2, y: at.y },
    { id: 1, x: at.x + distance / 2, y: at.y },
  ];
  await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(fromPx) });
  for (let step = 1; step <= FINGER_STEPS; step += 1) {
    const touchPoints = fingers(fromPx + ((toPx - fromPx) * step) / FINGER_STEPS);
    await cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints });
  }
  await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

async function middleOf(page: Page): Promise<Point> {
  const box = await page.locator("#screen").boundingBox();
  if (!box) throw new Error("The canvas is not on the screen.");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

test("[W14] two fingers together show the whole page, apart the challenge, and press nothing", async ({
  site,
  bot,
  operator,
  page,
  context,
}) => {
  const line = listen(page);
  const { url, presses } = servePage(site);
  const session = await bot.createGuest({ url });
  await operator.open(session.control_url);
  const cdp = await context.newCDPSession(page);
  await pinch(page, cdp, 60, 200);
  await operator.untilStill();
  await untilView(operator, CHALLENGE_VIEW);
  await pinch(page, cdp, 200, 60);
  await untilView(operator, PAGE_VIEW);
  await pinch(page, cdp, 60, 200);
  await untilView(operator, CHALLENGE_VIEW);
  expect(line.ofType("mouse_event")).toEqual([]);
  expect(presses).toEqual([]);
});

test("[W14] [W24] a second finger ends a drag as if the first were lifted; the pinch moves nothing @long", async ({
  site,
  bot,
  operator,
  page,
  context,
}) => {
  const line = listen(page);
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const cdp = await context.newCDPSession(page);
  const at = await middleOf(page);
  const finger = (id: number, x: number) => ({ id, x: at.x + x, y: at.y });
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...touchPoints: ReturnType<typeof finger>[]) =>
    cdp.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", finger(0, -100));
  // The console holds a finger's press back for the second finger.
  await expect.poll(() => line.ofType("mouse_event").length).toBeGreaterThan(0);
  await touch("touchMove", finger(0, -80));
  await touch("touchMove", finger(0, -60));
  await touch("touchStart", finger(0, -60), finger(1, 100));
  for (const x of [-40, -20, 0, 20]) await touch("touchMove", finger(0, x), finger(1, 100));
  await touch("touchMove", finger(0, 20), finger(1, 60));
  await touch("touchEnd", finger(0, 20));
  await touch("touchMove", finger(0, -90));
  await touch("touchEnd");
  await untilView(operator, PAGE_VIEW);
  const events = line.ofType("mouse_event");
  expect(events[0]).toMatchObject({ event_type: "down", button: "left", buttons: 1 });
  expect(events.at(-1)).toMatchObject({ event_type: "up", button: "left", buttons: 0 });
  expect(events.filter(({ event_type }) => event_type === "up")).toHaveLength(1);
  // The lift is where the drag had come to, not where the pinch went.
  expect(events.at(-1)).toMatchObject({ x: events.at(-2)?.x, y: events.at(-2)?.y });

  // The next single finger is a press again.
  await touch("touchStart", finger(0, 0));
  await touch("touchEnd");
  await expect
    .poll(() =>
      line
        .ofType("mouse_event")
        .slice(events.length)
        .map(({ event_type }) => event_type),
    )
    .toEqual(["down", "up"]);
});
