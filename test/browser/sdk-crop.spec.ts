/** [R32] [W61] A bot that crops its own page, with real browsers: what a person sees and does, and what stays as it was. */
import type { Page } from "@playwright/test";
import { connect as connectPuppeteer } from "puppeteer-core";
import sharp from "sharp";
import type { SessionAnswer, SessionResult } from "../../src/protocol/rest.ts";
import type { Croppable } from "../../src/relay/index.ts";
import { CaptchaRemoteClient } from "../../src/sdk/index.ts";
import { type BotBrowser, expect, test as withGuests } from "../support/guest.ts";
import { TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { IS_LONG_RUN, longUnless } from "../support/long-run.ts";
import { type RunningProgram, startProgram } from "../support/programs.ts";
import { type Relay as Line, startRelay as startLine } from "../support/relay.ts";

/** What a page's own script can see of its screen, what has happened to it, and where it was pressed and dragged. */
const PAGE = `<!doctype html><title>shop</title><meta name="viewport" content="width=device-width">
  <body style="margin:0;height:2000px;background:#fff">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
  <div style="position:fixed;right:0;bottom:0;width:40px;height:30px;background:#080"></div>
  <script>
    const happened = [];
    const heard = [];
    for (const type of ["resize", "blur", "scroll", "orientationchange", "pagehide", "visibilitychange"]) {
      addEventListener(type, () => happened.push(type), true);
    }
    visualViewport.addEventListener("resize", () => happened.push("visual resize"));
    screen.orientation.addEventListener("change", () => happened.push("orientation"));
    const queries = ["(min-width: 350px)", "(min-height: 300px)", "(min-resolution: 1.5dppx)", "(orientation: portrait)",
      "(pointer: coarse)", "(hover: hover)", "(min-device-width: 350px)"].map((query) => matchMedia(query));
    for (const query of queries) query.addEventListener("change", () => happened.push(query.media));
    new ResizeObserver(() => happened.push("box")).observe(document.documentElement);
    const look = () => JSON.stringify({
      inner: [innerWidth, innerHeight], outer: [outerWidth, outerHeight], at: [screenX, screenY],
      screen: [screen.width, screen.height, screen.availWidth, screen.availHeight, screen.orientation.type],
      ratio: devicePixelRatio, visual: [visualViewport.width, visualViewport.height, visualViewport.scale],
      client: [document.documentElement.clientWidth, document.documentElement.clientHeight],
      media: queries.map(({ matches }) => matches), touch: navigator.maxTouchPoints, happened,
    });
    const box = document.querySelector("#captcha");
    const hear = ({ type, clientX, clientY, screenX, screenY }) => heard.push([type, clientX, clientY, screenX, screenY]);
    for (const type of ["pointerdown", "pointermove", "pointerup"]) box.addEventListener(type, hear);
    box.addEventListener("pointerup", () => box.remove());
    const paint = (colour) => { box.style.background = colour; };
  </script>`;
const VIEWPORT = { width: 900, height: 640 };
const DONE = { any: [{ gone: "#captcha" }], stable_ms: 100 };
const PART = { x: 30, y: 50, width: 320, height: 220 };
/** Sharper than a picture that the server cuts out of a whole page can be: it shows that the bot crops. */
const SHARP = 2;

const test = withGuests.extend<{ line: Line; program: RunningProgram }>({
  line: async ({ server }, use) => {
    const line = await startLine(server.url);
    await use(line);
    await line.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  program: async ({}, use) => {
    const program = await startProgram({ URL_ALLOW_PRIVATE: "on" });
    await use(program);
    await program.remove();
  },
});

type Connect = (url: string, options: { protocols: string[] }) => Promise<LiveClient>;

interface Bot {
  readonly page: Croppable;
  evaluate(expression: string): Promise<unknown>;
  /** What a bot sees in its own screenshots. */
  shots(): Promise<Buffer[]>;
  close(): Promise<void>;
}

interface BotKind {
  readonly name: string;
  /** What it adds is seen in the long run. */
  readonly isVariant?: boolean;
  open(browser: BotBrowser, url: string): Promise<Bot>;
}

function playwrightBot(name: string, options: Parameters<BotBrowser["browser"]["newContext"]>[0]): BotKind {
  return {
    name,
    async open({ browser }, url) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      await page.goto(url);
      const element = page.locator("#captcha");
      return {
        page,
        evaluate: (expression) => page.evaluate(expression),
        shots: async () => [await page.screenshot(), await element.screenshot()],
        close: () => context.close(),
      };
    },
  };
}

const BOTS: readonly BotKind[] = [
  playwrightBot("Playwright on a desk", { viewport: VIEWPORT }),
  { ...playwrightBot("Playwright on a dense screen", { viewport: VIEWPORT, deviceScaleFactor: 2 }), isVariant: true },
  {
    ...playwrightBot("Playwright as a phone", {
      viewport: { width: 390, height: 664 },
      screen: { width: 390, height: 844 },
      deviceScaleFactor: 3,
      isMobile: true,
      hasTouch: true,
    }),
    isVariant: true,
  },
  {
    name: "Puppeteer",
    isVariant: true,
    async open({ wsEndpoint }, url) {
      const defaultViewport = { ...VIEWPORT, deviceScaleFactor: 2 };
      const browser = await connectPuppeteer({ browserWSEndpoint: wsEndpoint, defaultViewport });
      const page = await browser.newPage();
      await page.goto(url);
      return {
        page,
        evaluate: (expression) => page.evaluate(expression),
        shots: async () => [Buffer.from(await page.screenshot())],
        close: async () => {
          await page.close();
          await browser.disconnect();
        },
      };
    },
  },
];

/** Solves on a page with the bot's help; `session` is there once its link is handed on. */
function solving(baseUrl: string, browser: BotBrowser, page: Croppable) {
  const client = new CaptchaRemoteClient({ baseUrl, apiKey: TEST_KEY });
  const opened = Promise.withResolvers<SessionAnswer>();
  const stop = new AbortController();
  const body = { cdp: { endpoint: browser.endpoint }, completion: DONE };
  const onLink = (_link: string, session: SessionAnswer) => opened.resolve(session);
  const result: Promise<SessionResult> = client.solve(body, { page, onLink, signal: stop.signal });
  result.catch(opened.reject);
  return { client, session: opened.promise, result, stop: () => stop.abort() };
}

/** An operator who sees the challenge as sharp as it comes. */
async function operating({ ws_url }: SessionAnswer, connect: Connect): Promise<LiveClient> {
  const operator = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  operator.acks = true;
  await operator.next("session_info");
  operator.send({ type: "view", mode: "challenge", scale: SHARP });
  return operator;
}

/** The next picture of the challenge in this colour, made at this scale. */
async function coloured(operator: LiveClient, colour: "red" | "green" | "blue", scale: number): Promise<void> {
  const index = { red: 0, green: 1, blue: 2 }[colour];
  const isShown = async () => {
    const last = operator.pictures.at(-1);
    if (last?.kind !== "still" || last.scale !== scale) return false;
    const { width, height } = await sharp(last.jpeg).metadata();
    expect([width, height]).toEqual([last.view.width * scale, last.view.height * scale]);
    const { channels } = await sharp(last.jpeg).extract({ left: 20, top: 20, width: 100, height: 100 }).stats();
    return channels.every(({ mean }, at) => (at === index ? mean > 150 : mean < 100));
  };
  await expect.poll(isShown).toBe(true);
}

/** The width of what the browser draws now, as another session's screenshot without a clip shows it. */
async function drawn(page: Page): Promise<number | undefined> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "jpeg" });
  await session.detach();
  return (await sharp(Buffer.from(data, "base64")).metadata()).width;
}

