/** The real console in a second Chromium, measured from the pointer's event to the picture on the canvas. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect } from "../../src/protocol/common.ts";
import { type BenchBrowser, startBenchBrowser } from "../browser.ts";
import type { Point } from "../moves.ts";
import { originOf, STEPS, STRIP_AT } from "../page.ts";
import type { BenchServer } from "../server.ts";
import { NOTHING_YET, readBits, STRIP } from "../strip.ts";
import { type ConsoleProbe, installProbe } from "./console-probe.ts";
import { actsByDevTools } from "./hands.ts";
import { type Line, type OpenOptions, USUAL_PATIENCE_MS } from "./way.ts";

const CONSOLE_WINDOW = { width: 1440, height: 900 } as const;
const LIVE_DEADLINE_MS = 10_000;
const POLL_MS = 50;
/** Time without a change of the picture, after which the server has answered the console's first requests. */
const REST_MS = 600;

export interface ConsoleOptions extends OpenOptions {
  readonly server: BenchServer;
}

/** Position of the canvas on the screen, and the part of the page that it shows. */
interface Layout {
  readonly seq: string;
  readonly view: Rect;
  readonly box: Rect;
}

export interface OpenedConsole {
  readonly browser: BenchBrowser;
  /** Time from opening the link to the first painted picture, ms. */
  readonly firstPictureMs: number;
  readonly close: () => Promise<void>;
}

export interface Opening {
  readonly hasTouch?: boolean;
  /** The page that the browser shows before; left out: an empty tab of a browser that was just started. */
  readonly from?: string;
  /** How many times slower the page's CPU is made; left out: it is not. */
  readonly slowdown?: number;
}

/** Opens the link in a new browser, like an operator who opens a link for the first time. */
export async function openConsole(
  controlUrl: string,
  { hasTouch = false, from, slowdown = 1 }: Opening = {},
): Promise<OpenedConsole> {
  const browser = await startBenchBrowser(CONSOLE_WINDOW);
  const { page } = browser;
  await page.send("Emulation.setDeviceMetricsOverride", { ...CONSOLE_WINDOW, deviceScaleFactor: 1, mobile: false });
  if (hasTouch) await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  await page.send("Page.enable");
  if (from !== undefined) {
    await page.open(from);
    await delay(REST_MS);
  }
  if (slowdown > 1) await page.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.send("Page.addScriptToEvaluateOnNewDocument", { source: `(${installProbe})(${readBits})` });
  const openedAt = Date.now();
  await page.send("Page.navigate", { url: controlUrl });
  let paintedAt: number | null = null;
  const end = performance.now() + LIVE_DEADLINE_MS;
  while (paintedAt === null && performance.now() < end) {
    await delay(POLL_MS);
    paintedAt = await page.evaluate<number | null>("globalThis.benchProbe?.firstPaintedAt ?? null");
  }
  if (paintedAt === null) throw new Error("The console painted no picture.");
  return { browser, firstPictureMs: paintedAt - openedAt, close: browser.close };
}

export async function openConsoleLine({ site, asked, view, server }: ConsoleOptions): Promise<Line> {
  if (asked.kind !== "strip" || view !== "challenge") throw new Error("The console is measured by the strip.");
  const opened = site.page(asked);
  const { hand = "mouse" } = asked;
  const isPhone = hand === "finger";
  const origin = originOf(hand);
  const session = await server.createSession({ url: opened.url, ...(isPhone ? { device: "phone" } : {}) });
  const { browser, close } = await openConsole(session.control_url, { hasTouch: isPhone });
  const { page } = browser;
  const layout = await restingLayout(browser);
  const strip: ConsoleProbe["strip"] = {
    left: STRIP_AT.x - origin.x - layout.view.x,
    top: STRIP_AT.y - origin.y - layout.view.y,
    width: STRIP.width,
    height: STRIP.height,
    bits: STRIP.bits,
    pictureWidth: layout.view.width,
  };
  await page.evaluate(`void (benchProbe.strip = ${JSON.stringify(strip)})`);

  const { view: shown, box } = layout;
  const [left, top] = [shown.x + origin.x, shown.y + origin.y];
  const onScreen = ({ x, y }: Point): Point => ({
    x: box.x + ((x - left) * box.width) / shown.width,
    y: box.y + ((y - top) * box.height) / shown.height,
  });
  const aimed = (client: Point): Point => ({
    x: left + ((client.x - box.x) * shown.width) / box.width,
    y: top + ((client.y - box.y) * shown.height) / box.height,
  });
  return {
    measured: { browserFolder: server.dataDir, serverPid: server.pid },
    page: opened,
    patienceMs: USUAL_PATIENCE_MS,
    ...actsByDevTools(hand, page, onScreen),
    begin: async () => page.evaluate("void (benchProbe.moves = [], benchProbe.steps = [], benchProbe.shown = [])"),
    lastShown: () => page.evaluate<Point | null>("benchProbe.shown.at(-1)?.point ?? null"),
    record: async () => {
      const { moves, steps, shown } = await page.evaluate<ConsoleProbe>("benchProbe");
      const read = shown.flatMap(({ at, point }) => (point ? [{ at, ...point }] : []));
      return {
        sent:
          hand === "keys"
            ? STEPS.slice(0, steps.length).map((point, index) => ({ at: steps[index] as number, ...point }))
            : moves.map(({ at, x, y }) => ({ at, ...aimed({ x, y }) })),
        shown: read.filter(({ x, y }) => x !== NOTHING_YET.x || y !== NOTHING_YET.y),
        pictures: [],
        pictureTimes: shown.map(({ at }) => at),
        unreadable: shown.length - read.length,
      };
    },
    close: async () => {
      await close();
      await server.endSession(session.session_id);
    },
  };
}

async function restingLayout({ page }: BenchBrowser): Promise<Layout> {
  const end = performance.now() + LIVE_DEADLINE_MS;
  let last: Layout | null = null;
  let since = performance.now();
  while (performance.now() < end) {
    const now = await page.evaluate<{ seq?: string; view?: string; box: Rect }>(`(() => {
      const canvas = document.getElementById("screen");
      const { x, y, width, height } = canvas.getBoundingClientRect();
      return { ...canvas.dataset, box: { x, y, width, height } };
    })()`);
    const [x = 0, y = 0, width = 1, height = 1] = (now.view ?? "").split(",").map(Number);
    const layout = { seq: now.seq ?? "", view: { x, y, width, height }, box: now.box };
    if (JSON.stringify(layout) !== JSON.stringify(last)) since = performance.now();
    last = layout;
    if (layout.seq !== "" && performance.now() - since > REST_MS) return layout;
    await delay(POLL_MS);
  }
  throw new Error("The console's picture did not come to rest.");
}
