/** Two ways to capture a region of the page, with one contract: a viewport override, or the full viewport. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect, Size } from "../../protocol/common.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import {
  CALL_DEADLINE_MS,
  type CdpSender,
  type CdpSession,
  type PageSession,
  type ScreencastFrame,
} from "../cdp/connection.ts";
import { isWhole, type Point, samePoint, wholePage } from "./view-geometry.ts";

/** After a change of region the browser may still capture what it drew for the region before, until it has drawn twice. */
const TWO_FRAMES_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
const DRAWN_DEADLINE_MS = 300;
/** The browser captures about one frame after it has drawn. */
const CAPTURED_MS = 17;
/** The tolerance for rounding. A picture whose size differs by more than this shows an earlier region. */
export const SIZE_TOLERANCE_PX = 1;
const WORLD_NAME = "captcha-remote";

/** `view`: a part of the viewport, CSS px. `scale`: picture px per CSS px. `scroll`: the document's scroll offset, CSS px. */
export interface CaptureRegion {
  readonly view: Rect;
  readonly scale: number;
  readonly scroll: Point;
}

/** Captures a region of the page, or more than it: crop-picture.ts cuts the rest away. */
export interface PictureCapture {
  /**
   * Whether fingers are lost while pictures show a part of the page: Chromium's compositor looks for what takes their moves
   * where the part would be without the override.
   */
  readonly losesFingers: boolean;
  /** The region that pictures show when `wanted` is asked for: all of it, at no higher scale. */
  reach(wanted: CaptureRegion): CaptureRegion;
  /** Makes pictures show `region` from here on, and only that. Call it while no screencast runs. AppError `timeout`. */
  apply(region: CaptureRegion): Promise<void>;
  /** Forgets what was applied, as it may not have taken effect: the next apply() sends it again. */
  forget(): void;
  /** [W60] Whether pictures of this part (CSS px) are captured as whole viewports: their pace then decides their size. */
  isPaced(view: Rect): boolean;
  /** What to start a screencast of `region` with. `oneInFlight`: its pictures come slowly, so one is under way at a time. */
  castOptions(region: CaptureRegion, oneInFlight: boolean): CastOptions;
  /** The scale of a picture of this size (px) that was captured for `region`; null where it shows another region. */
  scaleOf(picture: Size, region: CaptureRegion): number | null;
  /** The page has another viewport now, CSS px. */
  resize(viewport: Size): void;
  /** Takes a JPEG of `region` now, of this quality (1 to 100). AppError `timeout`. */
  capture(region: CaptureRegion, quality: number): Promise<Buffer>;
}

/** Of Page.startScreencast, beyond format and quality. */
export interface CastOptions {
  /** The size limits, px; left out where apply() sets the scale. */
  readonly maxWidth?: number;
  readonly maxHeight?: number;
  /** Browsers that are too old for these two ignore them. */
  readonly maxFramesInFlight?: number;
  readonly sendLastFrame?: boolean;
}

const ONE_IN_FLIGHT = { maxFramesInFlight: 1, sendLastFrame: true };

/** The screen that an owned page is given. */
export interface Device {
  /** Device px per CSS px. */
  readonly density: number;
  /** A phone's layout: a page that is not made for phones is laid out wider than the screen, and shown smaller. */
  readonly isMobile: boolean;
  readonly hasTouch: boolean;
}

export const DESK: Device = { density: 1, isMobile: false, hasTouch: false };
export const PHONE: Device = { density: 3, isMobile: true, hasTouch: true };

/**
 * For owned pages: overrides the viewport (Emulation.setDeviceMetricsOverride), which the page does not notice. The
 * override is in document coordinates, so it must move along when the document scrolls.
 */
export class ViewportOverrideCapture implements PictureCapture {
  readonly losesFingers: boolean;
  readonly #session: PageSession;
  readonly #size: Size;
  readonly #device: Device;
  readonly #screen: Size;
  #viewport: Size;
  #applied: CaptureRegion | null = null;

