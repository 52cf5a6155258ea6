// Asks for the key that lists sessions, and says in words when it is none.

import { part, say, show } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @import { ApiFailure } from "../shared/api.js" */

export class KeyForm {
  #form = part("key-form", HTMLFormElement);
  #input = part("key-input", HTMLInputElement);
  #button = part("key-use", HTMLButtonElement);
  #trouble = part("key-trouble", HTMLElement);
  /** Said again in another language. */
  #words = () => "";

  /** @param {(key: string) => void} onKey a key to try */
  constructor(onKey) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const key = this.#input.value.trim();
      if (key === "") return this.#input.focus();
      this.#words = () => "";
      this.#button.disabled = true;
      onKey(key);
    });
  }

  /** It was tried, and is not what is needed. @param {ApiFailure} failure */
  refused(failure) {
    const { code, message } = failure;
    this.#words = () => wordsOf(code) ?? message;
    this.#button.disabled = false;
    this.#input.select();
  }

  /** It is good, or not needed any more: nothing of it stays in the page. */
  done() {
    this.#input.value = "";
    this.#words = () => "";
    this.#button.disabled = false;
  }

  /** @param {boolean} isShown */
  render(isShown) {
    const appears = isShown && this.#form.hidden;
    show(this.#form, isShown);
    say(this.#trouble, this.#words());
    show(this.#trouble, this.#words() !== "");
    this.#input.setAttribute("aria-invalid", String(this.#words() !== ""));
    if (appears) this.#input.focus();
  }
}

/** @param {string} code */
function wordsOf(code) {
  if (code === "unauthorized") return t("key_wrong");
  if (code === "forbidden") return t("key_not_enough");
  return code === "rate_limited" ? codeWords(code) : null;
}
