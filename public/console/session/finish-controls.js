// The operator's own word: Done, which the page may contradict, and "I can't", which is asked back once.

import { part, say } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/** The server looks at once, but a verdict has to hold for a while (`stable_ms`) before it counts. */
const VERDICT_DEADLINE_MS = 8_000;

/** Names our Done, so that a refusal of something else is not taken for its answer. */
const DONE_ID = "done";

/**
 * @typedef {object} FinishPort
 * @property {(message: ClientMessage) => boolean} send
 * @property {(sentence: () => string) => void} tell a line for the log
 * @property {import("./toast.js").Notice} notice
 */

export class Finish {
  #port;
  #done = part("done", HTMLButtonElement);
  #doneText = part("done-text", HTMLElement);
  #dialog = part("cannot-dialog", HTMLDialogElement);
  #note = part("cannot-note", HTMLTextAreaElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #verdictTimer;

  /** @param {FinishPort} port */
  constructor(port) {
    this.#port = port;
    this.#done.addEventListener("click", () => this.#askVerdict());
    part("cannot", HTMLButtonElement).addEventListener("click", () => this.#dialog.showModal());
    part("cannot-back", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    part("cannot-confirm", HTMLButtonElement).addEventListener("click", () => this.#giveUp());
  }

  get waits() {
    return this.#verdictTimer !== undefined;
  }

  /** The answer to Done where it is not the end. @param {string} reason a code or a sentence of the server */
  notSolved(reason) {
    if (!this.waits) return;
    this.settle();
    this.#port.tell(() => t("log_not_solved", { why: codeWords(reason) }));
    this.#port.notice.say(t("not_solved"));
  }

  /** Something was refused. @param {string | number | undefined} replyTo the id of what */
  refused(replyTo) {
    if (replyTo === DONE_ID) this.settle();
  }

  /** Done is no longer waited for: answered, refused, or the line was lost. */
  settle() {
    clearTimeout(this.#verdictTimer);
    this.#verdictTimer = undefined;
    this.render();
  }

  /** Nothing to confirm any more. */
  close() {
    this.settle();
    this.#port.notice.hide();
    if (this.#dialog.open) this.#dialog.close();
  }

  render() {
    this.#done.setAttribute("aria-busy", String(this.waits));
    say(this.#doneText, t(this.waits ? "done_busy" : "done"));
  }

  #askVerdict() {
    if (this.waits || !this.#port.send({ type: "finish", outcome: "done", id: DONE_ID })) return;
    this.#port.tell(() => t("log_done_sent"));
    this.#port.notice.hide();
    this.#verdictTimer = setTimeout(() => {
      this.settle();
      this.#port.notice.say(t("no_verdict"));
    }, VERDICT_DEADLINE_MS);
    this.render();
  }

  #giveUp() {
    const note = this.#note.value.trim();
    const sent = this.#port.send({ type: "finish", outcome: "cannot", ...(note === "" ? {} : { note }) });
    this.#dialog.close();
    if (sent) this.#port.tell(() => t("log_cannot_sent"));
  }
}
