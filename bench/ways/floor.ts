/** The floor: raw DevTools from the bench itself, without a server. No server on this machine can be faster. */
import { startBenchBrowser } from "../browser.ts";
import type { CdpSession } from "../cdp.ts";
import { CHALLENGE_VIEW, originOf, PHONE, VIEWPORT } from "../page.ts";
import { PictureLog } from "../pictures.ts";
import { actsByDevTools } from "./hands.ts";
import { type Line, type OpenOptions, USUAL_PATIENCE_MS } from "./way.ts";

const QUALITY = 50;
/** Time without a picture after which the screencast is restarted. Chromium sometimes holds changes back; a restart costs one frame and frees them. */
const FREEZE_AFTER_MS = 28;
/** A picture that arrives sooner after an input cannot show it yet. */
const TOO_SOON_MS = 6;
/** Device px per CSS px, as the server's. The pictures have one px per CSS px all the same. */
const PHONE_DENSITY = 3;
const CAST = { format: "jpeg", quality: QUALITY, everyNthFrame: 1 } as const;

export async function openFloor({ site, asked, view }: OpenOptions): Promise<Line> {
  if (asked.placed !== "main") throw new Error("The floor sends input to the main frame only.");
  const { hand = "mouse" } = asked;
  const isPhone = hand === "finger";
  const [size, origin, density] = [isPhone ? PHONE : VIEWPORT, originOf(hand), isPhone ? PHONE_DENSITY : 1];
  const browser = await startBenchBrowser(size);
  const { page } = browser;
  const opened = site.page(asked);
  const challenge = { ...CHALLENGE_VIEW, x: CHALLENGE_VIEW.x - origin.x, y: CHALLENGE_VIEW.y - origin.y };
  const shown = view === "page" ? { x: 0, y: 0, ...size } : challenge;
  const log = new PictureLog(asked.kind, origin);
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
    ...size,
    screenWidth: size.width,
    screenHeight: size.height,
    deviceScaleFactor: density,
    mobile: isPhone,
    ...(view === "page" ? {} : { viewport: { ...shown, scale: 1 / density } }),
  });
  if (isPhone) await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  await page.open(opened.url);
  await page.send("Page.startScreencast", CAST);
  await log.untilRest();

  const acts = actsByDevTools(hand, page, ({ x, y }) => ({ x: x - origin.x, y: y - origin.y }));
  return {
    measured: { browserFolder: browser.folder, serverPid: null },
    page: opened,
    patienceMs: USUAL_PATIENCE_MS,
    ...acts,
    move: (to) => {
      acts.move(to);
      watchdog.input();
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
