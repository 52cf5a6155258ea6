/** [R10] A bot's browser with windows, as on a desktop: its tabs stay as they are. Needs Xvfb and a full Chromium. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";
import { test as base, expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";

const CHALLENGE = `<!doctype html><body style="margin:0">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;
const LOOK = `[innerWidth, innerHeight, outerWidth, outerHeight, screenX, screenY, screen.width, screen.height,
  devicePixelRatio, document.hasFocus(), document.visibilityState]`;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, "exit");
  process.kill(-(child.pid ?? 0), signal);
  await gone;
}

const test = base.extend<{ desktop: { browser: Browser; endpoint: string } }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  desktop: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const screen = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x900x24"], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [number] = (await once(screen.stdout as NonNullable<typeof screen.stdout>, "data")) as [Buffer];
    const flags = ["--no-first-run", "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"];
    const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const chromium = spawn("chromium", [...sandbox, ...flags], {
      detached: true,
      stdio: "ignore",
      env: { ...process.env, DISPLAY: `:${String(number).trim()}`, HOME: folder },
    });
    const port = () => readFile(join(folder, "DevToolsActivePort"), "utf8").catch(() => "");
    await expect.poll(port).not.toBe("");
    const endpoint = `http://127.0.0.1:${(await port()).split("\n")[0]}`;
    const browser = await puppeteer.connect({ browserURL: endpoint, defaultViewport: null });
    await use({ browser, endpoint });
    await browser.disconnect();
    await end(chromium, "SIGKILL");
    await end(screen, "SIGTERM");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  },
});

test.skip(spawnSync("which", ["Xvfb"]).status !== 0, "no Xvfb on this machine");

test("[R10] a window keeps its size and focus, and a background tab is not brought forward: the operator is notified", async ({
  desktop: { browser, endpoint },
  bot,
  site,
  connect,
}) => {
  const page = await browser.newPage();
  await page.goto(site.serve("/guest", CHALLENGE));
  await page.bringToFront();
  const open = async () => {
    const session = await bot.create({ cdp: { endpoint, url_contains: "/guest" } });
    expect(session.captcha_info).toMatchObject({ x: 40, y: 60 });
    return connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
  };
  const inFront = await page.evaluate(LOOK);
  const first = await open();
  await first.nextPicture(({ view }) => view.width === 320, 0);
  expect(await page.evaluate(LOOK)).toEqual(inFront);
  first.send({ type: "finish", outcome: "cannot" });
  await first.closed;
  expect(await page.evaluate(LOOK)).toEqual(inFront);

  const other = await browser.newPage();
  await other.bringToFront();
  await expect.poll(() => page.evaluate("document.visibilityState")).toBe("hidden");
  const behind = await page.evaluate(LOOK);
  const second = await open();
  await second.next("page_notice", ({ notice }) => notice === "page_not_visible");
  expect(await page.evaluate(LOOK)).toEqual(behind);
  await page.bringToFront();
  await second.next("page_notice", ({ notice }) => notice === "page_visible");
  await second.nextPicture(({ view }) => view.width === 320, 0);
});
