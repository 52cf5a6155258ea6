/** Who is shown what of the page: one capture for all viewers of a session, each with a view and a pace of its own. */
import { setTimeout as delay } from "node:timers/promises";
import { sameRect } from "../../protocol/common.ts";
import type { ServerMessageOf } from "../../protocol/live.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { CaptureRequest, ChallengePage, Level, Picture } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";
import { base64Of } from "./picture-encoding.ts";
import { RetakeScheduler } from "./retake-scheduler.ts";
import type { LensWish, Viewer, ViewerHooks } from "./viewer.ts";

/** A view change is announced with its first picture; a page that sends none is asked for one after so long. */
const VIEW_PICTURE_PATIENCE_MS = 300;
/** A slot that comes free within this is not worth a stop: starting again costs a picture. */
const STOP_AFTER_MS = 40;
/** Capturing that goes on brings its first picture within this, unless nothing has changed meanwhile. */
const FIRST_PICTURE_MS = 60;

interface FeedDeps {
  readonly record: Readonly<SessionRecord>;
  readonly viewers: ReadonlySet<Viewer>;
  /** Null while the page is starting and after the end. */
  readonly page: () => ChallengePage | null;
}

export class PictureDistributor {
  readonly #deps: FeedDeps;
  readonly #hooks: ViewerHooks;
  readonly #retakes = new RetakeScheduler<Viewer>((viewer) => void this.#showAgain(viewer));
  #last: Picture | null = null;
  /** When something was dragged of which there is no picture yet. */
  #movedAt: number | null = null;
  #request: CaptureRequest | null = null;
  #isCapturing = false;
  #stopTimer: NodeJS.Timeout | undefined;
  #unparkTimer: NodeJS.Timeout | undefined;