function mouse(operator: LiveClient, event_type: string, [x, y]: readonly [number, number]): void {
  const buttons = event_type === "up" ? 0 : 1;
  operator.send({ type: "mouse_event", event_type, x, y, button: "left", buttons });
}

const pixelsOf = (shots: readonly Buffer[]) => Promise.all(shots.map((shot) => sharp(shot).raw().toBuffer()));

for (const { name, open, isVariant } of BOTS) {
  const long = longUnless(!isVariant);
  test(`[R32] [W61] ${name}: the person gets the challenge alone, a drag lands exactly, and the page notices nothing else${long}`, async ({
    botBrowser,
    server,
    site,
    connect,
  }) => {
    // Another page of the browser, which is not meant.
    await botBrowser.open(site.serve("/other", "<title>other</title>"));
    const own = await open(botBrowser, site.serve("/guest", PAGE));
    // The observer's own first call.
    await expect.poll(() => own.evaluate("happened.splice(0).length")).toBe(0);
    const before = await own.evaluate("look()");
    const shots = await pixelsOf(await own.shots());

    const { session, result } = solving(server.url, botBrowser, own.page);
    const operator = await operating(await session, connect);
    const picture = await operator.nextPicture(({ scale }) => scale === SHARP, 0);
    expect(picture.view).toEqual(PART);
    expect(await own.evaluate("look()")).toBe(before);
    expect(await pixelsOf(await own.shots())).toEqual(shots);
    await own.evaluate("paint('#00f')");
    await coloured(operator, "blue", SHARP);
    expect(await own.evaluate("look()")).toBe(before);

    const path = Array.from({ length: 20 }, (_, step) => [60 + 11 * step, 80 + 7 * step] as const);
    mouse(operator, "down", [60, 80]);
    for (const at of path.slice(1)) mouse(operator, "move", at);
    // All have arrived once the last one has.
    await expect.poll(() => own.evaluate("heard.at(-1)?.slice(1, 3).join()")).toBe("269,213");
    const heard = (await own.evaluate("heard")) as [string, number, number, number, number][];
    const isOnPath = ([, x, y]: (typeof heard)[number]) => path.some(([ownX, ownY]) => x === ownX && y === ownY);
    expect(heard.filter((event) => !isOnPath(event))).toEqual([]);
    expect(heard.filter(([, x, y, screenX, screenY]) => screenX !== x || screenY !== y)).toEqual([]);
    expect(await own.evaluate("look()")).toBe(before);
    mouse(operator, "up", [269, 213]);
    expect(await result).toMatchObject({ outcome: "solved", reason: "rules_met" });
    expect(await own.evaluate("look()")).toBe(before);
    await own.close();
  });
}

