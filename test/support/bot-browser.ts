/** A browser of a bot's own, for pages of the corpus that a session is a guest of. */
import { type Browser, chromium } from "@playwright/test";
import { startBrowser } from "../../src/browser/process/chromium-process.ts";
import type { GuestPage } from "./verdict-case.ts";

const START_DEADLINE_MS = 20_000;
const VIEWPORT = { width: 1280, height: 720 };

export class CorpusBrowser {
  readonly #browser: Browser;
  readonly #endpoint: string;
  readonly #stop: () => Promise<void>;

  private constructor(browser: Browser, endpoint: string, stop: () => Promise<void>) {
    this.#browser = browser;
    this.#endpoint = endpoint;
    this.#stop = stop;
  }

  /** Starts a Chromium whose profile is in this folder. */
  static async start(chromiumPath: string, profileDir: string): Promise<CorpusBrowser> {
    const environment = { PATH: process.env["PATH"] ?? "", HOME: profileDir };
    const started = await startBrowser(
      { chromiumPath, profileDir, environment, viewport: VIEWPORT },
      AbortSignal.timeout(START_DEADLINE_MS),
    );
    const browser = await chromium.connectOverCDP(started.endpoint);
    return new CorpusBrowser(browser, `http://${new URL(started.endpoint).host}`, () => started.stop());
  }

  async stop(): Promise<void> {
    await this.#browser.close().catch(() => {});
    await this.#stop();
  }

  /** Opens the address in a context of its own. */
  async open(url: string): Promise<GuestPage> {
    const context = await this.#browser.newContext({ viewport: null });
    const page = await context.newPage();
    await page.goto(url);
    const session = await context.newCDPSession(page);
    const { targetInfo } = await session.send("Target.getTargetInfo");
    await session.detach();
    return {
      cdp: { endpoint: this.#endpoint, target_id: targetInfo.targetId },
      async act(what, elsewhere) {
        if (what === "reload") await page.reload();
        if (what === "back") await page.goBack();
        if (what === "forward") await page.goForward();
        if (what === "address") await page.goto(elsewhere);
      },
      close: () => context.close(),
    };
  }
}