  constructor(deps: FeedDeps) {
    this.#deps = deps;
    this.#hooks = {
      develop: (picture, viewer) => this.#develop(picture, viewer),
      info: (picture, viewer) => this.#info(picture, viewer),
      onPace: () => this.sync(),
    };
  }

  /** A viewer's first pictures, or its first after the page became ready. */
  async welcome(viewer: Viewer): Promise<void> {
    viewer.attach(this.#hooks);
    this.sync();
    // A page that does not answer gives no picture for seconds: who comes is told that at once. Older clients count on one.
    const isStuck = this.#deps.page()?.condition !== "page_responsive" && !viewer.plain;
    const picture = isStuck ? null : await this.#take(viewer);
    if (this.#deps.viewers.has(viewer)) await viewer.welcome(picture);
  }

  /** Somebody drags: the next picture may show it. */
  moved(): void {
    this.#movedAt ??= performance.now();
  }

  /** A picture of the page: the newest wins. */
  show(picture: Picture): void {
    if (this.#movedAt !== null) publishMetric("move_to_picture", performance.now() - this.#movedAt);
    this.#movedAt = null;
    this.#last = picture;
    for (const viewer of this.#deps.viewers) viewer.show(picture);
    this.sync();
  }

  /** The challenge has moved, came or went. */
  challengeMoved(): void {
    for (const viewer of this.#deps.viewers) {
      if (viewer.lens.mode === "challenge") viewer.viewChanged();
      else viewer.oweInfo();
    }
    void this.#payInfo();
  }

  /** [W14] */
  setLens(viewer: Viewer, wanted: LensWish): void {
    const { mode = viewer.lens.mode, scale = viewer.lens.scale } = wanted;
    const lens = { mode, scale };
    if (lens.mode === viewer.lens.mode && lens.scale === viewer.lens.scale) return;
    const isOther = lens.mode !== viewer.lens.mode;
    viewer.setLens(lens);
    if (isOther) viewer.viewChanged();
    this.sync();
    // On a page at rest nothing new may come: where another viewer has what this one wants, say.
    if (this.#last?.kind === "still") void this.#showAgain(viewer);
    if (isOther) void this.#payInfo();
  }

  /** Brings what the page captures in line with who watches, what they want, and whether they can take it. */
  sync(): void {
    const { viewers } = this.#deps;
    const page = this.#deps.page();
    // Nothing tells of changes while nobody watches: the next one to join gets a picture taken then.
    if (viewers.size === 0) {
      this.#last = null;
      this.#retakes.stop();
    }
    if (!page) return;
    const request = requestOf(viewers);
    if (!isSame(this.#request, request)) page.setCaptureRequest(request);
    this.#request = request;
    if (request === null) this.#stopCapture(page);
    else if ([...viewers].some((viewer) => viewer.isFree)) this.#goOn(page);
    else if (this.#isCapturing) this.#stopTimer ??= setTimeout(() => this.#stopCapture(page), STOP_AFTER_MS);
  }

  /** The session is over. */
  stop(): void {
    this.#retakes.stop();
    this.#clearTimers();
  }

  #clearTimers(): void {
    clearTimeout(this.#stopTimer);
    clearTimeout(this.#unparkTimer);
  }

  #goOn(page: ChallengePage): void {
    clearTimeout(this.#stopTimer);
    this.#stopTimer = undefined;
    if (this.#isCapturing) return;
    this.#isCapturing = true;
    page.setCapturing(true);
    this.#unparkTimer = setTimeout(() => {
      for (const viewer of this.#deps.viewers) viewer.unpark();
      this.sync();
    }, FIRST_PICTURE_MS);
  }

  #stopCapture(page: ChallengePage): void {
    this.#clearTimers();
    this.#stopTimer = undefined;
    this.#isCapturing = false;
    page.setCapturing(false);
    for (const viewer of this.#deps.viewers) viewer.park();
  }

  #develop(picture: Picture, viewer: Viewer): Picture | Promise<Picture | null> {
    if (viewer.role === "watch") return this.#mask(picture, viewer);
    const { mode, scale } = viewer.lens;
    const page = this.#deps.page();
    if (!page || (picture.scale <= scale && sameRect(picture.view, page.view(mode)))) return picture;
    return page.cut(picture, mode, scale).catch(() => null);
  }

  /** What a watcher sees of a picture. What it must not see yet it is shown a moment later. */
  async #mask(picture: Picture, viewer: Viewer): Promise<Picture | null> {
    const { mode, scale } = viewer.lens;
    const masked = await this.#deps
      .page()
      ?.masked(picture, mode, scale)
      .catch(() => null);
    if (masked?.isWhole) this.#retakes.shown(viewer);
    else this.#missed(viewer);
    return masked?.picture ?? null;
  }

  #info(picture: Picture | null, viewer: Viewer): ServerMessageOf<"session_info"> {
    const { record } = this.#deps;
    const page = this.#deps.page();
    const screenshot = picture ? base64Of(picture) : null;
    return {
      type: "session_info",
      session_id: record.session_id,
      ...(viewer.form === "binary" ? {} : { screenshot }),
      // Of a page that is being come back to, what was last known.
      captcha_info: page ? page.challenge : record.captcha_info,
      viewport: record.viewport,
      view: picture?.view ?? page?.view(viewer.lens.mode) ?? { x: 0, y: 0, ...record.viewport },
      state: record.state,
      role: viewer.role,
      instructions: record.instructions,
      label: record.label,
      expires_at: new Date(record.expires_at).toISOString(),
      seq: viewer.form === "binary" ? 0 : (picture?.seq ?? 0),
      ...(viewer.plain ? {} : { confirms: true }),
    };
  }

  /** Whoever is still owed a session_info after a while gets it with a picture taken for it. */
  async #payInfo(): Promise<void> {
    await delay(VIEW_PICTURE_PATIENCE_MS, undefined, { ref: false });
    for (const viewer of this.#deps.viewers) if (viewer.owesInfo) await this.#showAgain(viewer);
  }

  async #showAgain(viewer: Viewer): Promise<void> {
    const picture = await this.#take(viewer);
    if (picture && this.#deps.viewers.has(viewer)) viewer.show(picture);
  }

  /** A picture taken for this viewer; null where the page gives none. */
  async #take(viewer: Viewer): Promise<Picture | null> {
    const { mode, scale } = viewer.lens;
    const isWatcher = viewer.role === "watch";
    const taken = this.#deps.page()?.picture(mode, scale, isWatcher);
    const picture = (await taken?.catch(() => null)) ?? null;
    if (!picture && isWatcher) this.#missed(viewer);
    return picture;
  }

  #missed(viewer: Viewer): void {
    if (this.#deps.page() && this.#deps.viewers.has(viewer)) this.#retakes.missed(viewer);
  }
}

function requestOf(viewers: ReadonlySet<Viewer>): CaptureRequest | null {
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

/** The fastest line sets the quality; the slow skip more pictures. Nobody's pictures are smaller than it can take. */
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