test("[R32] after the bot gives its page another size, or takes it whole, the crop is set again with what it has then @long", async ({
  botBrowser,
  server,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", PAGE), VIEWPORT);
  const { session, result, stop } = solving(server.url, botBrowser, page);
  const operator = await operating(await session, connect);
  await operator.nextPicture(({ scale }) => scale === SHARP, 0);
  const whole = await sharp(await page.screenshot({ fullPage: true })).metadata();
  expect([whole.width, whole.height]).toEqual([VIEWPORT.width, 2_000]);
  await page.evaluate("paint('#0f0')");
  await coloured(operator, "green", SHARP);
  await page.evaluate("happened.splice(0)");
  await page.setViewportSize({ width: 700, height: 500 });
  await page.evaluate("paint('#00f')");
  await coloured(operator, "blue", SHARP);
  expect(await page.evaluate("[innerWidth, innerHeight, outerWidth, outerHeight, screen.width].join()")).toBe(
    "700,500,700,500,700",
  );
  expect(((await page.evaluate("happened")) as string[]).filter((what) => what === "resize")).toHaveLength(1);
  // Still the bot's own afterwards.
  stop();
  await expect(result).rejects.toThrow();
  await expect.poll(() => drawn(page)).toBe(700);
  await page.setViewportSize(VIEWPORT);
  expect(await page.evaluate("innerWidth")).toBe(VIEWPORT.width);
});

test("[W61] while the bot's line is broken the server cuts the whole page, which nothing crops; then the bot crops again", async ({
  botBrowser,
  bot,
  line,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", PAGE), VIEWPORT);
  const client = new CaptchaRemoteClient({ baseUrl: line.url, apiKey: TEST_KEY });
  const cdp = { endpoint: botBrowser.endpoint, url_contains: "/guest" };
  const session = await bot.create({ cdp, completion: DONE });
  const lines: boolean[] = [];
  const crop = await client.crop(session.session_id, page, { onLine: (isUp) => lines.push(isUp) });
  const operator = await operating(session, connect);
  await operator.nextPicture(({ scale }) => scale === SHARP, 0);
  expect(await drawn(page)).toBe(PART.width * SHARP);
  const before = await page.evaluate("look()");
  await line.cut();
  await page.evaluate("paint('#00f')");
  await coloured(operator, "blue", 1);
  expect(await drawn(page)).toBe(VIEWPORT.width);
  await line.mend();
  await page.evaluate("paint('#0f0')");
  await coloured(operator, "green", SHARP);
  expect([...lines.slice(0, 2), lines.at(-1)]).toEqual([true, false, true]);
  expect(await page.evaluate("look()")).toBe(before);
  operator.send({ type: "finish", outcome: "cannot" });
  expect(await crop?.closed).toBeNull();
  await expect.poll(() => drawn(page)).toBe(VIEWPORT.width);
  expect(await page.evaluate("look()")).toBe(before);
});

test("[W61] a server that is killed leaves the page as it was, and the bot whole", async ({
  botBrowser,
  program,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", PAGE), VIEWPORT);
  const before = await page.evaluate("look()");
  const shot = await page.screenshot();
  const { session, result, stop } = solving(program.url, botBrowser, page);
  result.catch(() => {});
  const answer = await session;
  const operator = await operating(answer, connect);
  await operator.nextPicture(({ scale }) => scale === SHARP, 0);
  expect(await drawn(page)).toBe(PART.width * SHARP);
  await program.kill();
  await expect.poll(() => drawn(page)).toBe(VIEWPORT.width);
  expect(await page.evaluate("look()")).toBe(before);
  expect(await pixelsOf([await page.screenshot()])).toEqual(await pixelsOf([shot]));
  if (IS_LONG_RUN) {
    await program.startAgain();
    const again = await operating(answer, connect);
    await page.evaluate("paint('#00f')");
    await coloured(again, "blue", SHARP);
    expect(await page.evaluate("look()")).toBe(before);
  }
  stop();
  await page.close();
});

test("[R32] a page whose bot emulates no viewport is not cropped: the person gets the whole page, as without help", async ({
  botBrowser,
  server,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", PAGE), null);
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  expect(await client.crop("none", page)).toBeNull();
  const { session, result, stop } = solving(server.url, botBrowser, page);
  const operator = await operating(await session, connect);
  await page.evaluate("paint('#00f')");
  await coloured(operator, "blue", 1);
  stop();
  await expect(result).rejects.toThrow();
  await expect(client.solve({ url: site.origin }, { page, onLink: () => {} })).rejects.toThrow(TypeError);
});
