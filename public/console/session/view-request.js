// The view that this console asks for: the challenge or the whole page, in the density that its screen can show. No DOM in here.

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {"challenge" | "page"} ViewMode */

/**
 * @typedef {object} ViewPort what the request needs of the page
 * @property {(message: ClientMessage) => boolean} send
 * @property {(view: Size) => number} scaleFor picture px per CSS px that this view deserves on this screen
 */

export class ViewRequest {
  #port;
  /** @type {ViewMode} */
  #mode = "challenge";
  /** The known sizes of the views; each connection begins with the challenge. @type {Record<ViewMode, Size | null>} */
  #sizes = { challenge: null, page: null };
  #joined = false;
  /** The request that this connection has carried. @type {{ mode: ViewMode, scale: number } | null} */
  #sent = null;

  /** @param {ViewPort} port */
  constructor(port) {
    this.#port = port;
  }

  /** Outlives the connection: after a reconnect the same view is requested. */
  get mode() {
    return this.#mode;
  }

  /** @param {ViewMode} mode */
  choose(mode) {
    this.#mode = mode;
    this.update();
  }

  /** A `session_info` says what the session shows. @param {Size} view @param {Size} viewport */
  onSessionInfo(view, viewport) {
    this.#joined = true;
    this.#sizes.page = viewport;
    // A server that was offered the page begins with it.
    const isChallenge = this.#mode === "challenge" || (this.#sent === null && !isSameSize(view, viewport));
    this.#sizes.challenge = isChallenge ? view : (this.#sizes.challenge ?? view);
    this.update();
  }

  /** The connection is lost. */
  forget() {
    this.#joined = false;
    this.#sent = null;
  }

  /** Sends the request if it has changed; also called when the screen's size or density has changed. */
  update() {
    const size = this.#sizes[this.#mode];
    if (!this.#joined || size === null) return;
    const request = { mode: this.#mode, scale: this.#port.scaleFor(size) };
    if (this.#sent?.mode === request.mode && this.#sent.scale === request.scale) return;
    if (this.#port.send({ type: "view", ...request })) this.#sent = request;
  }
}

/** @param {Size} a @param {Size} b */
function isSameSize(a, b) {
  return a.width === b.width && a.height === b.height;
}
