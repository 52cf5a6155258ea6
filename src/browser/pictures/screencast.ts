/** Pictures of one part of the page, pushed by the browser when the page changes; off while no viewer can take one. */

import { AppError } from "../../errors.ts";
import { type Rect, type Size, sameRect } from "../../protocol/common.ts";
import { type Level, MAX_PICTURE_BYTES, type Picture } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS, type PageSession, type ScreencastFrame } from "../cdp/connection.ts";
import { CapturePace } from "./capture-pace.ts";
import type { CaptureRegion, PictureCapture } from "./capture-region.ts";
import { FreezeDetector } from "./freeze-detector.ts";
import { jpegSize } from "./jpeg-size.ts";
import type { Still } from "./kept-still.ts";
import { type CastLevel, QualityControl, STILL_AFTER_QUIET_MS, STILL_QUALITY } from "./quality.ts";
import { isWhole, type Point, samePoint, wholePage } from "./view-geometry.ts";

/** The longest that a finger waits until the whole page is captured. */
const FINGERS_DEADLINE_MS = 500;
/** The next finger comes soon, as in a double tap: a change of region costs it some 100 ms. */
const FINGERS_COME_BACK_MS = 1_000;

/** The part of the page that pictures are to show (CSS px), and the scale of a still. */
export interface Target {
  readonly view: Rect;
  readonly scale: number;
  /** The level while something moves. */
  readonly motion: Level;
  /** An older client needs that scale in motion, too, however slow it is; left out: none does. */
  readonly isExact?: boolean;
}

/** What a screencast needs of its page. */
export interface ScreencastEvents {
  /** The number of the next picture. */
  nextSeq(): number;
  /** A new picture has come. */
  picture(picture: Picture): void;
  /** The round trip of the line to the browser, ms; left out: it is on this machine, or near. */
  lineMs?(): number;
  /** What the pictures of a second may cost while something moves, bytes; left out: they cross no line of a bot's. */
  readonly mostBytes?: number | undefined;
}

interface Shown {
  readonly region: CaptureRegion;
  readonly level: CastLevel;
}

interface Cast extends Shown {
  /** One picture is under way at a time. */
  readonly oneInFlight: boolean;
}

export class Screencast {
  readonly #session: PageSession;
  #viewport: Size;
  readonly #capture: PictureCapture;
  readonly #events: ScreencastEvents;
  readonly #control: QualityControl;
  readonly #pace = new CapturePace();
  readonly #freeze: FreezeDetector;
  #target: Target;
  #scroll: Point = { x: 0, y: 0 };
  #wanted = false;
  #running = false;
  /** What the running screencast was started with. A difference from what is wanted now means a restart. */
  #cast: Cast | null = null;
  /** The number of the last start, which the browser counts too: pictures of an earlier one may still arrive. */
  #casts = 0;
  #last: Picture | null = null;
  #pictures = 0;
  #isFrozen = false;
  #quietTimer: NodeJS.Timeout | undefined;
  #freezeTimer: NodeJS.Timeout | undefined;
  /** Pictures show the whole page, for fingers. */
  #isForFingers = false;
  #fingersTimer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stillUnderWay: { readonly view: Rect; readonly picture: Promise<Picture> } | null = null;
  #closed = false;
  #restarts = 0;
  #isDrag = false;
  /** The browser has refused to have one picture under way. */
  #refusesOneInFlight = false;

