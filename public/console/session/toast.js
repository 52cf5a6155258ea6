// One sentence over the picture that matters now and goes away by itself; the log keeps what is worth keeping.

import { part, say, show } from "../shared/dom.js";

/** Time to read two short sentences. */
const NOTICE_MS = 7_000;

export class Notice {
  #element = part("notice", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} sentence */
  say(sentence) {
    this.#show(sentence, "alert");
  }

  /** For what the log says aloud already, and when it is its turn. @param {string} sentence */
  showOnly(sentence) {
    this.#show(sentence, "none");
  }

  /** The same for what is so until another sentence takes its consoleUrl. @param {string} sentence */
  keep(sentence) {
    this.#show(sentence, "none");
    clearTimeout(this.#timer);
  }

  /** @param {string} sentence @param {"alert" | "none"} role */
  #show(sentence, role) {
    clearTimeout(this.#timer);
    this.#element.setAttribute("role", role);
    say(this.#element, sentence);
    show(this.#element, true);
    this.#timer = setTimeout(() => this.hide(), NOTICE_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    show(this.#element, false);
  }
}
