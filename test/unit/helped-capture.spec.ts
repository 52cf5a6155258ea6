/** [R32] [W61] What the server makes of a bot that crops its page: also of one that does not do what it says. */
import { expect, test } from "@playwright/test";
import type { PageSession } from "../../src/browser/cdp/connection.ts";
import { type CaptureRegion, FullViewportCapture } from "../../src/browser/pictures/capture-region.ts";
import { HelpedCapture } from "../../src/browser/pictures/helped-capture.ts";
import { croppingSession } from "../../src/browser/relay/cropping-session.ts";
import type { Code } from "../../src/errors.ts";
import type { Rect, Size } from "../../src/protocol/common.ts";
import type { Clip } from "../../src/protocol/relay-terms.ts";
import type { CropHelper } from "../../src/session/ports/crops.ts";

const VIEWPORT = { width: 900, height: 700 };
const WHOLE = { x: 0, y: 0, ...VIEWPORT };
const PART: Rect = { x: 30, y: 50, width: 320, height: 220 };
const AT_TOP = { x: 0, y: 0 };
const TARGET = "A".repeat(32);

/** A browser whose screenshots have the size of what its bot shows. */
class Browser implements PageSession {
  shown: Size = VIEWPORT;
  readonly calls: string[] = [];
  readonly send = (async (method: string) => {
    this.calls.push(method);
    if (method === "Page.getFrameTree") return { frameTree: { frame: { id: "F" } } };
    if (method === "Page.createIsolatedWorld") return { executionContextId: 1 };
    return method === "Page.captureScreenshot" ? { data: jpegOf(this.shown).toString("base64") } : {};
  }) as PageSession["send"];
  on(): void {}
}

/** As much of a JPEG as its size needs. */
function jpegOf({ width, height }: Size): Buffer {
  const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  jpeg.writeUInt16BE(height, 7);
  jpeg.writeUInt16BE(width, 9);
  return jpeg;
}

/** A bot that shows what it is asked to, unless it is told otherwise. */
class Bot implements CropHelper {
  readonly targetId = TARGET;
  readonly density = 2;
  readonly touch = false;
  readonly asked: { clip: Clip | null; again: boolean }[] = [];
  closed: Code | null | undefined;
  renewed = (): void => {};
  does: (clip: Clip | null) => Promise<void>;

  constructor(browser: Browser) {
    this.does = async (clip) => {
      const side = (length: number) => Math.round(length * (clip?.scale ?? 1) * this.density);
      browser.shown = clip ? { width: side(clip.width), height: side(clip.height) } : VIEWPORT;
    };
  }

  async set(clip: Clip | null, again: boolean): Promise<void> {
    this.asked.push({ clip, again });
    await this.does(clip);
  }

  onRenewed(listener: () => void): void {
    this.renewed = listener;
  }

  close(code: Code | null): void {
    this.closed = code;
  }
}

function setUp() {
  const browser = new Browser();
  const capture = new HelpedCapture({
    targetId: TARGET,
    session: browser,
    cropping: (part) => croppingSession(browser, part),
    whole: new FullViewportCapture(browser, VIEWPORT),
    viewport: VIEWPORT,
    repairAfterMs: 20,
  });
  const bot = new Bot(browser);
  const changes: boolean[] = [];
  const begin = (helper: CropHelper = bot) => capture.begin(helper, () => changes.push(capture.isHelped));
  /** Applies it, and does so again whenever that is due, as a screencast does. */
  const keepApplied = async (wanted: CaptureRegion) => {
    capture.begin(bot, () => {
      changes.push(capture.isHelped);
      capture.forget();
      void capture.apply(capture.reach(wanted));
    });
    await expect.poll(() => bot.asked.length).toBeGreaterThan(0);
  };
  return { browser, capture, bot, changes, begin, keepApplied };
}

const region = (view: Rect, scale = 1) => ({ view, scale, scroll: AT_TOP });

test("[R32] a bot shows the part that is asked for, in the document's px; without it the whole page is captured", async () => {
  const { capture, bot, changes, begin } = setUp();
  expect(capture.reach(region(PART, 2))).toEqual(region(WHOLE, 1));
  const leave = begin();
  const wanted = { ...region(PART, 2), scroll: { x: 0, y: 100 } };
  expect(capture.reach(wanted)).toEqual(wanted);
  await capture.apply(wanted);
  expect(bot.asked).toEqual([{ clip: { ...PART, y: 150, scale: 1 }, again: false }]);
  expect(capture.scaleOf({ width: 640, height: 440 }, wanted)).toBe(2);
  leave();
  expect(changes).toEqual([true, false]);
  expect(capture.reach(wanted).view).toEqual(WHOLE);
});

