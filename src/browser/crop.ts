/** How pictures come to show a part of the page: two ways, one contract. */
import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "../deadline.ts";
import type { Rect, Size } from "../protocol/common.ts";
import type { PageSession } from "./devtools.ts";
import { isWhole, type Point, samePoint, wholePage } from "./view.ts";

const CALL_DEADLINE_MS = 3_000;
/** Two frames: before that the browser may still capture what it drew for the place before. */
const SETTLE_MS = 34;

/** A part of the viewport, in CSS px; picture px per CSS px; where the document is scrolled to. */
export interface Aim {
  readonly view: Rect;
  readonly scale: number;
  readonly scroll: Point;
}

/** A way to have pictures of a part of the page; the rest is cut away afterwards (cut.ts). */
export interface Crop {
  /** What pictures show when this is wanted: all of it, at most as fine. */
  reach(wanted: Aim): Aim;
  /** From here on pictures show `aim`, and only that; call it while no screencast runs. AppError `timeout`. */
  apply(aim: Aim): Promise<void>;
  /** A picture of `aim`, taken now. AppError `timeout`. */
  capture(aim: Aim, quality: number): Promise<Buffer>;
}

/**
 * For owned pages: an override of the viewport that the page does not notice. Its place is in document coordinates,
 * so it must move along when the document scrolls.
 */
export class OverrideCrop implements Crop {
  readonly #session: PageSession;
  readonly #viewport: Size;
  #applied: Aim | null = null;

  constructor(session: PageSession, viewport: Size) {
    this.#session = session;
    this.#viewport = viewport;
  }

  reach(wanted: Aim): Aim {
    return wanted;
  }

  async apply(aim: Aim): Promise<void> {
    const before = this.#applied;
    if (before && this.#isSame(before, aim)) return;
    this.#applied = null;
    const { width, height } = this.#viewport;
    const isAll = isWhole(aim.view, this.#viewport) && aim.scale === 1;
    const metrics = {
      width,
      height,
      screenWidth: width,
      screenHeight: height,
      deviceScaleFactor: 1,
      mobile: false,
      ...(isAll ? {} : { viewport: inDocument(aim) }),
    };
    await within(this.#session.send("Emulation.setDeviceMetricsOverride", metrics), "viewport");
    // Another size would give an early picture away; another place of the same size would not.
    if (before && !samePoint(placeOf(before), placeOf(aim))) await delay(SETTLE_MS);
    this.#applied = aim;
  }

  async capture(aim: Aim, quality: number): Promise<Buffer> {
    const params = { format: "jpeg" as const, quality, clip: inDocument(aim) };
    const { data } = await within(this.#session.send("Page.captureScreenshot", params), "screenshot");
    return Buffer.from(data, "base64");
  }

  #isSame(a: Aim, b: Aim): boolean {
    const sameSize = a.view.width === b.view.width && a.view.height === b.view.height && a.scale === b.scale;
    // The whole page is the whole page wherever it is scrolled to.
    const isAll = isWhole(a.view, this.#viewport) && a.scale === 1;
    return sameSize && (isAll ? isWhole(b.view, this.#viewport) : samePoint(placeOf(a), placeOf(b)));
  }
}

/**
 * For pages of the bot's own: an override of theirs would undo the bot's emulation for good, and so would a clip.
 * Pictures show the whole viewport at 1 px per CSS px.
 */
export class ServerCut implements Crop {
  readonly #session: PageSession;
  readonly #viewport: Size;

  constructor(session: PageSession, viewport: Size) {
    this.#session = session;
    this.#viewport = viewport;
  }

  reach({ scroll }: Aim): Aim {
    return { view: wholePage(this.#viewport), scale: 1, scroll };
  }

  async apply(): Promise<void> {}

  async capture(_aim: Aim, quality: number): Promise<Buffer> {
    const { data } = await within(
      this.#session.send("Page.captureScreenshot", { format: "jpeg", quality }),
      "screenshot",
    );
    return Buffer.from(data, "base64");
  }
}

function placeOf({ view, scroll }: Aim): Point {
  return { x: view.x + scroll.x, y: view.y + scroll.y };
}

function inDocument(aim: Aim): Rect & { scale: number } {
  return { ...aim.view, ...placeOf(aim), scale: aim.scale };
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
