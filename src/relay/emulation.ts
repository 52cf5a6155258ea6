/** What a bot emulates of its page's screen, as its own library tells the browser: an override that says the same shows nowhere. */
import type { LentPage, PlaywrightOptions } from "./lent-page.ts";
import { isObject } from "./methods.ts";

/** What the page is told of its screen, CSS px; `density`: device px per CSS px. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly density: number;
  readonly touch: boolean;
}

export interface Viewport {
  readonly width: number;
  readonly height: number;
}

export interface Emulation {
  /** CSS px; null: none is emulated. */
  viewport(): Viewport | null;
  /** What Emulation.setDeviceMetricsOverride gets for this viewport; null: that is not known. */
  metrics(viewport: Viewport, screen: Screen): Readonly<Record<string, unknown>> | null;
  /**
   * Calls `listener` when a screenshot of the bot's begins, and when the last one is done: after it the browser has the
   * library's own metrics again. Returns a function that ends it.
   */
  onScreenshot(listener: (isUnderWay: boolean) => void): () => void;
}

/** As much of Puppeteer's Page as is used. */
export interface PuppeteerPage {
  viewport(): PuppeteerViewport | null;
  createCDPSession(): Promise<unknown>;
  screenshot(...options: never[]): Promise<unknown>;
  isClosed(): boolean;
}

interface PuppeteerViewport extends Viewport {
  readonly deviceScaleFactor?: number | undefined;
  readonly isMobile?: boolean | undefined;
  readonly isLandscape?: boolean | undefined;
}

export function isPuppeteerPage(given: unknown): given is PuppeteerPage {
  if (typeof given !== "object" || given === null) return false;
  const methods = ["viewport", "createCDPSession", "screenshot", "isClosed"];
  return methods.every((name) => typeof Reflect.get(given, name) === "function");
}

export function playwrightEmulation(page: LentPage, { isMobile = mobileOf(page) }: PlaywrightOptions): Emulation {
  return {
    viewport: () => page.viewportSize(),
    metrics: (viewport, { width: screenWidth, height: screenHeight, density, touch }) => {
      if (isMobile === undefined && touch) return null;
      const mobile = isMobile === true;
      const upright = { angle: 0, type: mobile ? "portraitPrimary" : "landscapePrimary" };
      const isTurned = mobile && screenWidth > screenHeight;
      return {
        ...sizeOf(viewport),
        screenWidth,
        screenHeight,
        deviceScaleFactor: density,
        mobile,
        screenOrientation: isTurned ? { angle: 90, type: "landscapePrimary" } : upright,
      };
    },
    onScreenshot: (listener) => onPlaywrightCall(page, /screenshot/i, listener),
  };
}

export function puppeteerEmulation(page: PuppeteerPage): Emulation {
  return {
    viewport: () => page.viewport(),
    metrics: (viewport) => {
      const { deviceScaleFactor = 1, isMobile = false, isLandscape = false } = page.viewport() ?? {};
      return {
        ...sizeOf(viewport),
        deviceScaleFactor,
        mobile: isMobile,
        screenOrientation: isLandscape
          ? { angle: 90, type: "landscapePrimary" }
          : { angle: 0, type: "portraitPrimary" },
      };
    },
    onScreenshot: (listener) => onPuppeteerScreenshot(page, listener),
  };
}

function sizeOf({ width, height }: Viewport): Viewport {
  return { width, height };
}

/** Playwright does not say it of a page, but its context keeps the options that it was made with. */
function mobileOf(page: LentPage): boolean | undefined {
  const options: unknown = Reflect.get(page.context(), "_options");
  if (!isObject(options)) return undefined;
  return options["isMobile"] === true;
}

type CallListener = (call: unknown) => void;

/** As Playwright's own test runner hears of calls. */
interface Instrumentation {
  addListener(listener: Readonly<Record<"onApiCallBegin" | "onApiCallEnd", CallListener>>): void;
  removeListener(listener: Readonly<Record<"onApiCallBegin" | "onApiCallEnd", CallListener>>): void;
}

/** Of all pages of this connection: a crop that is set again for nothing does no harm. */
function onPlaywrightCall(page: LentPage, name: RegExp, listener: (isUnderWay: boolean) => void): () => void {
  const instrumentation: unknown = Reflect.get(page, "_instrumentation");
  if (!isInstrumentation(instrumentation)) return () => {};
  const underWay = new Set<unknown>();
  const isMeant = (call: unknown) => isObject(call) && name.test(String(call["apiName"]));
  const own = {
    onApiCallBegin: (call: unknown) => {
      if (!isMeant(call)) return;
      underWay.add(call);
      listener(true);
    },
    onApiCallEnd: (call: unknown) => {
      if (underWay.delete(call) && underWay.size === 0) listener(false);
    },
  };
  instrumentation.addListener(own);
  return () => instrumentation.removeListener(own);
}

function isInstrumentation(given: unknown): given is Instrumentation {
  if (typeof given !== "object" || given === null) return false;
  return ["addListener", "removeListener"].every((name) => typeof Reflect.get(given, name) === "function");
}

/** Those of elements go through the page's, too. */
function onPuppeteerScreenshot(page: PuppeteerPage, listener: (isUnderWay: boolean) => void): () => void {
  const before = Object.getOwnPropertyDescriptor(page, "screenshot");
  const { screenshot } = page;
  let underWay = 0;
  const value = async (...options: never[]) => {
    underWay += 1;
    listener(true);
    try {
      return await Reflect.apply(screenshot, page, options);
    } finally {
      underWay -= 1;
      if (underWay === 0) listener(false);
    }
  };
  Object.defineProperty(page, "screenshot", { value, configurable: true, writable: true, enumerable: false });
  return () => {
    if (page.screenshot !== value) return;
    if (before) Object.defineProperty(page, "screenshot", before);
    else Reflect.deleteProperty(page, "screenshot");
  };
}