test("[R32] no part has the proportions of the page: a picture of it is never taken for the whole page", () => {
  const { capture, begin } = setUp();
  const whole = new FullViewportCapture(new Browser(), VIEWPORT);
  begin();
  for (const view of [
    { x: 10, y: 20, width: 300, height: 233 },
    { x: 10, y: 460, width: 300, height: 240 },
    { x: 0, y: 0, width: 885, height: 690 },
  ]) {
    const reached = capture.reach(region(view, 0.25)).view;
    expect(reached.height).toBeGreaterThanOrEqual(view.height);
    expect(reached.y + reached.height).toBeLessThanOrEqual(VIEWPORT.height);
    const picture = { width: Math.round(reached.width / 4), height: Math.round(reached.height / 4) };
    const isPage = reached.width === VIEWPORT.width && reached.height === VIEWPORT.height;
    expect(whole.scaleOf(picture, region(WHOLE, 0.25)) !== null).toBe(isPage);
  }
});

test("[R32] a still of another part leaves the part that was shown", async () => {
  const { browser, capture, bot, begin } = setUp();
  begin();
  await capture.apply(region(PART));
  const still = await capture.capture(region(WHOLE, 2), 80);
  expect([still.readUInt16BE(9), still.readUInt16BE(7)]).toEqual([1_800, 1_400]);
  expect(bot.asked.map(({ clip }) => clip?.width)).toEqual([320, 900, 320]);
  expect(browser.shown).toEqual({ width: 320, height: 220 });
});

test("[W61] a bot that has set the part again makes pictures begin anew, until it is left", () => {
  const { bot, changes, begin } = setUp();
  const leave = begin();
  bot.renewed();
  expect(changes).toEqual([true, true]);
  leave();
  bot.renewed();
  expect(changes).toEqual([true, true, false]);
});

test("[W61] a bot that fails or does not answer is left, and the whole page captured", async () => {
  const { capture, bot, changes, begin } = setUp();
  begin();
  bot.does = () => Promise.reject(new Error("no answer in time"));
  await capture.apply(region(PART));
  expect(bot.closed).toBe("lagging");
  expect(changes).toEqual([true, false]);
  expect(capture.castOptions({ ...region(WHOLE, 0.5) }, false)).toEqual({ maxWidth: 450, maxHeight: 350 });
});

test("[W61] pictures of another size are asked for again, and a bot that never shows the part is left for good", async () => {
  const { capture, bot, keepApplied } = setUp();
  const closes: (Code | null)[] = [];
  for (let comes = 1; comes <= 2; comes += 1) {
    bot.closed = undefined;
    bot.asked.length = 0;
    await keepApplied(region(PART));
    expect(capture.scaleOf(VIEWPORT, region(PART))).toBeNull();
    await expect.poll(() => bot.closed).not.toBeUndefined();
    expect(bot.asked.map(({ again }) => again)).toEqual([false, true, true, true]);
    closes.push(bot.closed ?? null);
  }
  expect(closes).toEqual(["lagging", null]);
});

test("[W61] a picture of the right size ends the doubt: the next one begins anew", async () => {
  const { capture, bot, keepApplied } = setUp();
  await keepApplied(region(PART));
  expect(capture.scaleOf(VIEWPORT, region(PART))).toBeNull();
  await expect.poll(() => bot.asked.length, { intervals: [2] }).toBe(2);
  expect(capture.scaleOf(PART, region(PART))).toBe(1);
  expect(capture.scaleOf(VIEWPORT, region(PART))).toBeNull();
  await expect.poll(() => bot.closed).toBe("lagging");
  expect(bot.asked).toHaveLength(5);
});

test("[W61] while a stuck bot still shows a part, no screenshot of it is taken for the whole page", async () => {
  const { browser, capture, begin } = setUp();
  begin()();
  browser.shown = { width: 320, height: 220 };
  await expect(capture.capture(region(WHOLE), 80)).rejects.toMatchObject({ code: "timeout" });
  browser.shown = VIEWPORT;
  expect((await capture.capture(region(WHOLE), 80)).readUInt16BE(9)).toBe(900);
});

test("[R32] another page's bot is refused; of two the newer one crops; the end of the session closes it", () => {
  const { browser, capture, bot, begin } = setUp();
  begin();
  const stranger = Object.assign(new Bot(browser), { targetId: "B".repeat(32) });
  expect(() => begin(stranger)).toThrow(expect.objectContaining({ code: "invalid_message" }));
  expect(bot.closed).toBeUndefined();
  const newer = new Bot(browser);
  begin(newer);
  expect(bot.closed).toBeNull();
  capture.finish("session_ended");
  expect(newer.closed).toBe("session_ended");
  expect(capture.isHelped).toBe(false);
});
