/** Distributes the pictures of one page: one capture for all viewers, each with its own view and rate. */
import { setTimeout as delay } from "node:timers/promises";
import { sameRect } from "../../protocol/common.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { CaptureRequest, Level, Picture, PictureSource } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";
import { PictureSender } from "./picture-sender.ts";
import { RetakeScheduler } from "./retake-scheduler.ts";
import { sessionInfo } from "./session-info.ts";
import type { Lens, Viewer } from "./viewer.ts";

/** A view change is announced with its first picture; if none comes in this time, one is taken. */
const VIEW_PICTURE_PATIENCE_MS = 300;
/** Capturing goes on this long without a free viewer: a restart costs a picture. */
const STOP_AFTER_MS = 40;
/** Capturing brings its first picture within this time, unless nothing has changed on the page. */
const FIRST_PICTURE_MS = 60;
/** [W20] After an `up`, older clients read a picture as "not passed", so they get none for this time. */
const PLAIN_PICTURE_HOLD_MS = 1_500;

interface PictureDistributorDeps {
  readonly record: Readonly<SessionRecord>;
  readonly page: PictureSource;
  /** The viewers now; later ones are added and removed one by one. */
  readonly viewers: Iterable<Viewer>;
}

/** Made for one page, and stopped with it: requests to a page and its pictures do not outlive it. */
export class PictureDistributor {
  readonly #record: Readonly<SessionRecord>;
  readonly #page: PictureSource;
  readonly #senders = new Map<Viewer, PictureSender>();
  readonly #retakes = new RetakeScheduler<Viewer>((viewer) => void this.#showAgain(viewer));
  #last: Picture | null = null;
  /** Time of the first drag that no picture shows yet, monotonic ms. */
  #movedAt: number | null = null;
  #request: CaptureRequest | null = null;
  #isCapturing = false;
  #isStopped = false;
  /** Grows when another window is shown: a picture that was taken for an earlier one is dropped. */
  #era = 0;
  #stopTimer: NodeJS.Timeout | undefined;
  #resumeTimer: NodeJS.Timeout | undefined;

  constructor({ record, page, viewers }: PictureDistributorDeps) {
    this.#record = record;
    this.#page = page;
    for (const viewer of viewers) this.#senders.set(viewer, this.#senderOf(viewer));
    this.#sync();
  }

  add(viewer: Viewer): void {
    this.#senders.set(viewer, this.#senderOf(viewer));
    this.#sync();
  }

  remove(viewer: Viewer): void {
    this.#senders.get(viewer)?.stop();
    this.#senders.delete(viewer);
    this.#retakes.shown(viewer);
    this.#sync();
  }

