/**
 * Makes the pictures in docs/images from the real server and console: those of the READMEs, a demo challenge each and the
 * inbox with all of them; and in docs/images/hands what the console shows beside a picture.
 *
 * `node scripts/screenshots.ts [--all FOLDER] [--only surface,surface] [--looks look,look]`: with `--all` every surface
 * in every look goes into a folder, and docs/images stays as it is; `--only` and `--looks` choose some of either.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright";
import { JIGSAW, ROTATE, SCRATCH_CARD } from "../public/demo/layout.js";
import { SCOPES } from "../src/auth/caller.ts";
import { findChromium } from "../src/browser/process/find-chromium.ts";
import { loadConfig } from "../src/config.ts";
import { buildDemoApp } from "../src/demo/demo-app.ts";
import type { SessionAnswer } from "../src/protocol/rest.ts";
import { buildApp } from "../src/server/standalone.ts";
import { isLook, LOOKS, type LookName } from "./screenshots/looks.ts";
import { savePicture } from "./screenshots/save.ts";
import { SURFACES, type Surface } from "./screenshots/surfaces.ts";
import { takeSurfaces } from "./screenshots/take-surfaces.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const SETTINGS = {
  ...process.env,
  HOST: "127.0.0.1",
  PORT: "0",
  DEMO: "off",
  WARM_BROWSERS: "0",
  URL_ALLOW_PRIVATE: "on",
  // One address makes and ends them all.
  MAX_CREATES_PER_MINUTE: "1000",
};
const KEY_BYTES = 24;
/** Some surfaces are shown on pages without a challenge, which are searched for one. */
const CHALLENGE_SEARCH_MS = 1_000;
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
    browser: LOOKS.desktop,
  },
  {
    file: "console-phone.png",
    path: "/jigsaw.html",
    label: "Order import",
    instructions: "Drag the slider until the piece fits the gap, then let go.",
    handle: JIGSAW.handle,
    travel: 96,
    browser: LOOKS.phone,
  },
  {
    file: "console-dark.png",
    path: "/scratch-card.html",
    label: "Weekly report",
    instructions: "Drag the slider to scratch the foil until the picture asked for is fully uncovered, then let go.",
    handle: SCRATCH_CARD.handle,
    travel: 130,
    browser: LOOKS.dark,
  },
  {
    file: "console-zh.png",
    path: "/rotate.html",
    label: "订单同步",
    instructions: "拖动滑块，把图片转正，然后松手。",
    handle: ROTATE.handle,
    travel: 110,
    browser: LOOKS.zh,
  },
];

/** Lists are separated by commas. */
type Wanted = Partial<Readonly<Record<"all" | "only" | "looks", string>>>;

/** What was started, last first: each is stopped once, whatever happens. */
const stops: (() => Promise<unknown>)[] = [];

async function stopAll(): Promise<void> {
  for (let stop = stops.pop(); stop; stop = stops.pop()) await stop().catch((error: unknown) => console.error(error));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { all: { type: "string" }, only: { type: "string" }, looks: { type: "string" } },
  });
  const fileOf = chosen(values);
  const browser = await startBrowser(loadConfig(SETTINGS));
  if (values.all === undefined && values.only === undefined && values.looks === undefined) await takeAllShots(browser);
  // A server of their own: the inbox shows what has ended, too. It asks for keys, as one in use does.
  const key = randomBytes(KEY_BYTES).toString("base64url");
  const api = await startServer({ API_KEYS: `screenshots:${key}:${SCOPES.join("+")}` });
  await takeSurfaces({ browser, api, key, fileOf });
}

/** Returns the address of the REST routes. */
async function startServer(access: Record<string, string>): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "captcha-remote-screenshots-"));
  stops.push(() => rm(dataDir, { recursive: true, force: true }));
  const config = loadConfig({ ...SETTINGS, ...access, DATA_DIR: dataDir });
  const { app, publicUrl } = await buildApp(config, {
    log: pino({ level: "warn" }),
    challengeSearchMs: CHALLENGE_SEARCH_MS,
  });
  stops.push(() => app.close());
  await app.listen({ host: config.host, port: config.port });
  return `${publicUrl()}/api/captcha`;
}

/** The pictures of the READMEs. */
async function takeAllShots(browser: Browser): Promise<void> {
  const api = await startServer({ AUTH: "off" });
  const demo = await buildDemoApp({ api: () => ({ origin: new URL(api).origin, key: undefined }) });
  stops.push(() => demo.close());
  await demo.listen({ host: "127.0.0.1", port: 0 });
  const demoOrigin = `http://127.0.0.1:${(demo.server.address() as AddressInfo).port}`;
  for (const shot of SHOTS) {
    const session = await createSession(api, `${demoOrigin}${shot.path}`, shot);
    await takeShot(browser, session, shot);
  }
  await takeInbox(browser, `${api}/control`);
}

/** Where each surface that is asked for goes, in each look. Throws an Error where a name is wrong. */
function chosen({ all, only, looks }: Wanted): (surface: Surface, look: LookName) => string | undefined {
  const [names, lookNames] = [only?.split(","), looks?.split(",")];
  const unknown = [
    ...(names ?? []).filter((name) => !SURFACES.some((surface) => surface.name === name)),
    ...(lookNames ?? []).filter((name) => !isLook(name)),
  ];
  if (unknown.length > 0) {
    const known = [...SURFACES.map(({ name }) => name), ...Object.keys(LOOKS)];
    throw new Error(`No such surface or look: ${unknown.join(", ")}. There are: ${known.join(", ")}`);
  }
  return ({ name, kept }, look) => {
    if (names?.includes(name) === false || lookNames?.includes(look) === false) return undefined;
    if (all === undefined && !kept.includes(look)) return undefined;
    return join(all === undefined ? join(IMAGES, "hands") : resolve(all), `${name}-${look}.png`);
  };
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
  const context = await browser.newContext(LOOKS.desktop);
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
  await savePicture(page, join(IMAGES, file));
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
