// What this viewer asks to see: the challenge or the whole page, in the density its screen can show. No DOM in here.

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {"challenge" | "page"} ViewMode */

/**
 * @typedef {object} ViewPort what the wish needs of the rest
 * @property {(message: ClientMessage) => boolean} send
 * @property {(view: Size) => number} scaleFor picture px per CSS px that this view deserves on this screen
 */

export class ViewWish {
  #port;
  /** @type {ViewMode} */
  #mode = "challenge";
  /** The sizes known of what can be shown; each line begins with the challenge. @type {Record<ViewMode, Size | null>} */
  #sizes = { challenge: null, page: null };
  #joined = false;
  /** What this line has been told. @type {{ mode: ViewMode, scale: number } | null} */
  #told = null;

  /** @param {ViewPort} port */
  constructor(port) {
    this.#port = port;
  }

  /** Outlives the line: after a reconnect the same is asked for again. */
  get mode() {
    return this.#mode;
  }

  /** @param {ViewMode} mode */
  choose(mode) {
    this.#mode = mode;
    this.tell();
  }

  /** The session said what it shows. @param {Size} view @param {Size} viewport */
  informed(view, viewport) {
    this.#joined = true;
    this.#sizes.page = viewport;
    // A server that was offered the page begins with it.
    const isChallenge = this.#mode === "challenge" || (this.#told === null && !isSameSize(view, viewport));
    this.#sizes.challenge = isChallenge ? view : (this.#sizes.challenge ?? view);
    this.tell();
  }

  /** The line is gone. */
  forget() {
    this.#joined = false;
    this.#told = null;
  }

  /** Says what is wanted, if that is news: also called when the screen's size or density has changed. */
  tell() {
    const size = this.#sizes[this.#mode];
    if (!this.#joined || size === null) return;
    const wish = { mode: this.#mode, scale: this.#port.scaleFor(size) };
    if (this.#told?.mode === wish.mode && this.#told.scale === wish.scale) return;
    if (this.#port.send({ type: "view", ...wish })) this.#told = wish;
  }
}

/** @param {Size} a @param {Size} b */
function isSameSize(a, b) {
  return a.width === b.width && a.height === b.height;
}
