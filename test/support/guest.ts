/** A bot with a browser of its own, as bots have one: a Chromium with a debugging port, held by Playwright or Puppeteer. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { type BrowserProcess, startBrowser } from "../../src/browser/process/chromium-process.ts";
import { test as base, expect, isolating, TEST_FOLDER_PREFIX } from "./fixtures.ts";

const START_DEADLINE_MS = 20_000;

export interface BotBrowser {
  /** http: address of its debugging port. */
  readonly endpoint: string;
  /** The browser's own ws: address. */
  readonly wsEndpoint: string;
  readonly process: BrowserProcess;
  /** The bot's connection: everything that it does goes through this. */
  readonly browser: Browser;
  /** A page in a context of the bot's own; `viewport` null: as large as the window. */
  open(url: string, viewport?: { width: number; height: number } | null): Promise<Page>;
  /** As DevTools calls the page. */
  targetOf(page: Page): Promise<string>;
  /** Addresses of all tabs, as the browser lists them. */
  tabs(): Promise<string[]>;
}

export const test = base.extend<{ botBrowser: BotBrowser; botSiteIsolation: boolean }>({
  botSiteIsolation: [false, { option: true }],
  botBrowser: async ({ sessionBrowser, botSiteIsolation }, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const installed = sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "";
    const chromiumPath = botSiteIsolation ? await isolating(installed, folder) : installed;
    expect(basename(chromiumPath)).not.toBe("");
    const started = await startBrowser(
      {
        chromiumPath,
        profileDir: join(folder, "profile"),
        environment: { PATH: process.env["PATH"] ?? "", HOME: folder },
        viewport: { width: 1000, height: 700 },
      },
      AbortSignal.timeout(START_DEADLINE_MS),
    );
    const browser = await chromium.connectOverCDP(started.endpoint);
    const endpoint = `http://${new URL(started.endpoint).host}`;
    await use({
      endpoint,
      wsEndpoint: started.endpoint,
      process: started,
      browser,
      async open(url, viewport = null) {
        const page = await (await browser.newContext({ viewport })).newPage();
        await page.goto(url);
        return page;
      },
      async targetOf(page) {
        const session = await page.context().newCDPSession(page);
        const { targetInfo } = await session.send("Target.getTargetInfo");
        await session.detach();
        return targetInfo.targetId;
      },
      async tabs() {
        const listed = (await (await fetch(`${endpoint}/json/list`)).json()) as { type: string; url: string }[];
        return listed.filter(({ type }) => type === "page").map(({ url }) => url);
      },
    });
    await browser.close().catch(() => {});
    await started.stop();
    await rm(folder, { recursive: true, force: true });
  },
});

export { expect };
