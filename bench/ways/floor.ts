/** The floor: raw DevTools from the bench itself, without a server. No server on this machine can be faster. */
import { startBenchBrowser } from "../browser.ts";
import type { CdpSession } from "../cdp.ts";
import type { Point } from "../moves.ts";
import { CHALLENGE_VIEW, VIEWPORT } from "../page.ts";
import { PictureLog } from "../pictures.ts";
import { type Line, type OpenOptions, USUAL_PATIENCE_MS } from "./way.ts";

const QUALITY = 50;
/** Time without a picture after which the screencast is restarted. Chromium sometimes holds changes back; a restart costs one frame and frees them. */
const FREEZE_AFTER_MS = 28;
/** A picture that arrives sooner after an input cannot show it yet. */
const TOO_SOON_MS = 6;
const CAST = { format: "jpeg", quality: QUALITY, everyNthFrame: 1 } as const;

export async function openFloor({ site, asked, view }: OpenOptions): Promise<Line> {
  if (asked.placed !== "main") throw new Error("The floor sends input to the main frame only.");
  const browser = await startBenchBrowser(VIEWPORT);
  const { page } = browser;
  const opened = site.page(asked);
  const shown = view === "page" ? { x: 0, y: 0, ...VIEWPORT } : CHALLENGE_VIEW;
  const log = new PictureLog(asked.kind);
  const watchdog = new Watchdog(page);
  page.on("Page.screencastFrame", (params, wireBytes) => {
    const at = performance.now();
    page.post("Page.screencastFrameAck", { sessionId: params["sessionId"] });
    watchdog.picture();
    log.add({
      at,
      jpeg: Buffer.from(String(params["data"]), "base64"),
      wireBytes,
      view: shown,
      scale: 1,
      capturedAt: null,
    });
  });
  await page.send("Emulation.setDeviceMetricsOverride", {
    ...VIEWPORT,
    screenWidth: VIEWPORT.width,
    screenHeight: VIEWPORT.height,
    deviceScaleFactor: 1,
    mobile: false,
    ...(view === "page" ? {} : { viewport: { ...shown, scale: 1 } }),
  });
  await page.open(opened.url);
  await page.send("Page.startScreencast", CAST);
  await log.untilRest();

  const mouse = (type: string, { x, y }: Point, button: "left" | "none", buttons: number) => {
    page.post("Input.dispatchMouseEvent", { type, x, y, button, buttons, clickCount: type === "mouseMoved" ? 0 : 1 });
  };
  let down = 0;
  return {
    measured: { browserFolder: browser.folder, serverPid: null },
    page: opened,
    patienceMs: USUAL_PATIENCE_MS,
    press: (at) => {
      mouse("mouseMoved", at, "none", 0);
      mouse("mousePressed", at, "left", 1);
      down = 1;
    },
    move: (to) => {
      mouse("mouseMoved", to, down === 1 ? "left" : "none", down);
      watchdog.input();
    },
    release: (at) => {
      down = 0;
      mouse("mouseReleased", at, "left", 0);
    },
    begin: async () => log.clear(),
    lastShown: () => log.lastShown(),
    record: async () => ({ sent: null, ...(await log.read()) }),
    close: async () => {
      watchdog.stop();
      await browser.close();
    },
  };
}

/** Restarts the screencast, once for each input, if no picture that can show the input arrives in time. */
class Watchdog {
  readonly #page: CdpSession;
  #timer: NodeJS.Timeout | undefined;
  #inputAt = -Infinity;
  #restarting = false;

  constructor(page: CdpSession) {
    this.#page = page;
  }

  input(): void {
    this.#inputAt = performance.now();
    if (this.#timer === undefined) this.#arm();
  }

  picture(): void {
    this.#disarm();
    if (performance.now() - this.#inputAt < TOO_SOON_MS) this.#arm();
  }

  stop(): void {
    this.#disarm();
    this.#restarting = true;
  }

  #arm(): void {
    if (!this.#restarting) this.#timer = setTimeout(() => void this.#restart(), FREEZE_AFTER_MS);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #restart(): Promise<void> {
    this.#timer = undefined;
    this.#restarting = true;
    try {
      await this.#page.send("Page.stopScreencast");
      await this.#page.send("Page.startScreencast", CAST);
      this.#restarting = false;
    } catch {
      // The browser is being closed.
    }
  }
}
