// The operator's own verdict: Done, which the page may contradict, and "I can't", which has to be confirmed.

import { byId, setText } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/** The server checks at once, but its verdict has to hold for a while (`stable_ms`) before it counts. */
const VERDICT_DEADLINE_MS = 8_000;

/** The id of the Done message, so that a refusal of another message is not taken for its answer. */
const DONE_ID = "done";

/**
 * @typedef {object} FinishPort
 * @property {(message: ClientMessage) => boolean} send
 * @property {(sentence: () => string) => void} log
 * @property {import("./toast.js").Toast} toast
 */

export class FinishControls {
  #port;
  #done = byId("done", HTMLButtonElement);
  #doneText = byId("done-text", HTMLElement);
  #dialog = byId("cannot-dialog", HTMLDialogElement);
  #note = byId("cannot-note", HTMLTextAreaElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #verdictTimer;

  /** @param {FinishPort} port */
  constructor(port) {
    this.#port = port;
    this.#done.addEventListener("click", () => this.#askVerdict());
    byId("cannot", HTMLButtonElement).addEventListener("click", () => this.#dialog.showModal());
    byId("cannot-back", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    byId("cannot-confirm", HTMLButtonElement).addEventListener("click", () => this.#giveUp());
  }

  /** Whether an answer to Done is due. */
  get waits() {
    return this.#verdictTimer !== undefined;
  }

  /** The answer to Done where it is not the end. @param {string} reason a code or a sentence of the server */
  notSolved(reason) {
    if (!this.waits) return;
    this.settle();
    this.#port.log(() => t("log_not_solved", { why: codeWords(reason) }));
    this.#port.toast.announce(t("not_solved"));
  }

  /** The server refused a message. @param {string | number | undefined} replyTo its id */
  refused(replyTo) {
    if (replyTo === DONE_ID) this.settle();
  }

  /** No answer to Done is due any more: it came, or the connection was lost. */
  settle() {
    clearTimeout(this.#verdictTimer);
    this.#verdictTimer = undefined;
    this.render();
  }

  /** The session has ended: there is nothing to confirm any more. */
  close() {
    this.settle();
    this.#port.toast.hide();
    if (this.#dialog.open) this.#dialog.close();
  }

  render() {
    this.#done.setAttribute("aria-busy", String(this.waits));
    setText(this.#doneText, t(this.waits ? "done_busy" : "done"));
  }

  #askVerdict() {
    if (this.waits || !this.#port.send({ type: "finish", outcome: "done", id: DONE_ID })) return;
    this.#port.log(() => t("log_done_sent"));
    this.#port.toast.hide();
    this.#verdictTimer = setTimeout(() => {
      this.settle();
      this.#port.toast.announce(t("no_verdict"));
    }, VERDICT_DEADLINE_MS);
    this.render();
  }

  #giveUp() {
    const note = this.#note.value.trim();
    const sent = this.#port.send({ type: "finish", outcome: "cannot", ...(note === "" ? {} : { note }) });
    this.#dialog.close();
    if (sent) this.#port.log(() => t("log_cannot_sent"));
  }
}