  /**
   * `size`: the viewport, until a phone's page lays itself out wider. `screen`: what the page is told of its screen, CSS
   * px; left out: as large as the viewport.
   */
  constructor(session: PageSession, size: Size, device: Device = DESK, screen: Size = size) {
    this.#session = session;
    this.#size = size;
    this.#viewport = size;
    this.#device = device;
    this.losesFingers = device.hasTouch;
    this.#screen = screen;
  }

  /** A finger that is aimed beyond the edge of the screen hits nothing: the override must not push it out there. */
  reach(wanted: CaptureRegion): CaptureRegion {
    if (!this.#device.hasTouch) return wanted;
    const { view, scale } = wanted;
    const most = Math.min(this.#size.width / view.width, this.#size.height / view.height);
    return { ...wanted, scale: Math.min(scale, most * this.#device.density) };
  }

  async apply(region: CaptureRegion): Promise<void> {
    const before = this.#applied;
    if (before && this.#isSame(before, region)) return;
    this.#applied = null;
    const { width, height } = this.#size;
    const metrics = {
      width,
      height,
      screenWidth: this.#screen.width,
      screenHeight: this.#screen.height,
      deviceScaleFactor: this.#device.density,
      mobile: this.#device.isMobile,
      ...(this.#isAll(region) ? {} : { viewport: this.#inDocument(region) }),
    };
    await within(this.#session.send("Emulation.setDeviceMetricsOverride", metrics), "viewport");
    if (before) await untilDrawn(this.#session);
    this.#applied = region;
  }

  async capture(region: CaptureRegion, quality: number): Promise<Buffer> {
    const params = { format: "jpeg" as const, quality, clip: this.#inDocument(region) };
    const { data } = await within(this.#session.send("Page.captureScreenshot", params), "screenshot");
    return Buffer.from(data, "base64");
  }

  forget(): void {
    this.#applied = null;
  }

  isPaced(): boolean {
    return false;
  }

  castOptions(): CastOptions {
    return {};
  }

  scaleOf(picture: Size, { view, scale }: CaptureRegion): number | null {
    const width = Math.abs(picture.width - view.width * scale);
    const height = Math.abs(picture.height - view.height * scale);
    return width <= SIZE_TOLERANCE_PX && height <= SIZE_TOLERANCE_PX ? scale : null;
  }

  resize(viewport: Size): void {
    this.#viewport = viewport;
    this.#applied = null;
  }

  #isSame(a: CaptureRegion, b: CaptureRegion): boolean {
    const sameSize = a.view.width === b.view.width && a.view.height === b.view.height && a.scale === b.scale;
    // The whole page is the whole page wherever it is scrolled to.
    return sameSize && (this.#isAll(a) ? isWhole(b.view, this.#viewport) : samePoint(positionOf(a), positionOf(b)));
  }

  /** Whether pictures without an override show this region: all of the page, at 1 px per CSS px of the screen. */
  #isAll({ view, scale }: CaptureRegion): boolean {
    const isLaidOutToFit = this.#viewport.width === this.#size.width;
    return isWhole(view, this.#viewport) && scale === 1 && isLaidOutToFit;
  }

  #inDocument(region: CaptureRegion): Rect & { scale: number } {
    return { ...region.view, ...positionOf(region), scale: region.scale / this.#device.density };
  }
}

/** Waits until pictures show what the page's metrics are now: in an isolated world, which the page does not see. */
export async function untilDrawn(session: CdpSender): Promise<void> {
  const drawn = async () => {
    const { frameTree } = await session.send("Page.getFrameTree");
    const world = { frameId: frameTree.frame.id, worldName: WORLD_NAME };
    const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", world);
    await session.send("Runtime.evaluate", { expression: TWO_FRAMES_DRAWN, awaitPromise: true, contextId });
  };
  // A page that is busy or goes elsewhere draws when it can.
  await withDeadline(drawn(), DRAWN_DEADLINE_MS, "drawing").catch(() => {});
  await delay(CAPTURED_MS);
}

/**
 * For pages of the bot's own browser: an override would undo the bot's emulation for good, and so would a screenshot's
 * `clip`. Pictures show the full viewport at 1 px per CSS px at most.
 */
export class FullViewportCapture implements PictureCapture {
  readonly losesFingers = false;
  readonly #session: PageSession;
  #viewport: Size;

  constructor(session: PageSession, viewport: Size) {
    this.#session = session;
    this.#viewport = viewport;
  }

  reach({ scroll, scale }: CaptureRegion): CaptureRegion {
    return { view: wholePage(this.#viewport), scale: Math.min(1, scale), scroll };
  }

  async apply(): Promise<void> {}

  forget(): void {}

  isPaced(): boolean {
    return true;
  }

  castOptions({ view, scale }: CaptureRegion, oneInFlight: boolean): CastOptions {
    return {
      ...(scale < 1 && { maxWidth: Math.round(view.width * scale), maxHeight: Math.round(view.height * scale) }),
      ...(oneInFlight && ONE_IN_FLIGHT),
    };
  }

  /** The bot's emulation sets the scale of a screenshot, and a window's borders may take a pixel. */
  scaleOf(picture: Size, { view }: CaptureRegion): number | null {
    const scale = picture.width / view.width;
    return Math.abs(picture.height - view.height * scale) <= SIZE_TOLERANCE_PX * Math.max(1, scale) ? scale : null;
  }

  resize(viewport: Size): void {
    this.#viewport = viewport;
  }

  async capture(_region: CaptureRegion, quality: number): Promise<Buffer> {
    const { data } = await within(
      this.#session.send("Page.captureScreenshot", { format: "jpeg", quality }),
      "screenshot",
    );
    return Buffer.from(data, "base64");
  }
}

/** [R29] The scale of a whole page that comes over a relay. */
const RELAYED_SCALE = 0.5;

/**
 * For relayed pages that cannot be cropped: the whole viewport at half its size, before it leaves the bot. A screenshot
 * would have full size, so a still is one frame of a screencast in a session of its own.
 */
export class HalfViewportCapture extends FullViewportCapture {
  readonly #attach: () => Promise<CdpSession>;
  #session: Promise<CdpSession> | null = null;
  #casts = 0;
  #take: (frame: ScreencastFrame) => void = () => {};

  /** `attach` opens one more session of the page. */
  constructor(session: PageSession, viewport: Size, attach: () => Promise<CdpSession>) {
    super(session, viewport);
    this.#attach = attach;
  }

  override reach(wanted: CaptureRegion): CaptureRegion {
    return super.reach({ ...wanted, scale: Math.min(RELAYED_SCALE, wanted.scale) });
  }

  /** Its bot acknowledges pictures itself, and lets through no more than the size. */
  override castOptions(region: CaptureRegion): CastOptions {
    return super.castOptions(region, false);
  }

  override async capture(region: CaptureRegion, quality: number): Promise<Buffer> {
    this.#session ??= this.#opened();
    const session = await this.#session.catch((error: unknown) => {
      this.#session = null;
      throw error;
    });
    this.#casts += 1;
    const taken = new Promise<Buffer>((resolve) => {
      this.#take = ({ data, sessionId }) => {
        if (sessionId >= this.#casts) resolve(Buffer.from(data, "base64"));
      };
    });
    const start = { format: "jpeg" as const, quality, ...this.castOptions(region) };
    try {
      await within(session.send("Page.startScreencast", start), "screenshot");
      return await within(taken, "screenshot");
    } finally {
      session.send("Page.stopScreencast").catch(() => {});
    }
  }

  async #opened(): Promise<CdpSession> {
    const session = await this.#attach();
    session.on("Page.screencastFrame", (frame: ScreencastFrame) => {
      session.send("Page.screencastFrameAck", { sessionId: frame.sessionId }).catch(() => {});
      this.#take(frame);
    });
    return session;
  }
}

function positionOf({ view, scroll }: CaptureRegion): Point {
  return { x: view.x + scroll.x, y: view.y + scroll.y };
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