  constructor(session: PageSession, viewport: Size, capture: PictureCapture, events: ScreencastEvents) {
    this.#session = session;
    this.#viewport = viewport;
    this.#capture = capture;
    this.#events = events;
    this.#control = new QualityControl(events.mostBytes);
    this.#freeze = new FreezeDetector(() => events.lineMs?.() ?? 0);
    this.#target = { view: wholePage(viewport), scale: 1, motion: { quality: STILL_QUALITY, scale: 1 } };
    session.on("Page.screencastFrame", (frame) => this.#onFrame(frame));
  }

  /** How many pictures there were. */
  get pictures(): number {
    return this.#pictures;
  }

  /** How often the screencast was restarted because it seemed frozen. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Gives the page its size. Call it before the first navigation. AppError `timeout`. */
  async prepare(): Promise<void> {
    await this.#capture.apply(this.#region(this.#target.scale));
  }

  /** Whether a viewer can take a picture now. While none can, none is captured. */
  setWanted(wanted: boolean): void {
    this.#wanted = wanted;
    if (!wanted) {
      // Without pictures neither a freeze nor rest can be noticed.
      clearTimeout(this.#quietTimer);
      this.#freeze.stop();
      this.#watchForFreeze();
    }
    this.#reconcile();
  }

  /** Forgets the last picture: with no viewer left, changes of the page go unnoticed from here on. */
  forget(): void {
    this.#last = null;
  }

  /** Sets what pictures show. `scroll`: the main document's scroll offset now, CSS px; left out: as before. */
  setTarget(target: Target, scroll: Point = this.#scroll): void {
    if (!sameRect(target.view, this.#target.view)) this.#control.newView();
    this.#target = target;
    this.#scroll = scroll;
    this.#reconcile();
  }

  /** The page has another viewport now. */
  setViewport(viewport: Size): void {
    this.#viewport = viewport;
    this.#capture.resize(viewport);
  }

  /** Starts it anew, and applies its region again. */
  restart(): void {
    this.#capture.forget();
    this.#isFrozen = true;
    this.#reconcile();
  }

  /** Input was sent to the page, which may change it; `isDrag`: with a button pressed. */
  inputGiven(isDrag: boolean): void {
    const now = performance.now();
    this.#isDrag = isDrag;
    this.#control.inputAt(now);
    this.#pace.inputAt(now);
    // Pictures at rest have full size: on a slow machine they come too seldom to be seen as motion.
    if (isDrag && this.#isSlow) this.#control.pressed();
    if (!this.#wanted) return;
    this.#freeze.input(now);
    this.#watchForFreeze();
    // The drag goes on, even where a busy browser needs longer for a picture than the time that means rest.
    if (isDrag && this.#control.isMoving) this.#waitForQuiet();
    this.#reconcile();
  }

  /** A button was pressed. */
  pressed(): void {
    this.#isDrag = true;
    this.#control.pressed();
    this.#freeze.press();
    this.#reconcile();
  }

  /** No button is down any more. */
  released(): void {
    this.#isDrag = false;
  }

  /**
   * Called before a finger goes down and once the last one is up. Where the capture would lose fingers, it shows the whole
   * page meanwhile, and a little longer. Resolves when it does, or cannot in time; never rejects.
   */
  async fingers(areDown: boolean): Promise<void> {
    if (!this.#capture.losesFingers || this.#closed) return;
    clearTimeout(this.#fingersTimer);
    if (!areDown) {
      this.#fingersTimer = setTimeout(() => {
        this.#isForFingers = false;
        this.#reconcile();
      }, FINGERS_COME_BACK_MS).unref();
      return;
    }
    if (this.#isForFingers) return;
    this.#isForFingers = true;
    const shown = this.#inTurn(async () => {
      if (this.#isDue()) await this.#restart();
      else await this.#capture.apply(this.#region(1));
    });
    await withDeadline(shown, FINGERS_DEADLINE_MS, "whole page").catch(() => {});
  }

  /**
   * A sharp picture of this part of the page (CSS px), or of more. Callers at the same time share one, unless it must be
   * `fresh`: taken after this call. Throws AppError `timeout`.
   */
  still(view: Rect, fresh = false): Promise<Picture> {
    // After a screenshot the browser restores the metrics from before it: a screenshot during a change of region would
    // undo the change. So they take turns.
    if (!fresh && this.#stillUnderWay && sameRect(this.#stillUnderWay.view, view)) return this.#stillUnderWay.picture;
    const still = { view, picture: this.#inTurn(() => this.#takeStill(view, fresh)) };
    this.#stillUnderWay = still;
    const done = () => {
      if (this.#stillUnderWay === still) this.#stillUnderWay = null;
    };
    still.picture.then(done, done);
    return still.picture;
  }

  /** A still of this part of the page (CSS px), for later: it has no number yet. AppError `timeout`. */
  keep(view: Rect): Promise<Still> {
    return this.#inTurn(() => this.#captureStill(this.#capture.reach({ view, scale: 1, scroll: this.#scroll })));
  }

  /** The next picture is one that was kept. */
  kept(still: Still): Picture {
    return this.#numbered(still);
  }

  /** Stops for good. Nothing is sent to the browser. */
  close(): void {
    this.#closed = true;
    this.#wanted = false;
    clearTimeout(this.#quietTimer);
    clearTimeout(this.#freezeTimer);
    clearTimeout(this.#fingersTimer);
  }

  async #takeStill(view: Rect, fresh: boolean): Promise<Picture> {
    const region = this.#capture.reach({ view, scale: 1, scroll: this.#scroll });
    // Only while a screencast runs does the last picture certainly show the page as it is now.
    const isCurrent = this.#cast !== null && this.#last?.kind === "still" && sameRect(this.#last.view, region.view);
    if (!fresh && isCurrent && this.#last) return this.#numbered(this.#last);
    return this.#numbered(await this.#captureStill(region));
  }

  async #captureStill(region: CaptureRegion): Promise<Still> {
    const jpeg = await this.#capture.capture(region, STILL_QUALITY);
    const scale = this.#scaleOf(jpeg, region) ?? region.scale;
    return { captured_at: Date.now(), view: region.view, scale, quality: STILL_QUALITY, kind: "still", jpeg };
  }

  #onFrame({ data, sessionId, metadata }: ScreencastFrame): void {
    if (this.#closed || !this.#running) return;
    this.#session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
    const cast = this.#cast;
    if (!cast || sessionId < this.#casts) return;
    const scroll = { x: metadata.scrollOffsetX, y: metadata.scrollOffsetY };
    if (!samePoint(scroll, cast.region.scroll) && !isWhole(cast.region.view, this.#viewport)) {
      // The region is fixed to the document: follow the scrolling, or the picture shows another part than it says.
      this.#scroll = scroll;
      this.#reconcile();
      return;
    }
    const jpeg = Buffer.from(data, "base64");
    if (jpeg.length > MAX_PICTURE_BYTES) this.#control.tooLarge(cast.level.quality);
    // Right after a change the picture may still show the old view, though its metadata says otherwise.
    const scale = this.#scaleOf(jpeg, cast.region);
    if (scale !== null) this.#take(jpeg, { ...cast, region: { ...cast.region, scale } });
    else this.#freeze.strange(performance.now());
    this.#watchForFreeze();
    this.#reconcile();
  }

  #take(jpeg: Buffer, cast: Shown): void {
    // The browser sends the same picture again after a start, a screenshot or a repaint without a change.
    const isNew = !(this.#last && sameRect(this.#last.view, cast.region.view) && this.#last.jpeg.equals(jpeg));
    const now = performance.now();
    this.#freeze.picture(now, isNew);
    if (!isNew) return;
    this.#control.pictureAt(now, { bytes: jpeg.length, quality: cast.level.quality });
    if (cast.level.kind === "motion") this.#pace.pictureAt(now);
    this.#last = this.#picture(jpeg, cast);
    this.#waitForQuiet();
    this.#events.picture(this.#last);
  }

  #picture(jpeg: Buffer, { region: { view, scale }, level: { quality, kind } }: Shown): Picture {
    return this.#numbered({ captured_at: Date.now(), view, scale, quality, kind, jpeg });
  }

  #numbered(picture: Still): Picture {
    this.#pictures += 1;
    return { ...picture, seq: this.#events.nextSeq() };
  }

  #waitForQuiet(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.#control.quiet();
      this.#reconcile();
    }, STILL_AFTER_QUIET_MS);
  }

  #watchForFreeze(): void {
    clearTimeout(this.#freezeTimer);
    const { dueAt } = this.#freeze;
    if (dueAt === null) return;
    this.#freezeTimer = setTimeout(
      () => {
        this.#restarts += 1;
        this.#isFrozen = true;
        // Where not even a first picture came, the region may not have taken effect.
        if (this.#freeze.restarted()) this.#capture.forget();
        this.#reconcile();
      },
      Math.max(0, dueAt - performance.now()),
    );
  }

  #scaleOf(jpeg: Buffer, region: CaptureRegion): number | null {
    const size = jpegSize(jpeg);
    return size && this.#capture.scaleOf(size, region);
  }

  #region(wantedScale: number): CaptureRegion {
    const [view, scale] = this.#isForFingers ? [wholePage(this.#viewport), 1] : [this.#target.view, wantedScale];
    return this.#capture.reach({ view, scale, scroll: this.#scroll });
  }

  /** The screencast that is to run now. */
  #next(): Cast {
    const { view, motion, scale, isExact = false } = this.#target;
    const isPaced = this.#capture.isPaced(view);
    const finest = isPaced && !isExact ? this.#pace.scale(this.#isDrag) : motion.scale;
    const affordable = { ...motion, scale: Math.min(motion.scale, finest) };
    const level = this.#control.level(performance.now(), affordable, scale, view.width * view.height);
    const oneInFlight = level.kind === "motion" && this.#isSlow && !this.#refusesOneInFlight;
    return { region: this.#region(level.scale), level, oneInFlight };
  }

  get #isSlow(): boolean {
    return this.#pace.isSlow && this.#capture.isPaced(this.#target.view);
  }

  /** Restarts or stops the screencast until it runs as wanted, one change after the other. */
  #reconcile(): void {
    if (!this.#isDue()) return;
    const settled = this.#inTurn(async () => {
      while (this.#isDue()) await this.#restart();
    });
    // The page may be gone at any moment; the tab reports that.
    settled.catch(() => {});
  }

  /** Runs what changes the region or depends on it, one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  #isDue(): boolean {
    if (this.#closed) return false;
    if (!this.#wanted) return this.#running;
    const cast = this.#cast;
    if (!this.#running || !cast || this.#isFrozen) return true;
    const { region, level, oneInFlight } = this.#next();
    if (oneInFlight !== cast.oneInFlight) return true;
    if (level.quality !== cast.level.quality || level.everyNth !== cast.level.everyNth) return true;
    if (level.kind !== cast.level.kind || region.scale !== cast.region.scale) return true;
    return !sameRect(region.view, cast.region.view) || !this.#isInPlace(cast.region);
  }

  /** A region must move along with the document; the whole viewport needs not, wherever the document is scrolled to. */
  #isInPlace({ view, scroll }: CaptureRegion): boolean {
    return isWhole(view, this.#viewport) || samePoint(scroll, this.#scroll);
  }

  /** A stop and a start cost about one picture. They change the quality and the region, and end a freeze. */
  async #restart(): Promise<void> {
    // Until the new screencast runs, none is known to run: the next reconciliation repairs a failure here.
    this.#cast = null;
    const stopping = this.#call(this.#session.send("Page.stopScreencast"), "screencast stop");
    stopping.catch(() => {});
    const next = this.#next();
    // On a slow machine many gaps seem to be a freeze at first: what such a start takes is part of its pace.
    if (!this.#isFrozen) this.#pace.started();
    this.#isFrozen = false;
    if (this.#wanted) await this.#capture.apply(next.region);
    await stopping;
    this.#running = false;
    if (!this.#wanted || this.#closed) return;
    this.#casts += 1;
    this.#cast = next;
    this.#running = true;
    this.#freeze.started(performance.now());
    this.#watchForFreeze();
    const { region, oneInFlight } = next;
    const { quality, everyNth: everyNthFrame } = next.level;
    const options = this.#capture.castOptions(region, oneInFlight);
    const start = { format: "jpeg" as const, quality, everyNthFrame, ...options };
    await this.#call(this.#session.send("Page.startScreencast", start), "screencast start").catch((error: unknown) => {
      this.#cast = null;
      // The browser does not count a start that it refused.
      if (!(error instanceof AppError)) this.#casts -= 1;
      if (error instanceof AppError || !oneInFlight) throw error;
      // An older browser ignores what it does not know; what stands in front of one need not. The next round starts without.
      this.#refusesOneInFlight = true;
    });
    if (next.level.kind === "motion") this.#waitForQuiet();
  }

  #call<T>(work: Promise<T>, what: string): Promise<T> {
    return withDeadline(work, CALL_DEADLINE_MS, what);
  }
}
