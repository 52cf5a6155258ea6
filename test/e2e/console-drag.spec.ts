/** A drag in the console: moves go out as soon as the browser has them, and a ring shows the hand while pictures are late. */
import { listen, servePage } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, type Operator, test } from "../support/fixtures.ts";

/** Its pages have their challenge from the start. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const MOVES = 8;
/** The ring is drawn on whole pixels of the page's picture. */
const RING_PX = 2;

/** Runs in the console's page: counts drag moves that went out before the browser's frame had theirs, and those after. */
function countEarlyMoves(): void {
  const counts = { early: 0, late: 0 };
  Reflect.set(globalThis, "earlyMoves", counts);
  let isFrame = false;
  const setFrame = (is: boolean) => () => {
    isFrame = is;
  };
  addEventListener("pointermove", setFrame(true), { capture: true });
  addEventListener("pointermove", setFrame(false));
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (this: WebSocket, data) {
    if (String(data).includes('"event_type":"move"') && String(data).includes('"buttons":1')) {
      counts[isFrame ? "late" : "early"] += 1;
    }
    Reflect.apply(send, this, [data]);
  };
}

/** Runs in the console's page: a browser without raw moves. */
function withoutRawMoves(): void {
  addEventListener("pointerrawupdate", (event) => event.stopImmediatePropagation(), { capture: true });
}

/** Runs in the console's page: from "hold-pictures" until "release-pictures" no picture arrives. */
function holdPictures(): void {
  const waiting: (() => void)[] = [];
  let isHolding = false;
  addEventListener("hold-pictures", () => {
    isHolding = true;
  });
  addEventListener("release-pictures", () => {
    isHolding = false;
    for (const tell of waiting.splice(0)) tell();
  });
  const listen = WebSocket.prototype.addEventListener;
  WebSocket.prototype.addEventListener = function (this: WebSocket, type: string, listener: unknown) {
    const tell = (event: Event) => typeof listener === "function" && Reflect.apply(listener, this, [event]);
    const held = (event: Event) => {
      if (isHolding && event instanceof MessageEvent && event.data instanceof ArrayBuffer)
        waiting.push(() => tell(event));
      else tell(event);
    };
    Reflect.apply(listen, this, [type, held]);
  };
}

/** The points of the console that a drag over the challenge goes through. */
async function pathOver(operator: Operator) {
  const box = await operator.page.locator("#screen").boundingBox();
  const { x = 0, y = 0 } = box ?? {};
  return Array.from({ length: MOVES + 1 }, (_, step) => ({ x: x + 40 + step * 10, y: y + 60 }));
}

for (const [browser, prepare] of [
  ["as soon as the browser has them", countEarlyMoves],
  ["also where the browser gives out none before its frame @long", withoutRawMoves],
] as const) {
  test(`[W24] each move of a drag goes out once, in order, ${browser}`, async ({ site, bot, operator }) => {
    const { page } = operator;
    await page.addInitScript(prepare);
    const line = listen(page);
    const session = await bot.create({ url: servePage(site).url });
    await operator.open(session.control_url);
    const [start, ...path] = await pathOver(operator);
    await page.mouse.move(start?.x ?? 0, start?.y ?? 0);
    await page.mouse.down();
    for (const { x, y } of path) await page.mouse.move(x, y);
    await page.mouse.up();
    const drag = () =>
      line.ofType("mouse_event").filter(({ buttons, event_type }) => buttons === 1 && event_type === "move");
    await expect.poll(() => line.ofType("mouse_event").at(-1)?.event_type).toBe("up");
    // Each has a point of its own: a move that is sent twice would be one of two alike.
    const points = drag().map(({ x }) => x);
    expect(points).toEqual([...new Set(points)].sort((a, b) => a - b));
    expect(points.length).toBeGreaterThan(MOVES / 2);
    expect(points.at(-1)).toBe(line.ofType("mouse_event").at(-1)?.x);
    if (prepare === countEarlyMoves) {
      expect(await page.evaluate("earlyMoves.early")).toBeGreaterThan(0);
      expect(await page.evaluate("earlyMoves.late")).toBeLessThan(MOVES / 2);
    }
  });
}

test("in a drag a ring is where the hand is while the picture is late, and only then", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  await page.addInitScript(holdPictures);
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const ring = page.locator(".late-ring");
  const [start, first, ...path] = await pathOver(operator);
  const last = path.at(-1);
  if (!start || !first || !last) throw new Error("A path has points.");
  const isAt = (point: typeof last) => async () => {
    const box = await ring.boundingBox();
    const { x = Number.NaN, y = Number.NaN, width = 0, height = 0 } = box ?? {};
    expect(Math.hypot(x + width / 2 - point.x, y + height / 2 - point.y)).toBeLessThan(RING_PX);
  };
  await page.evaluate(() => dispatchEvent(new Event("hold-pictures")));
  await page.mouse.move(start.x, start.y);
  await expect(ring).toBeHidden();
  await page.mouse.down();
  await page.mouse.move(first.x, first.y);
  await expect(isAt(first)).toPass();
  for (const { x, y } of path) await page.mouse.move(x, y);
  await expect(isAt(last)).toPass();
  // The hand rests, and the picture comes.
  await page.evaluate(() => dispatchEvent(new Event("release-pictures")));
  await expect(ring).toBeHidden();
  await page.evaluate(() => dispatchEvent(new Event("hold-pictures")));
  await page.mouse.move(first.x, first.y);
  await expect(isAt(first)).toPass();
  await page.mouse.up();
  await expect(ring).toBeHidden();
});
