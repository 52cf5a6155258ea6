// The connection to a session and its pictures on the screen. It begins before the rest of the page is loaded, which then
// takes it over and hears all that has come so far.

import { socketUrl } from "../../../src/client/console-url.ts";
import {
  BINARY_PROTOCOL,
  DAMAGE_PROTOCOL,
  JSON_PROTOCOL,
  OperatorConnection,
} from "../../../src/client/operator-connection.ts";
import { decodeFrame } from "../../../src/client/picture-frame.ts";
import { bearersFor, isOpenToAll, ticketsFor } from "../shared/credentials.js";
import { byId } from "../shared/dom.js";
import { Screen } from "./screen.js";

/** @import { ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("../../../src/client/operator-connection.ts").ConnectionState} ConnectionState */
/** @typedef {import("./screen.js").Picture} Picture */

/**
 * @typedef {object} PictureListener what the page hears
 * @property {(state: ConnectionState) => void} onState
 * @property {(message: ServerMessage & { timestamp?: number, reply_to?: string | number }, now: number) => void} onMessage
 *   `now` is when it came, ms since 1970
 * @property {(picture: Picture) => void} onShown a picture is on the screen; of those from before only the last
 * @property {(isFormat: boolean) => void} onUnreadable a picture cannot be read; `isFormat`: its message is none of a picture
 * @property {() => void} onRoom the room for pictures, or the size of a pixel, has changed
 * @property {() => boolean} isPressed a drag is under way
 */

export class LivePicture {
  /** Resolves when the first picture is on the screen, or none is under way. @type {Promise<void>} */
  settled;
  connection;
  screen;
  /** @type {PictureListener | null} */
  #page = null;
  /** What the page has not heard yet. @type {((page: PictureListener) => void)[]} */
  #heard = [];
  #isPainted = false;
  /** @type {() => void} */
  #settle = () => {};

  /** @param {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl */
  constructor(consoleUrl) {
    this.settled = new Promise((settle) => {
      this.#settle = settle;
    });
    this.screen = new Screen(byId("screen", HTMLCanvasElement), byId("well", HTMLElement), {
      onShown: (picture) => this.#onShown(picture),
      onDamaged: (picture) => this.#onDamaged(picture),
      isPressed: () => this.#page?.isPressed() ?? false,
      onRoom: () => this.#page?.onRoom(),
    });
    const isKnown = isOpenToAll() || bearersFor(consoleUrl).length > 0;
    this.connection = new OperatorConnection({
      url: socketUrl(consoleUrl, location),
      ticket: ticketsFor(consoleUrl),
      profile: "operator",
      protocols: [DAMAGE_PROTOCOL, BINARY_PROTOCOL, JSON_PROTOCOL],
      features: ["dialogs", "sign_in", "pickers", "files", "clipboard", "sound", "focus", "windows"],
      // A ticket may expire on a slow network: the next one shows at once whether the token or key is still good.
      retries: { authentication: { atOnce: true, tries: isKnown ? 1 : 0 } },
    });
    this.connection.on("state", (state) => this.#onState(state));
    this.connection.on("message", (message) => this.#onMessage(message));
    this.connection.on("binary", (data) => this.#onBinary(data));
    this.connection.open();
  }

  /** @param {PictureListener} page hears all from here on, and at once what it has missed */
  takeOver(page) {
    this.#page = page;
    for (const tell of this.#heard.splice(0)) tell(page);
    if (this.screen.shown !== null) page.onShown(this.screen.shown);
  }

  /** @param {(page: PictureListener) => void} tell */
  #tell(tell) {
    if (this.#page === null) this.#heard.push(tell);
    else tell(this.#page);
  }

  /** @param {ConnectionState} state */
  #onState(state) {
    if (state.name !== "CONNECTED") this.screen.forget();
    if (state.name !== "CONNECTED" && state.name !== "CONNECTING") this.#settle();
    this.#tell((page) => page.onState(state));
  }

  /** @param {ServerMessage} message */
  #onMessage(message) {
    const now = Date.now();
    if (message.type === "screenshot_update") {
      const { screenshot: jpeg, view, seq, kind } = message;
      this.screen.offer({ jpeg, view, seq, kind });
    }
    if (message.type === "session_info") {
      const { screenshot: jpeg, view, seq } = message;
      this.screen.expect(message.viewport, view);
      if (jpeg) this.screen.offer({ jpeg, view, seq: seq || undefined, kind: undefined });
      if (message.state === "starting") this.#settle();
    }
    this.#tell((page) => page.onMessage(message, now));
  }

  /** @param {ArrayBuffer} data */
  #onBinary(data) {
    const frame = decodeFrame(data);
    if (frame === null) {
      this.#tell((page) => page.onUnreadable(true));
      return;
    }
    this.screen.offer({ ...frame.header, jpeg: frame.jpeg });
  }

  /** @param {Picture} picture */
  #onShown(picture) {
    this.#acknowledge(picture);
    document.body.classList.add("has-picture");
    this.#page?.onShown(picture);
    if (this.#isPainted) return;
    this.#isPainted = true;
    // The task after the frame: the picture is painted then.
    requestAnimationFrame(() => setTimeout(this.#settle));
  }

  /** A picture that cannot be read is acknowledged, too: otherwise it would hold back the next ones. @param {Picture} picture */
  #onDamaged(picture) {
    this.#acknowledge(picture, true);
    this.#tell((page) => page.onUnreadable(false));
  }

  /** @param {Picture} picture @param {boolean} [whole] it could not be drawn: a whole one may follow [W63] */
  #acknowledge({ seq }, whole) {
    if (seq !== undefined) this.connection.send({ type: "ack", seq, whole });
  }
}
