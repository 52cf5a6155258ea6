/**
 * [R29] Shows a part of a Playwright page: the metrics that Playwright emulates, with a `viewport`, sent in one more
 * session of the bot's. The page notices nothing. The session is kept for as long as the page: its end would take
 * Playwright's own emulation away.
 */
import type { LentPage, LentSession, PlaywrightOptions } from "./lent-page.ts";
import { isObject } from "./methods.ts";

type Facts = Readonly<Record<string, unknown>>;

/** How often it is looked whether the bot has given its page another size: that ends a crop. */
const SIZE_EVERY_MS = 150;
const WORLD_NAME = "captcha-remote-crop";
const SCREEN = "[screen.width, screen.height, devicePixelRatio, navigator.maxTouchPoints > 0 ? 1 : 0]";

interface Screen {
  readonly width: number;
  readonly height: number;
  readonly density: number;
  readonly touch: boolean;
}

export class PageCrop {
  readonly density: number;
  readonly touch: boolean;
  readonly #page: LentPage;
  readonly #session: LentSession;
  readonly #isMobile: boolean;
  #screen: Screen;
  /** The size for which the crop was sent last. */
  #size: { readonly width: number; readonly height: number };
  #clip: Facts | null = null;
  /** Whether our session holds the page's metrics. */
  #isHolding = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    page: LentPage,
    session: LentSession,
    facts: { readonly screen: Screen; readonly isMobile: boolean; readonly size: { width: number; height: number } },
  ) {
    this.#page = page;
    this.#session = session;
    this.#isMobile = facts.isMobile;
    this.#screen = facts.screen;
    this.#size = facts.size;
    this.density = facts.screen.density;
    this.touch = facts.screen.touch;
  }

  /** Null where Playwright emulates no size, or what it emulates is not known: an override would show in the page. */
  static async begin(
    page: LentPage,
    session: LentSession,
    { isMobile = mobileOf(page) }: PlaywrightOptions,
  ): Promise<PageCrop | null> {
    const size = page.viewportSize();
    const screen = size && (await screenOf(session).catch(() => null));
    if (!size || !screen) return null;
    if (isMobile === undefined && screen.touch) return null;
    return new PageCrop(page, session, { size, screen, isMobile: isMobile === true });
  }

  /** `clip`: as `viewport` of Emulation.setDeviceMetricsOverride; null: the whole page. */
  async set(clip: Facts | null): Promise<Facts> {
    this.#clip = clip;
    if (clip) this.#timer ??= setInterval(() => void this.#followSize(), SIZE_EVERY_MS);
    else this.#rest();
    if (clip || this.#isHolding) await this.#apply();
    return {};
  }

  /** A JPEG of that part. Our session holds the metrics by then: the browser restores those after a screenshot. */
  async capture(clip: Facts, quality: number): Promise<Facts> {
    if (!this.#isHolding) await this.#apply();
    const taken: unknown = await this.#session.send("Page.captureScreenshot", { format: "jpeg", quality, clip });
    return isObject(taken) ? taken : {};
  }

  /** Shows the whole page again. Never rejects: the page may be gone. */
  end(): void {
    this.set(null).catch(() => {});
  }

  stop(): void {
    this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #followSize(): Promise<void> {
    const size = this.#page.viewportSize();
    if (!size || (size.width === this.#size.width && size.height === this.#size.height)) return;
    this.#size = size;
    this.#screen = (await screenOf(this.#session).catch(() => null)) ?? this.#screen;
    if (this.#clip) await this.#apply().catch(() => {});
  }

  async #apply(): Promise<void> {
    const size = this.#page.viewportSize() ?? this.#size;
    this.#size = size;
    this.#isHolding = true;
    const { width: screenWidth, height: screenHeight, density } = this.#screen;
    await this.#session.send("Emulation.setDeviceMetricsOverride", {
      ...size,
      screenWidth,
      screenHeight,
      deviceScaleFactor: density,
      mobile: this.#isMobile,
      screenOrientation: orientationOf(this.#screen, this.#isMobile),
      ...(this.#clip ? { viewport: this.#clip } : {}),
    });
  }
}

/** As Playwright sets it. */
function orientationOf({ width, height }: Screen, isMobile: boolean): object {
  if (!isMobile) return { angle: 0, type: "landscapePrimary" };
  return width > height ? { angle: 90, type: "landscapePrimary" } : { angle: 0, type: "portraitPrimary" };
}

/** Playwright does not say it of a page, but its context keeps the options that it was made with. */
function mobileOf(page: LentPage): boolean | undefined {
  const options: unknown = Reflect.get(page.context(), "_options");
  if (!isObject(options)) return undefined;
  return options["isMobile"] === true;
}

/** Asked in a world that the page does not see. */
async function screenOf(session: LentSession): Promise<Screen | null> {
  const tree: unknown = await session.send("Page.getFrameTree");
  const frame = isObject(tree) && isObject(tree["frameTree"]) ? tree["frameTree"]["frame"] : undefined;
  const world = { frameId: isObject(frame) ? frame["id"] : "", worldName: WORLD_NAME };
  const made: unknown = await session.send("Page.createIsolatedWorld", world);
  const contextId = isObject(made) ? made["executionContextId"] : undefined;
  const asked: unknown = await session.send("Runtime.evaluate", { expression: SCREEN, contextId, returnByValue: true });
  const result = isObject(asked) ? asked["result"] : undefined;
  const values: unknown = isObject(result) ? result["value"] : undefined;
  if (!Array.isArray(values) || !values.every((value) => typeof value === "number")) return null;
  const [width = 0, height = 0, density = 1, touch = 0] = values;
  return { width, height, density, touch: touch === 1 };
}
