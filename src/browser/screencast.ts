/** Pictures of one view of the page, pushed by the browser when the page changes; off while nobody watches. */
import type { CDPSession } from "playwright";
import { withDeadline } from "../deadline.ts";
import type { Rect, Size } from "../protocol/common.ts";
import { wholePage } from "./crop.ts";
import { jpegSize } from "./jpeg-size.ts";
import { QualityControl, STILL_AFTER_QUIET_MS, STILL_QUALITY } from "./quality.ts";

const CALL_DEADLINE_MS = 3_000;
/** A picture of another size than its view's, beyond rounding, is one of an earlier view. */
const SIZE_TOLERANCE_PX = 1;

type FrameEvent = {
  data: string;
  sessionId: number;
  metadata: { scrollOffsetX: number; scrollOffsetY: number };
};

export interface Shot {
  readonly jpeg: Buffer;
  readonly view: Rect;
  readonly kind: "motion" | "still";
}

interface Scroll {
  readonly x: number;
  readonly y: number;
}

export class Screencast {
  readonly #session: CDPSession;
  readonly #viewport: Size;
  readonly #onShot: (shot: Shot) => void;
  readonly #control = new QualityControl();
  #view: Rect;
  #scroll: Scroll = { x: 0, y: 0 };
  #wanted = false;
  #running = false;
  /** What the running cast was started with; a difference to what is wanted now means a restart. */
  #started: { view: Rect; scroll: Scroll; quality: number } | null = null;
  /** The browser numbers its casts; pictures of an earlier one may still be on their way. */
  #newestCast = 0;
  #castBefore = 0;
  #last: Shot | null = null;
  #quiet: NodeJS.Timeout | undefined;
  #settling: Promise<void> = Promise.resolve();
  #capturing: Promise<Shot> | null = null;
  #closed = false;

  constructor(session: CDPSession, viewport: Size, onShot: (shot: Shot) => void) {
    this.#session = session;
    this.#viewport = viewport;
    this.#view = wholePage(viewport);
    this.#onShot = onShot;
    session.on("Page.screencastFrame", (event) => this.#onFrame(event as FrameEvent));
  }

  /** Gives the page its size; before the first navigation. */
  async prepare(): Promise<void> {
    await this.#applyMetrics();
  }

  setWanted(wanted: boolean): void {
    if (this.#wanted === wanted) return;
    this.#wanted = wanted;
    if (!wanted) this.#last = null;
    this.#settle();
  }

  /** `view` in CSS px of the viewport, `scroll` of the main document at this moment. */
  setView(view: Rect, scroll: Scroll): void {
    this.#view = view;
    this.#scroll = scroll;
    this.#settle();
  }

  setPressed(pressed: boolean): void {
    this.#control.setPressed(pressed);
    if (pressed) this.#settle();
    else this.#waitForQuiet();
  }

  /** A sharp picture of the view, now; who asks meanwhile gets the same one. Throws AppError `timeout`. */
  still(): Promise<Shot> {
    // The browser puts back the metrics it found before a screenshot: one that overlaps a new view would undo it.
    this.#capturing ??= this.#inTurn(() => this.#capture()).finally(() => {
      this.#capturing = null;
    });
    return this.#capturing;
  }

  async #capture(): Promise<Shot> {
    const view = this.#view;
    if (this.#last?.kind === "still" && this.#last.view === view) return this.#last;
    const clip = { ...view, x: view.x + this.#scroll.x, y: view.y + this.#scroll.y, scale: 1 };
    const { data } = await this.#call(
      this.#session.send("Page.captureScreenshot", { format: "jpeg", quality: STILL_QUALITY, clip }),
      "screenshot",
    );
    return { jpeg: Buffer.from(data, "base64"), view, kind: "still" };
  }

