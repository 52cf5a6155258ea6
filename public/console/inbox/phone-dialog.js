// Hands a session on to a phone at hand: the QR code of a link that is valid for some minutes.

import { createLink } from "../shared/api.js";
import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

/** A claim lasts a minute if no operator joins. */
const HOLD_EVERY_MS = 30_000;
/** Names by which a machine means itself: useless to a phone. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export class PhoneDialog {
  #consoleUrl;
  #onHold;
  #dialog = byId("phone-dialog", HTMLDialogElement);
  #code = byId("phone-code", HTMLCanvasElement);
  #link = byId("phone-link", HTMLInputElement);
  #trouble = byId("phone-trouble", HTMLElement);
  #id = "";
  /** Rendered again in another language. */
  #words = () => "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #holding;

  /** @param {ConsoleUrl} consoleUrl @param {(id: string) => void} onHold keeps the claim for the person with the phone */
  constructor(consoleUrl, onHold) {
    this.#consoleUrl = consoleUrl;
    this.#onHold = onHold;
    byId("phone-close", HTMLButtonElement).addEventListener("click", () => this.close());
    this.#link.addEventListener("focus", () => this.#link.select());
    // A person who sees the screen later must not find the link.
    this.#dialog.addEventListener("close", () => this.isOpen || this.#forget());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** @param {string} id @param {string} key */
  async show(id, key) {
    this.#forget();
    this.#id = id;
    this.translate();
    this.#dialog.showModal();
    this.#holding = setInterval(() => this.#onHold(id), HOLD_EVERY_MS);
    const link = await this.#fetch(id, key).catch((/** @type {Error} */ failure) => failure);
    // The dialog was closed, or opened for another session, meanwhile.
    if (this.#id !== id) return;
    if (link instanceof Error) this.#words = () => t("phone_failed", { why: link.message });
    else this.#draw(link);
    this.translate();
  }

  /** Closes by itself once an operator has joined. @param {readonly SessionListItem[]} sessions */
  update(sessions) {
    const session = sessions.find(({ session_id }) => session_id === this.#id);
    if (this.isOpen && (!session || session.operators > 0)) this.close();
  }

  close() {
    this.#dialog.close();
    // The close event comes later.
    this.#forget();
  }

  translate() {
    setText(this.#trouble, this.#words());
    setVisible(this.#trouble, this.#words() !== "");
  }

  /** @param {string} id @param {string} key */
  async #fetch(id, key) {
    const { url, qr } = await createLink(this.#consoleUrl.base, key, id);
    const png = Uint8Array.from(atob(qr.slice(qr.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
    return { url, code: await createImageBitmap(new Blob([png], { type: "image/png" })) };
  }

  /** @param {{ url: string, code: ImageBitmap }} link */
  #draw({ url, code }) {
    Object.assign(this.#code, { width: code.width, height: code.height });
    this.#code.getContext("2d")?.drawImage(code, 0, 0);
    code.close();
    setVisible(this.#code, true);
    this.#link.value = url;
    if (LOOPBACK.test(new URL(url).hostname)) this.#words = () => t("phone_loopback");
  }

  #forget() {
    clearInterval(this.#holding);
    this.#id = "";
    this.#words = () => "";
    this.#code.width = 0;
    setVisible(this.#code, false);
    this.#link.value = "";
  }
}
