/**
 * [R29] [R32] Shows a part of a bot's page: the metrics that the bot emulates, with a `viewport`, sent in one more session
 * of the bot's. The page notices nothing. The session is kept for as long as the page: its end would take the bot's own
 * emulation away.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Emulation, Screen, Viewport } from "./emulation.ts";
import type { LentSession } from "./lent-page.ts";
import { isObject } from "./methods.ts";

type Facts = Readonly<Record<string, unknown>>;

/** How often it is looked whether the bot has given its page another size: that ends a crop. */
const SIZE_EVERY_MS = 150;
/** A screenshot of the bot's gives the page other metrics meanwhile: it must not be cut short. */
const SCREENSHOT_EVERY_MS = 20;
const SCREENSHOT_WITHIN_MS = 1_000;
const WORLD_NAME = "captcha-remote-crop";
const SCREEN = "[screen.width, screen.height, devicePixelRatio, navigator.maxTouchPoints > 0 ? 1 : 0]";

export class PageCrop {
  readonly #emulation: Emulation;
  readonly #session: LentSession;
  #screen: Screen;
  /** The size for which the crop was sent last. */
  #viewport: Viewport;
  #clip: Facts | null = null;
  /** Whether our session holds the page's metrics. */
  #isHolding = false;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | null = null;
  #isBeingShot = false;
  /** Called when the crop was set again after a screenshot of the bot's own. */
  onRenewed = (): void => {};

  private constructor(emulation: Emulation, session: LentSession, screen: Screen, viewport: Viewport) {
    this.#emulation = emulation;
    this.#session = session;
    this.#screen = screen;
    this.#viewport = viewport;
  }

  /** Null where the bot emulates no size, or what it emulates is not known: an override would show in the page. */
  static async begin(emulation: Emulation, session: LentSession): Promise<PageCrop | null> {
    const viewport = emulation.viewport();
    const screen = viewport && (await screenOf(session).catch(() => null));
    if (!viewport || !screen || !emulation.metrics(viewport, screen)) return null;
    return new PageCrop(emulation, session, screen, viewport);
  }

  get density(): number {
    return this.#screen.density;
  }

  get touch(): boolean {
    return this.#screen.touch;
  }

  /**
   * `clip`: as `viewport` of Emulation.setDeviceMetricsOverride; null: the whole page. `again`: the browser may have lost
   * it, and takes no metrics twice.
   */
  async set(clip: Facts | null, again = false): Promise<Facts> {
    this.#clip = clip;
    if (clip) this.#attend();
    await this.#untilShot();
    if (!this.#clip) this.#rest();
    if (again && this.#isHolding) await this.#renew();
    else if (this.#clip || this.#isHolding) await this.#apply(this.#clip);
    return {};
  }

  /** A JPEG of that part. Our session holds the metrics by then: the browser restores those after a screenshot. */
  async capture(clip: Facts, quality: number): Promise<Facts> {
    if (!this.#isHolding) await this.#apply(this.#clip);
    const taken: unknown = await this.#session.send("Page.captureScreenshot", { format: "jpeg", quality, clip });
    return isObject(taken) ? taken : {};
  }

  /** Reads anew what the page is told of its screen: the bot may have changed it since. */
  async refresh(): Promise<void> {
    this.#screen = (await screenOf(this.#session).catch(() => null)) ?? this.#screen;
  }

  /** Shows the whole page again. Never rejects: the page may be gone. */
  end(): void {
    this.set(null).catch(() => {});
  }

  stop(): void {
    this.#rest();
  }

  #attend(): void {
    this.#timer ??= setInterval(() => void this.#followSize(), SIZE_EVERY_MS);
    this.#stopListening ??= this.#emulation.onScreenshot((isUnderWay) => {
      this.#isBeingShot = isUnderWay;
      if (!isUnderWay) void this.#renew().then(this.onRenewed, () => {});
    });
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopListening?.();
    this.#stopListening = null;
    this.#isBeingShot = false;
  }

  /** The browser has lost the crop, and does not take the same metrics twice. */
  async #renew(): Promise<void> {
    await this.#apply(null);
    if (this.#clip) await this.#apply(this.#clip);
  }

  async #followSize(): Promise<void> {
    const viewport = this.#emulation.viewport();
    if (!viewport || isSame(viewport, this.#viewport)) return;
    this.#viewport = viewport;
    await this.refresh();
    if (this.#clip) await this.#apply(this.#clip).catch(() => {});
  }

  async #untilShot(): Promise<void> {
    const end = performance.now() + SCREENSHOT_WITHIN_MS;
    while (this.#isBeingShot && performance.now() < end) await delay(SCREENSHOT_EVERY_MS);
  }

  async #apply(clip: Facts | null): Promise<void> {
    const viewport = this.#emulation.viewport() ?? this.#viewport;
    this.#viewport = viewport;
    this.#isHolding = true;
    const metrics = { ...this.#emulation.metrics(viewport, this.#screen), ...(clip ? { viewport: clip } : {}) };
    await this.#session.send("Emulation.setDeviceMetricsOverride", metrics);
  }
}

function isSame(a: Viewport, b: Viewport): boolean {
  return a.width === b.width && a.height === b.height;
}

async function screenOf(session: LentSession): Promise<Screen | null> {
  const values = await numbersOf(session, SCREEN);
  if (!values) return null;
  const [width = 0, height = 0, density = 1, touch = 0] = values;
  return { width, height, density, touch: touch === 1 };
}

/** A list of numbers, asked for in a world that the page does not see. */
async function numbersOf(session: LentSession, expression: string): Promise<number[] | null> {
  const tree: unknown = await session.send("Page.getFrameTree");
  const frame = isObject(tree) && isObject(tree["frameTree"]) ? tree["frameTree"]["frame"] : undefined;
  const world = { frameId: isObject(frame) ? frame["id"] : "", worldName: WORLD_NAME };
  const made: unknown = await session.send("Page.createIsolatedWorld", world);
  const contextId = isObject(made) ? made["executionContextId"] : undefined;
  const asked: unknown = await session.send("Runtime.evaluate", { expression, contextId, returnByValue: true });
  const result = isObject(asked) ? asked["result"] : undefined;
  const values: unknown = isObject(result) ? result["value"] : undefined;
  return Array.isArray(values) && values.every((value) => typeof value === "number") ? values : null;
}