  close(): void {
    this.#closed = true;
    this.#wanted = false;
    clearTimeout(this.#quiet);
  }

  #onFrame({ data, sessionId, metadata }: FrameEvent): void {
    if (this.#closed || !this.#running) return;
    this.#session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
    const started = this.#started;
    this.#newestCast = Math.max(this.#newestCast, sessionId);
    if (!started || sessionId <= this.#castBefore) return;
    const scroll = { x: metadata.scrollOffsetX, y: metadata.scrollOffsetY };
    if (!samePoint(scroll, started.scroll) && !isWhole(started.view, this.#viewport)) {
      // The cut-out is fixed to the document: follow the page, or the picture shows another place than it says.
      this.#scroll = scroll;
      this.#settle();
      return;
    }
    const jpeg = Buffer.from(data, "base64");
    // Right after a change the picture may still be one of the old view, though what comes with it says otherwise.
    const size = jpegSize(jpeg);
    if (!size || Math.abs(size.width - started.view.width) > SIZE_TOLERANCE_PX) return;
    if (Math.abs(size.height - started.view.height) > SIZE_TOLERANCE_PX) return;
    this.#take(jpeg, started);
  }

  #take(jpeg: Buffer, { view, quality }: { view: Rect; quality: number }): void {
    // The browser sends a picture again after a screenshot or a repaint without a change.
    if (this.#last?.view === view && this.#last.jpeg.equals(jpeg)) return;
    this.#last = { jpeg, view, kind: quality === STILL_QUALITY ? "still" : "motion" };
    this.#control.pictureAt(performance.now());
    this.#onShot(this.#last);
    this.#settle();
    this.#waitForQuiet();
  }

  #waitForQuiet(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#control.quiet();
      this.#settle();
    }, STILL_AFTER_QUIET_MS);
  }

  /** Brings what runs in line with what is wanted, one change after the other. */
  #settle(): void {
    if (!this.#isDue()) return;
    const settled = this.#inTurn(async () => {
      while (this.#isDue()) await this.#restart();
    });
    // The page may be gone at any moment; whoever owns it hears of that elsewhere.
    settled.catch(() => {});
  }

  /** What changes the view or depends on it, one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#settling.then(work);
    this.#settling = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  #isDue(): boolean {
    if (this.#closed) return false;
    if (!this.#wanted) return this.#running;
    const started = this.#started;
    if (!this.#running || !started) return true;
    return started.quality !== this.#control.quality || !this.#isInPlace(started);
  }

  /** A cut-out must move along with the document; the whole page is the whole page wherever it is scrolled to. */
  #isInPlace(started: { view: Rect; scroll: Scroll }): boolean {
    return (
      started.view === this.#view && (isWhole(this.#view, this.#viewport) || samePoint(started.scroll, this.#scroll))
    );
  }

  /** Stop and start costs about one picture; it is the way to another quality and view. */
  async #restart(): Promise<void> {
    const before = this.#started;
    // Until the new one runs nothing is known to run: a failure here is mended at the next occasion.
    this.#started = null;
    await this.#call(this.#session.send("Page.stopScreencast"), "screencast stop");
    this.#running = false;
    if (!this.#wanted || this.#closed) return;
    const next = { view: this.#view, scroll: this.#scroll, quality: this.#control.quality };
    if (!before || !this.#isInPlace(before)) await this.#applyMetrics();
    this.#started = next;
    this.#castBefore = this.#newestCast;
    this.#running = true;
    await this.#call(
      this.#session.send("Page.startScreencast", { format: "jpeg", quality: next.quality, everyNthFrame: 1 }),
      "screencast start",
    ).catch((error: unknown) => {
      this.#started = null;
      throw error;
    });
  }

  /** The cut-out is an override of the viewport that the page does not notice; its place is in document coordinates. */
  async #applyMetrics(): Promise<void> {
    const { width, height } = this.#viewport;
    const view = this.#view;
    const cut = { ...view, x: view.x + this.#scroll.x, y: view.y + this.#scroll.y, scale: 1 };
    await this.#call(
      this.#session.send("Emulation.setDeviceMetricsOverride", {
        width,
        height,
        screenWidth: width,
        screenHeight: height,
        deviceScaleFactor: 1,
        mobile: false,
        ...(isWhole(view, this.#viewport) ? {} : { viewport: cut }),
      }),
      "viewport",
    );
  }

  #call<T>(work: Promise<T>, what: string): Promise<T> {
    return withDeadline(work, CALL_DEADLINE_MS, what);
  }
}

function isWhole(view: Rect, viewport: Size): boolean {
  return view.x === 0 && view.y === 0 && view.width === viewport.width && view.height === viewport.height;
}

function samePoint(a: Scroll, b: Scroll): boolean {
  return Math.abs(a.x - b.x) < 0.5 && Math.abs(a.y - b.y) < 0.5;
}
