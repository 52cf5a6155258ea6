// The operator's own verdict: Done, which the page may contradict, "I can't", which has to be confirmed, and the answer to "It went on. Done?".

import { byId, setText } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/** The server checks at once, but its verdict has to hold for a while (`stable_ms`) before it counts. */
const VERDICT_DEADLINE_MS = 8_000;

/** The server would accept Done, but the page contradicts it: the person is asked once more. */
const CONFIRM_NEEDED = "confirm_needed";

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
  #cannotDialog = byId("cannot-dialog", HTMLDialogElement);
  #confirmDialog = byId("confirm-dialog", HTMLDialogElement);
  #note = byId("cannot-note", HTMLTextAreaElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #verdictTimer;
  /** When the page moved on; null: nothing is asked. @type {string | null} */
  #movedOnAt = null;
  /** The `#movedOnAt` that the person has answered. @type {string | null} */
  #answeredAt = null;

  /** @param {FinishPort} port */
  constructor(port) {
    this.#port = port;
    this.#done.addEventListener("click", () => this.#askVerdict());
    onClick("cannot", () => this.#cannotDialog.showModal());
    onClick("cannot-back", () => this.#cannotDialog.close());
    onClick("cannot-confirm", () => this.#giveUp());
    onClick("confirm-back", () => this.#confirmDialog.close());
    onClick("confirm-done", () => this.#confirm());
    onClick("moved-on-no", () => this.#answerMovedOn());
    onClick("moved-on-yes", () => {
      this.#answerMovedOn();
      this.#askVerdict();
    });
  }

  /** Whether an answer to Done is due. */
  get waits() {
    return this.#verdictTimer !== undefined;
  }

  /** The answer to Done where it is not the end. @param {string} reason a code or a sentence of the server */
  notEnded(reason) {
    if (!this.waits) return;
    this.settle();
    if (reason === CONFIRM_NEEDED) {
      this.#confirmDialog.showModal();
      return;
    }
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
    for (const dialog of [this.#cannotDialog, this.#confirmDialog]) if (dialog.open) dialog.close();
  }

  /** @param {string | null} [movedOnAt] when the page moved on, if the person may say whether that was the end */
  render(movedOnAt = this.#movedOnAt) {
    this.#movedOnAt = movedOnAt;
    document.body.classList.toggle(
      "asks-moved-on",
      movedOnAt !== null && movedOnAt !== this.#answeredAt && !this.waits,
    );
    this.#done.setAttribute("aria-busy", String(this.waits));
    setText(this.#doneText, t(this.waits ? "done_busy" : "done"));
  }

  #askVerdict(confirm = false) {
    const confirmed = confirm ? { confirm } : {};
    if (this.waits || !this.#port.send({ type: "finish", outcome: "done", id: DONE_ID, ...confirmed })) return;
    this.#port.log(() => t(confirm ? "log_done_again" : "log_done_sent"));
    this.#port.toast.hide();
    this.#verdictTimer = setTimeout(() => {
      this.settle();
      this.#port.toast.announce(t("no_verdict"));
    }, VERDICT_DEADLINE_MS);
    this.render();
  }

  #confirm() {
    this.#confirmDialog.close();
    this.#askVerdict(true);
  }

  /** The question is answered, until the page moves on once more. */
  #answerMovedOn() {
    this.#answeredAt = this.#movedOnAt;
    this.render();
  }

  #giveUp() {
    const note = this.#note.value.trim();
    const sent = this.#port.send({ type: "finish", outcome: "cannot", ...(note === "" ? {} : { note }) });
    this.#cannotDialog.close();
    if (sent) this.#port.log(() => t("log_cannot_sent"));
  }
}

/** @param {string} id @param {() => void} act */
function onClick(id, act) {
  byId(id, HTMLButtonElement).addEventListener("click", act);
}
