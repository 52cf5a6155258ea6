/** Which picture of one page goes out to one viewer next: the newest that its connection can take, never a queue. */
import type { ServerMessageOf } from "../../protocol/live.ts";
import { MAX_PICTURE_BYTES, type Picture } from "../ports/page.ts";
import type { Viewer } from "./viewer.ts";

interface PictureSenderDeps {
  readonly viewer: Viewer;
  /** What the viewer sees of a picture: at once where that is all of it; null where nothing of it may be shown. */
  readonly render: (picture: Picture) => Picture | Promise<Picture | null>;
  /** The viewer's session_info; where its pictures are binary, without the picture in it. */
  readonly info: (picture: Picture | null) => ServerMessageOf<"session_info">;
  /** Whether it is free, or how fine its pictures should be, may have changed. */
  readonly onChange: () => void;
}

type Queued =
  | { readonly kind: "idle" }
  /** The newest picture, for which there is no room yet. */
  | { readonly kind: "waiting"; readonly picture: Picture }
  /** Capturing has stopped: the picture grows old, and goes out only if no newer one comes once capturing goes on. */
  | { readonly kind: "paused"; readonly picture: Picture };

type State =
  | Queued
  /** A picture is being cut or masked; where it is stale another view is due, and it is not sent. `next` follows it. */
  | { readonly kind: "rendering"; readonly isStale: boolean; readonly next: Queued }
  /** The viewer or the page is gone: nothing is sent any more. */
  | { readonly kind: "stopped" };

const IDLE = { kind: "idle" } as const;

export class PictureSender {
  readonly #deps: PictureSenderDeps;
  readonly #viewer: Viewer;
  #state: State = IDLE;
  /** [W20] The next picture comes with a session_info: the viewer does not know yet what it shows. */
  #needsSessionInfo = false;
  /** Number of the picture that the viewer has of its present view. */
  #shown: number | null = null;
  #heldUntil = 0;
  #holdTimer: NodeJS.Timeout | undefined;

  constructor(deps: PictureSenderDeps) {
    this.#deps = deps;
    this.#viewer = deps.viewer;
  }

  get needsSessionInfo(): boolean {
    return this.#needsSessionInfo;
  }

  /** Whether a picture that was captured now could leave now. */
  get isFree(): boolean {
    return (this.#state.kind === "idle" || this.#state.kind === "paused") && this.#hasRoom;
  }

  /** Sends a session_info with this picture; everything else that waits for the viewer comes after its first. */
  async welcome(captured: Picture | null): Promise<void> {
    const picture = captured && (await this.#deps.render(captured));
    if (this.#state.kind === "stopped") return;
    this.#sendInfo(picture && this.#mayGo(picture) ? picture : null);
    this.#viewer.sendEarly();
    this.next();
  }

  /** Sends this picture when there is room for it, unless a newer one comes first. */
  show(picture: Picture): void {
    this.#queue({ kind: "waiting", picture });
    this.#sendWaiting();
  }

  /** Capturing has stopped. */
  pause(): void {
    this.#changeQueued((queued) => (queued.kind === "waiting" ? { ...queued, kind: "paused" } : queued));
  }

  /** Capturing goes on, and has brought nothing newer. */
  resume(): void {
    this.#changeQueued((queued) => (queued.kind === "paused" ? { ...queued, kind: "waiting" } : queued));
    this.#sendWaiting();
  }

  /** The viewer is to see another part of the page from now on: no picture so far is of it. */
  viewChanged(): void {
    this.#queue(IDLE);
    this.lensChanged();
    this.infoChanged();
  }

  /** The viewer is to see pictures of another size from now on: even the one that it has is sent again. */
  lensChanged(): void {
    if (this.#state.kind === "rendering") this.#state = { ...this.#state, isStale: true };
    this.#shown = null;
  }

  /** What the last session_info says does not hold any more. */
  infoChanged(): void {
    this.#needsSessionInfo = true;
  }

  /** There may be room now. */
  next(): void {
    this.#sendWaiting();
    this.#deps.onChange();
  }

  /** Sends no pictures for so long; the newest one follows then. */
  hold(ms: number): void {
    this.#heldUntil = performance.now() + ms;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.next(), ms + 1);
  }

  stop(): void {
    clearTimeout(this.#holdTimer);
    this.#state = { kind: "stopped" };
  }

  get #hasRoom(): boolean {
    return this.#viewer.hasRoom && performance.now() >= this.#heldUntil;
  }

  #queue(queued: Queued): void {
    this.#changeQueued(() => queued);
  }

  #changeQueued(change: (queued: Queued) => Queued): void {
    const state = this.#state;
    if (state.kind === "stopped") return;
    this.#state = state.kind === "rendering" ? { ...state, next: change(state.next) } : change(state);
  }

  #sendWaiting(): void {
    if (this.#state.kind !== "waiting" || !this.#hasRoom) return;
    const { picture } = this.#state;
    this.#state = IDLE;
    // Something newer has gone out meanwhile, or this very picture: two viewers that asked share one that is taken.
    const isShown = picture.seq === this.#shown && !this.#needsSessionInfo;
    if (isShown || picture.seq < this.#viewer.lastSent) return;
    const rendered = this.#deps.render(picture);
    if (rendered instanceof Promise) {
      this.#state = { kind: "rendering", isStale: false, next: IDLE };
      void this.#sendOnce(rendered);
    } else {
      this.#send(rendered);
    }
  }

  async #sendOnce(rendering: Promise<Picture | null>): Promise<void> {
    const picture = await rendering.catch(() => null);
    const state = this.#state;
    if (state.kind !== "rendering") return;
    this.#state = state.next;
    if (picture && !state.isStale) this.#send(picture);
    this.next();
  }

  #send(picture: Picture): void {
    const mayGo = this.#mayGo(picture);
    if (this.#needsSessionInfo) {
      this.#sendInfo(mayGo ? picture : null);
    } else if (mayGo) {
      this.#viewer.sendPicture(picture);
      this.#shown = picture.seq;
    }
  }

  #sendInfo(picture: Picture | null): void {
    this.#needsSessionInfo = false;
    this.#viewer.sendInfo(this.#deps.info(picture), picture);
    if (picture) this.#shown = picture.seq;
  }

  #mayGo({ jpeg, scale }: Picture): boolean {
    return jpeg.length <= MAX_PICTURE_BYTES && (scale === 1 || !this.#viewer.plain);
  }
}
