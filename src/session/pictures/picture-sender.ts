/** Sends the pictures of one page to one viewer: always the newest that its connection can take, never a queue. */
import type { ServerMessageOf } from "../../protocol/live.ts";
import { type Damage, MAX_PICTURE_BYTES, type Picture } from "../ports/page.ts";
import type { Change, Viewer } from "./viewer.ts";

interface PictureSenderDeps {
  readonly viewer: Viewer;
  /** What the viewer sees of a picture: the picture itself if that is all of it; null if it may see nothing. */
  readonly render: (picture: Picture) => Picture | Promise<Picture | null>;
  /** [W63] What has changed between two pictures as the viewer sees them; null: the second one goes whole. */
  readonly damage: (before: Picture, picture: Picture) => Promise<Damage | null>;
  /** The viewer's session_info, without the picture for a binary viewer. */
  readonly info: (picture: Picture | null) => ServerMessageOf<"session_info">;
  /** `isFree` or the level of the viewer's connection may have changed. */
  readonly onChange: () => void;
}

type Queued =
  | { readonly kind: "idle" }
  /** The newest picture, for which there is no room yet. */
  | { readonly kind: "waiting"; readonly picture: Picture }
  /** Capturing has stopped: the picture grows old, and is sent only if no newer one comes when capturing resumes. */
  | { readonly kind: "paused"; readonly picture: Picture };

type State =
  | Queued
  /** A picture is being cut, masked or compared; a stale one is of an old view, and is not sent. `next` follows it. */
  | { readonly kind: "rendering"; readonly isStale: boolean; readonly next: Queued }
  /** The viewer or the page is gone: nothing is sent any more. */
  | { readonly kind: "stopped" };

/** A picture as it is sent; `change`: of it, only what has changed [W63]. */
interface Outgoing {
  readonly picture: Picture;
  readonly change: Change | null;
}

const IDLE = { kind: "idle" } as const;

export class PictureSender {
  readonly #deps: PictureSenderDeps;
  readonly #viewer: Viewer;
  #state: State = IDLE;
  /** [W20] The next picture comes with a session_info: the viewer does not know yet what it shows. */
  #needsSessionInfo = false;
  /** How often the view has changed. */
  #views = 0;
  /** The number of the picture that the viewer has of its present view; null if it has none. */
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

  /** Whether a picture captured now could be sent at once. */
  get isFree(): boolean {
    // While a picture is compared, the next one is captured: else the capture stops and starts for each.
    const state = this.#state.kind === "rendering" && this.#viewer.takesDamage ? this.#state.next : this.#state;
    return (state.kind === "idle" || state.kind === "paused") && this.#hasRoom;
  }

  /** Sends a session_info with this picture, then the messages that waited for the viewer's first one. */
  async welcome(captured: Picture | null): Promise<void> {
    const views = this.#views;
    const picture = captured && (await this.#deps.render(captured));
    if (this.#state.kind === "stopped") return;
    const isStale = views !== this.#views;
    this.#sendInfo(picture && !isStale && this.#mayGo(picture) ? picture : null);
    if (isStale) this.infoChanged();
    this.#viewer.sendEarly();
    this.next();
  }

  /** Sends this picture when there is room for it, unless a newer one comes first. */
  show(picture: Picture): void {
    this.#queue({ kind: "waiting", picture });
    this.#sendWaiting();
  }

  /** Keeps a waiting picture back: capturing has stopped. */
  pause(): void {
    this.#changeQueued((queued) => (queued.kind === "waiting" ? { ...queued, kind: "paused" } : queued));
  }

  /** Sends a paused picture: capturing has resumed, and nothing newer came. */
  resume(): void {
    this.#changeQueued((queued) => (queued.kind === "paused" ? { ...queued, kind: "waiting" } : queued));
    this.#sendWaiting();
  }

  /** The viewer sees another part of the page from now on: drops all pictures so far. */
  viewChanged(): void {
    this.#views += 1;
    this.#queue(IDLE);
    this.lensChanged();
    this.infoChanged();
  }

  /** The viewer sees pictures of another scale from now on: even the one that it has is sent again. */
  lensChanged(): void {
    if (this.#state.kind === "rendering") this.#state = { ...this.#state, isStale: true };
    this.#shown = null;
    this.#viewer.forgetCanvas();
  }

  /** The viewer's last session_info is out of date: the next picture comes with a new one. */
  infoChanged(): void {
    this.#needsSessionInfo = true;
  }

  /** Sends a waiting picture if there is room now. */
  next(): void {
    this.#sendWaiting();
    this.#deps.onChange();
  }

  /** Sends no picture for `ms`, then the newest. */
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
    // A newer picture was sent meanwhile, or this very one: two viewers that asked share one that is taken.
    const isShown = picture.seq === this.#shown && !this.#needsSessionInfo;
    if (isShown || picture.seq < this.#viewer.lastSent) return;
    const outgoing = this.#outgoing(picture);
    if (outgoing instanceof Promise) {
      this.#state = { kind: "rendering", isStale: false, next: IDLE };
      void this.#sendOnce(outgoing);
    } else {
      this.#send(outgoing);
    }
  }

  #outgoing(picture: Picture): Outgoing | Promise<Outgoing | null> {
    const rendered = this.#deps.render(picture);
    if (rendered instanceof Promise) return rendered.then((shown) => shown && this.#compared(shown));
    return this.#compared(rendered);
  }

  /** After cutting and masking: a viewer gets nothing of the page but what it may see. */
  #compared(picture: Picture): Outgoing | Promise<Outgoing> {
    const base = this.#needsSessionInfo ? null : this.#viewer.baseFor(picture);
    if (!base) return { picture, change: null };
    return this.#deps.damage(base, picture).then((damage) => ({ picture, change: damage && { base, damage } }));
  }

  async #sendOnce(rendering: Promise<Outgoing | null>): Promise<void> {
    const outgoing = await rendering.catch(() => null);
    const state = this.#state;
    if (state.kind !== "rendering") return;
    this.#state = state.next;
    if (outgoing && !state.isStale) this.#send(outgoing);
    this.next();
  }

  #send({ picture, change }: Outgoing): void {
    const mayGo = this.#mayGo(picture);
    if (this.#needsSessionInfo) {
      this.#sendInfo(mayGo ? picture : null);
    } else if (mayGo) {
      if (!change || !this.#viewer.sendDamage(picture, change)) this.#viewer.sendPicture(picture);
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
