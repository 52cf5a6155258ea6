// One sentence over the picture that matters now and goes away by itself; the log keeps what is worth keeping.

import { part, say, show } from "./dom.js";

/** Time to read two short sentences. */
const NOTICE_MS = 7_000;

export class Notice {
  #element = part("notice", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} sentence */
  say(sentence) {
    clearTimeout(this.#timer);
    say(this.#element, sentence);
    show(this.#element, true);
    this.#timer = setTimeout(() => this.hide(), NOTICE_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    show(this.#element, false);
  }
}
