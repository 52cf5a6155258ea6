/**
 * Pages of one browser a worker, for sessions as guests: a browser of its own costs a session three times as much. For
 * tests of what is the same whoever opened the page.
 */
import { join } from "node:path";
import { CdpConnection } from "../../src/browser/cdp/connection.ts";
import { type BrowserProcess, startBrowser } from "../../src/browser/process/chromium-process.ts";
import { DEFAULT_VIEWPORT } from "../../src/protocol/rest.ts";

const START_DEADLINE_MS = 20_000;

export interface GuestPage {
  /** What a creation names it by, in place of `url`. */
  readonly cdp: { endpoint: string; target_id: string };
  close(): Promise<void>;
}

/** The browser starts with the first page. */
export class GuestPages {
  readonly #chromiumPath: string;
  readonly #folder: string;
  #started: Promise<{ process: BrowserProcess; connection: CdpConnection }> | undefined;

  /** Its profile is in this folder. */
  constructor(chromiumPath: string, folder: string) {
    this.#chromiumPath = chromiumPath;
    this.#folder = folder;
  }

  /** Opens the address in a context of its own, and waits until it is loaded. */
  async open(url: string, viewport: { width: number; height: number } = DEFAULT_VIEWPORT): Promise<GuestPage> {
    this.#started ??= this.#start();
    const { process, connection } = await this.#started;
    const { browserContextId } = await connection.send("Target.createBrowserContext");
    const place = { browserContextId, ...viewport };
    const { targetId } = await connection.send("Target.createTarget", { url: "about:blank", ...place });
    const page = await connection.attach(targetId);
    const loaded = new Promise((resolve) => page.on("Page.loadEventFired", resolve));
    await page.send("Page.enable");
    const { errorText } = await page.send("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    await connection.send("Target.detachFromTarget", { sessionId: page.id });
    return {
      cdp: { endpoint: `http://${new URL(process.endpoint).host}`, target_id: targetId },
      async close() {
        await connection.send("Target.disposeBrowserContext", { browserContextId });
      },
    };
  }

  async stop(): Promise<void> {
    const started = await this.#started;
    started?.connection.close();
    await started?.process.stop();
  }

  async #start(): Promise<{ process: BrowserProcess; connection: CdpConnection }> {
    const process = await startBrowser(
      {
        chromiumPath: this.#chromiumPath,
        profileDir: join(this.#folder, "guests"),
        environment: { PATH: globalThis.process.env["PATH"] ?? "", HOME: this.#folder },
        viewport: DEFAULT_VIEWPORT,
      },
      AbortSignal.timeout(START_DEADLINE_MS),
    );
    return { process, connection: await CdpConnection.connect(process.endpoint) };
  }
}