  /**
   * Shows a viewer the page for the first time, with a session_info [W2]. Resolves also if the viewer or the page is
   * gone first.
   */
  async welcome(viewer: Viewer): Promise<void> {
    // A page that does not answer gives no picture for seconds: newer clients learn that at once, older ones need a picture.
    const isStuck = this.#page.condition !== "page_responsive" && !viewer.plain;
    const era = this.#era;
    const taken = isStuck ? null : ((await this.#kept(viewer)) ?? (await this.#take(viewer)));
    const picture = era === this.#era ? taken : null;
    await this.#senders.get(viewer)?.welcome(picture);
    if (era !== this.#era) void this.#sendPendingInfo();
  }

  /** A viewer's picture has arrived: there may be room for another. */
  next(viewer: Viewer): void {
    this.#senders.get(viewer)?.next();
  }

  /** An operator drags: the next picture may show it. */
  moved(): void {
    this.#movedAt ??= performance.now();
  }

  /** [W20] An operator has released a button. */
  released(): void {
    for (const [viewer, sender] of this.#senders) if (viewer.plain) sender.hold(PLAIN_PICTURE_HOLD_MS);
  }

  /** Shows a new picture of the page: the newest wins. */
  show(picture: Picture): void {
    if (this.#movedAt !== null) publishMetric("move_to_picture", performance.now() - this.#movedAt);
    this.#movedAt = null;
    this.#last = picture;
    for (const sender of this.#senders.values()) sender.show(picture);
    this.#sync();
  }

  /** The challenge was found, has moved or is lost. */
  challengeMoved(): void {
    for (const [viewer, sender] of this.#senders) {
      if (viewer.lens.mode === "challenge") sender.viewChanged();
      else sender.infoChanged();
    }
    void this.#sendPendingInfo();
  }

  /** [W47] Another window is shown: no picture of the one before is sent from here on. */
  otherWindow(): void {
    this.#era += 1;
    this.#last = null;
    this.#movedAt = null;
    for (const sender of this.#senders.values()) sender.viewChanged();
    void this.#sendPendingInfo();
  }

  /** [W63] A viewer could not draw what has changed: it gets the newest picture whole, whether or not the page moves. */
  showWhole(viewer: Viewer): void {
    const sender = this.#senders.get(viewer);
    sender?.lensChanged();
    if (this.#last && this.#last.seq >= viewer.lastSent) sender?.show(this.#last);
    else void this.#showAgain(viewer);
  }

  /** [W14] The viewer's lens has changed; `before` is the old one. */
  lensChanged(viewer: Viewer, before: Lens): void {
    const sender = this.#senders.get(viewer);
    const isOther = viewer.lens.mode !== before.mode;
    if (isOther) sender?.viewChanged();
    else sender?.lensChanged();
    this.#sync();
    // On a page at rest no new picture may come if another viewer already has what this one wants.
    if (this.#last?.kind === "still") void this.#showAgain(viewer);
    if (isOther) void this.#sendPendingInfo();
  }

  /** Stops all pictures: the page is gone, or the session is over. */
  stop(): void {
    this.#isStopped = true;
    this.#retakes.stop();
    this.#clearTimers();
    for (const sender of this.#senders.values()) sender.stop();
    this.#senders.clear();
  }

  #senderOf(viewer: Viewer): PictureSender {
    const sender = new PictureSender({
      viewer,
      render: (picture) => this.#render(picture, viewer),
      damage: (before, picture) => this.#page.damage(before, picture).catch(() => null),
      info: (picture) => sessionInfo(this.#record, viewer, picture, this.#page),
      onChange: () => this.#sync(),
    });
    // The viewer's session_info is of a lost page, or from before there was one.
    if (viewer.view && !sameRect(viewer.view, this.#page.view(viewer.lens.mode))) sender.infoChanged();
    return sender;
  }

  /** Brings what the page captures in line with who watches, what they want, and whether they can take it. */
  #sync(): void {
    if (this.#isStopped) return;
    // The page announces no changes while nobody watches: the next viewer to join gets a picture taken then.
    if (this.#senders.size === 0) {
      this.#last = null;
      this.#retakes.stop();
    }
    const request = requestOf(this.#senders.keys());
    if (!isSame(this.#request, request)) this.#page.setCaptureRequest(request);
    this.#request = request;
    if (request === null) this.#stopCapturing();
    else if (this.#isAnyFree()) this.#capture();
    else if (this.#isCapturing) this.#stopTimer ??= setTimeout(() => this.#stopCapturing(), STOP_AFTER_MS);
  }

  #isAnyFree(): boolean {
    for (const sender of this.#senders.values()) if (sender.isFree) return true;
    return false;
  }

  #capture(): void {
    clearTimeout(this.#stopTimer);
    this.#stopTimer = undefined;
    if (this.#isCapturing) return;
    this.#isCapturing = true;
    this.#page.setCapturing(true);
    this.#resumeTimer = setTimeout(() => {
      for (const sender of this.#senders.values()) sender.resume();
      this.#sync();
    }, FIRST_PICTURE_MS);
  }

  #stopCapturing(): void {
    this.#clearTimers();
    this.#stopTimer = undefined;
    this.#isCapturing = false;
    this.#page.setCapturing(false);
    for (const sender of this.#senders.values()) sender.pause();
  }

  #clearTimers(): void {
    clearTimeout(this.#stopTimer);
    clearTimeout(this.#resumeTimer);
  }

  #render(picture: Picture, viewer: Viewer): Picture | Promise<Picture | null> {
    if (viewer.role === "watch") return this.#mask(picture, viewer);
    const { mode, scale } = viewer.lens;
    if (picture.scale <= scale && sameRect(picture.view, this.#page.view(mode))) return picture;
    return this.#page.cut(picture, mode, scale).catch(() => null);
  }

  /** What a watcher sees of a picture. If parts had to be blackened, a picture is taken again a moment later. */
  async #mask(picture: Picture, viewer: Viewer): Promise<Picture | null> {
    const { mode, scale } = viewer.lens;
    const masked = await this.#page.masked(picture, mode, scale).catch(() => null);
    if (masked?.isWhole) this.#retakes.shown(viewer);
    else this.#missed(viewer);
    return masked?.picture ?? null;
  }

  /** Viewers that still wait for a session_info after a while get it with a picture taken for them. */
  async #sendPendingInfo(): Promise<void> {
    await delay(VIEW_PICTURE_PATIENCE_MS, undefined, { ref: false });
    for (const [viewer, sender] of this.#senders) if (sender.needsSessionInfo) await this.#showAgain(viewer);
  }

  async #showAgain(viewer: Viewer): Promise<void> {
    const era = this.#era;
    const picture = await this.#take(viewer);
    if (picture && era === this.#era) this.#senders.get(viewer)?.show(picture);
  }

  /** [W62] A picture that was there before anybody came: never for a watcher, as nobody knows where secret fields were. */
  async #kept(viewer: Viewer): Promise<Picture | null> {
    if (viewer.role === "watch" || viewer.plain) return null;
    return this.#page.keptStill(viewer.lens.mode);
  }

  /** A picture taken for this viewer; null if the page gives none. */
  async #take(viewer: Viewer): Promise<Picture | null> {
    const { mode, scale } = viewer.lens;
    const isWatcher = viewer.role === "watch";
    const picture = await this.#page.picture(mode, scale, isWatcher).catch(() => null);
    if (!picture && isWatcher) this.#missed(viewer);
    return picture;
  }

  #missed(viewer: Viewer): void {
    if (this.#senders.has(viewer)) this.#retakes.missed(viewer);
  }
}

function requestOf(viewers: Iterable<Viewer>): CaptureRequest | null {
  const all = [...viewers];
  if (all.length === 0) return null;
  return {
    mode: all.some(({ lens }) => lens.mode === "page") ? "page" : "challenge",
    scale: Math.max(...all.map(({ lens }) => lens.scale)),
    motion: best(all.map(({ motion }) => motion)),
    exact: all.some(({ plain }) => plain),
    masked: all.some(({ role }) => role === "watch"),
  };
}

/** The fastest connection sets the level; slower ones skip more pictures. */
function best(motions: readonly Level[]): Level {
  const scale = Math.max(...motions.map((motion) => motion.scale));
  const quality = Math.max(...motions.filter((motion) => motion.scale === scale).map((motion) => motion.quality));
  return { quality, scale };
}

function isSame(a: CaptureRequest | null, b: CaptureRequest | null): boolean {
  if (!a || !b) return a === b;
  const { motion } = a;
  const isSameMotion = motion.quality === b.motion.quality && motion.scale === b.motion.scale;
  return a.mode === b.mode && a.scale === b.scale && a.exact === b.exact && a.masked === b.masked && isSameMotion;
}
