// One sentence over the picture that matters now and goes away by itself; the log keeps what is worth keeping.

import { byId, element, setText, setVisible } from "../shared/dom.js";

/** Time to read two short sentences. */
const TOAST_MS = 7_000;
/** And to decide, and to reach a button. */
const OFFER_MS = 20_000;

export class Toast {
  #element = byId("notice", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** Shows a sentence that screen readers speak at once. @param {string} sentence */
  announce(sentence) {
    this.#display(sentence, "alert");
  }

  /** Shows a sentence that the log speaks already, in its turn. @param {string} sentence */
  show(sentence) {
    this.#display(sentence, "none");
  }

  /** As `show`, for a condition that lasts: the sentence stays until another one takes its place. @param {string} sentence */
  keep(sentence) {
    this.#display(sentence, "none");
    clearTimeout(this.#timer);
  }

  /**
   * A sentence with a button, which screen readers speak at once.
   * @param {string} sentence @param {string} label @param {() => void} act
   */
  offer(sentence, label, act) {
    this.#display(sentence, "alert");
    clearTimeout(this.#timer);
    const button = element("button", "quiet", label);
    button.type = "button";
    button.addEventListener("click", () => {
      this.hide();
      act();
    });
    this.#element.append(button);
    this.#timer = setTimeout(() => this.hide(), OFFER_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    setVisible(this.#element, false);
  }

  /** @param {string} sentence @param {"alert" | "none"} role */
  #display(sentence, role) {
    clearTimeout(this.#timer);
    this.#element.setAttribute("role", role);
    setText(this.#element, sentence);
    setVisible(this.#element, true);
    this.#timer = setTimeout(() => this.hide(), TOAST_MS);
  }
}
