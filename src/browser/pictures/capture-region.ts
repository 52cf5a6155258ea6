/** How pictures come to show a part of the page: two ways, one contract. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect, Size } from "../../protocol/common.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS, type PageSession } from "../cdp/connection.ts";
import { isWhole, type Point, samePoint, wholePage } from "./view-geometry.ts";

/** Until the browser has drawn for another place or scale it may still capture what it drew for the one before. */
const TWO_FRAMES_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
const DRAWN_DEADLINE_MS = 300;
/** What is drawn is captured about a frame later. */
const CAPTURED_MS = 17;
/** Beyond rounding, a picture of another size than its region's is one of an earlier region. */
const SIZE_TOLERANCE_PX = 1;
const WORLD_NAME = "captcha-remote";

/** A part of the viewport, in CSS px; picture px per CSS px; where the document is scrolled to. */
export interface CaptureRegion {
  readonly view: Rect;
  readonly scale: number;
  readonly scroll: Point;
}

/** A way to have pictures of a part of the page; the rest is cut away afterwards (cut.ts). */
export interface PictureCapture {
  /** What pictures show when this is wanted: all of it, at most as fine. */
  reach(wanted: CaptureRegion): CaptureRegion;
  /** From here on pictures show `region`, and only that; call it while no screencast runs. AppError `timeout`. */
  apply(region: CaptureRegion): Promise<void>;
  /** What was applied may not hold: the next time it is done again. */
  forget(): void;
  /** Bounds of a cast's pictures, px, where these are what makes them coarser. */
  castSize(region: CaptureRegion): { readonly maxWidth?: number; readonly maxHeight?: number };
  /** Picture px per CSS px of a picture of this size that was captured for `region`; null where it shows something else. */
  scaleOf(picture: Size, region: CaptureRegion): number | null;
  /** The page has another viewport now. */
  resize(viewport: Size): void;
  /** A picture of `region`, taken now. AppError `timeout`. */
  capture(region: CaptureRegion, quality: number): Promise<Buffer>;
}

/**
 * For owned pages: an override of the viewport that the page does not notice. Its place is in document coordinates,
 * so it must move along when the document scrolls.
 */
export class ViewportOverrideCapture implements PictureCapture {
  readonly #session: PageSession;
  #viewport: Size;
  #applied: CaptureRegion | null = null;

  constructor(session: PageSession, viewport: Size) {
    this.#session = session;
    this.#viewport = viewport;
  }

  reach(wanted: CaptureRegion): CaptureRegion {
    return wanted;
  }

  async apply(region: CaptureRegion): Promise<void> {
    const before = this.#applied;
    if (before && this.#isSame(before, region)) return;
    this.#applied = null;
    const { width, height } = this.#viewport;
    const isAll = isWhole(region.view, this.#viewport) && region.scale === 1;
    const metrics = {
      width,
      height,
      screenWidth: width,
      screenHeight: height,
      deviceScaleFactor: 1,
      mobile: false,
      ...(isAll ? {} : { viewport: inDocument(region) }),
    };
    await within(this.#session.send("Emulation.setDeviceMetricsOverride", metrics), "viewport");
    if (before) await this.#drawn();
    this.#applied = region;
  }

  /** Waits in a world of its own, which the page does not see. */
  async #drawn(): Promise<void> {
    const drawn = async () => {
      const { frameTree } = await this.#session.send("Page.getFrameTree");
      const world = { frameId: frameTree.frame.id, worldName: WORLD_NAME };
      const { executionContextId: contextId } = await this.#session.send("Page.createIsolatedWorld", world);
      const script = { expression: TWO_FRAMES_DRAWN, awaitPromise: true, contextId };
      await this.#session.send("Runtime.evaluate", script);
    };
    // A page that is busy or goes elsewhere draws when it can.
    await withDeadline(drawn(), DRAWN_DEADLINE_MS, "drawing").catch(() => {});
    await delay(CAPTURED_MS);
  }

  async capture(region: CaptureRegion, quality: number): Promise<Buffer> {
    const params = { format: "jpeg" as const, quality, clip: inDocument(region) };
    const { data } = await within(this.#session.send("Page.captureScreenshot", params), "screenshot");
    return Buffer.from(data, "base64");
  }

  forget(): void {
    this.#applied = null;
  }

  castSize(): object {
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
    const isAll = isWhole(a.view, this.#viewport) && a.scale === 1;
    return sameSize && (isAll ? isWhole(b.view, this.#viewport) : samePoint(positionOf(a), positionOf(b)));
  }
}

/**
 * For pages of the bot's own: an override of theirs would undo the bot's emulation for good, and so would a clip.
 * Pictures show the whole viewport at 1 px per CSS px at most.
 */
export class FullViewportCapture implements PictureCapture {
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

  castSize({ view, scale }: CaptureRegion): { maxWidth?: number; maxHeight?: number } {
    if (scale >= 1) return {};
    return { maxWidth: Math.round(view.width * scale), maxHeight: Math.round(view.height * scale) };
  }

  /** The bot's emulation decides how fine a screenshot is, and a window's borders may take a pixel. */
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

function positionOf({ view, scroll }: CaptureRegion): Point {
  return { x: view.x + scroll.x, y: view.y + scroll.y };
}

function inDocument(region: CaptureRegion): Rect & { scale: number } {
  return { ...region.view, ...positionOf(region), scale: region.scale };
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
