/**
 * Makes the pictures of the READMEs in docs/images: the real server, the real console, a demo challenge each, and the
 * inbox with all of them.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright";
import { JIGSAW, ROTATE, SCRATCH_CARD } from "../public/demo/layout.js";
import { findChromium } from "../src/browser/process/find-chromium.ts";
import { loadConfig } from "../src/config.ts";
import { buildDemoApp } from "../src/demo/demo-app.ts";
import type { SessionAnswer } from "../src/protocol/rest.ts";
import { buildApp } from "../src/server/standalone.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const DESKTOP = { width: 1280, height: 760 };
const PHONE = { width: 390, height: 844 };
/** Between two moves of the hand: one a frame of the screen. */
const MOVE_EVERY_MS = 16;
const MOVES = 24;
/** The last picture of the drag has arrived and is drawn. */
const SETTLED_MS = 600;
/** A drag that the page took brings about as many pictures as moves; fewer than this and nothing moved. */
const LEAST_PICTURES = 5;

interface Shot {
  readonly file: string;
  readonly path: string;
  readonly label: string;
  readonly instructions: string;
  /** Middle of the handle, in CSS px of the challenge's box, and how far it has been dragged when the picture is taken. */
  readonly handle: { readonly x: number; readonly y: number };
  readonly travel: number;
  readonly browser: BrowserContextOptions;
}

const SHOTS: readonly Shot[] = [
  {
    file: "console.png",
    path: "/jigsaw.html",
    label: "Order import",
    instructions: "Drag the slider until the piece fits the gap, then let go.",
    handle: JIGSAW.handle,
    travel: 96,
    browser: { viewport: DESKTOP, locale: "en-US", colorScheme: "light" },
  },
  {
    file: "console-phone.png",
    path: "/jigsaw.html",
    label: "Order import",
    instructions: "Drag the slider until the piece fits the gap, then let go.",
    handle: JIGSAW.handle,
    travel: 96,
    browser: { viewport: PHONE, locale: "en-US", colorScheme: "light", isMobile: true, hasTouch: true },
  },
  {
    file: "console-dark.png",
    path: "/scratch-card.html",
    label: "Weekly report",
    instructions: "Drag the slider to scratch the foil until the picture asked for is fully uncovered, then let go.",
    handle: SCRATCH_CARD.handle,
    travel: 130,
    browser: { viewport: DESKTOP, locale: "en-US", colorScheme: "dark" },
  },
  {
    file: "console-zh.png",
    path: "/rotate.html",
    label: "订单同步",
    instructions: "拖动滑块，把图片转正，然后松手。",
    handle: ROTATE.handle,
    travel: 110,
    browser: { viewport: DESKTOP, locale: "zh-CN", colorScheme: "light" },
  },
];

/** What was started, last first: each is stopped once, whatever happens. */
const stops: (() => Promise<unknown>)[] = [];

async function stopAll(): Promise<void> {
  for (let stop = stops.pop(); stop; stop = stops.pop()) await stop().catch((error: unknown) => console.error(error));
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "captcha-remote-screenshots-"));
  stops.push(() => rm(dataDir, { recursive: true, force: true }));
  const config = loadConfig({
    ...process.env,
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: dataDir,
    DEMO: "off",
    AUTH: "off",
    URL_ALLOW_PRIVATE: "on",
  });
  const remote = await buildApp(config, { log: pino({ level: "warn" }) });
  stops.push(() => remote.app.close());
  const demo = await buildDemoApp({ api: () => ({ origin: remote.publicUrl(), key: undefined }) });
  stops.push(() => demo.close());
  await remote.app.listen({ host: config.host, port: config.port });
  await demo.listen({ host: "127.0.0.1", port: 0 });
  const demoOrigin = `http://127.0.0.1:${(demo.server.address() as AddressInfo).port}`;

  const browser = await startBrowser(config);
  await mkdir(IMAGES, { recursive: true });
  for (const shot of SHOTS) {
    const session = await createSession(`${remote.publicUrl()}/api/captcha`, `${demoOrigin}${shot.path}`, shot);
    await takeShot(browser, session, shot);
  }
  await takeInbox(browser, `${remote.publicUrl()}/api/captcha/control`);
}

async function startBrowser({ chromiumPath, searchPath }: ReturnType<typeof loadConfig>): Promise<Browser> {
  const executablePath = await findChromium({ chromiumPath, path: searchPath });
  // As root Chromium refuses to start with its sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
  stops.push(() => browser.close());
  return browser;
}

async function createSession(api: string, url: string, { label, instructions }: Shot): Promise<SessionAnswer> {
  const response = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url, label, instructions }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as SessionAnswer;
}

/** The console in the middle of a drag: the button is still down. */
async function takeShot(browser: Browser, session: SessionAnswer, shot: Shot): Promise<void> {
  const context = await browser.newContext({ deviceScaleFactor: 1, ...shot.browser });
  try {
    const page = await context.newPage();
    await page.goto(session.control_url);
    await page.locator('body[data-phase="live"]').waitFor();
    const canvas = page.locator("#screen[data-seq]");
    await canvas.waitFor();
    await page.waitForTimeout(SETTLED_MS);
    const before = await canvas.getAttribute("data-seq");
    const from = await drag(page, canvas, session, shot);
    await page.waitForTimeout(SETTLED_MS);
    const pictures = Number(await canvas.getAttribute("data-seq")) - Number(before);
    if (pictures < LEAST_PICTURES) throw new Error(`${shot.file}: the drag brought only ${pictures} pictures.`);
    await save(page, shot.file);
    // Back first: let go where the piece happens to fit, the session would be solved and missing in the inbox.
    await page.mouse.move(from.x, from.y);
    await page.mouse.up();
  } finally {
    await context.close();
  }
}

/** Where the sessions of the other pictures wait. */
async function takeInbox(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext({ viewport: DESKTOP, locale: "en-US", colorScheme: "light" });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page
      .locator("canvas.drawn")
      .nth(SHOTS.length - 1)
      .waitFor();
    await save(page, "inbox.png");
  } finally {
    await context.close();
  }
}

async function save(page: Page, file: string): Promise<void> {
  await page.screenshot({ path: join(IMAGES, file) });
  console.log(`docs/images/${file}`);
}

/** Presses and moves. Returns where it began, in px of the console. */
async function drag(
  page: Page,
  canvas: Locator,
  session: SessionAnswer,
  { handle, travel }: Shot,
): Promise<{ x: number; y: number }> {
  const box = await canvas.boundingBox();
  const view = (await canvas.getAttribute("data-view"))?.split(",").map(Number);
  if (!box || !view || !session.captcha_info) throw new Error("The challenge is not in the picture.");
  const [viewX = 0, viewY = 0, viewWidth = 1] = view;
  const scale = box.width / viewWidth;
  const from = {
    x: box.x + (session.captcha_info.x + handle.x - viewX) * scale,
    y: box.y + (session.captcha_info.y + handle.y - viewY) * scale,
  };
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  for (let move = 1; move <= MOVES; move += 1) {
    await page.mouse.move(from.x + (travel * scale * move) / MOVES, from.y);
    await page.waitForTimeout(MOVE_EVERY_MS);
  }
  return from;
}

process.once("SIGINT", () => void stopAll().then(() => process.exit(130)));
try {
  await main();
} finally {
  await stopAll();
}
