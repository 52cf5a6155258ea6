// Asks for the key that lists sessions, and explains why a key is refused.

import { byId, setText, setVisible } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @import { ApiFailure } from "../shared/api.js" */

export class KeyForm {
  #form = byId("key-form", HTMLFormElement);
  #input = byId("key-input", HTMLInputElement);
  #button = byId("key-use", HTMLButtonElement);
  #trouble = byId("key-trouble", HTMLElement);
  /** Rendered again in another language. */
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

  /** The server refused the key. @param {ApiFailure} failure */
  refused(failure) {
    const { code, message } = failure;
    this.#words = () => wordsOf(code) ?? message;
    this.#button.disabled = false;
    this.#input.select();
  }

  /** The key is good, or not needed any more: it does not stay in the page. */
  done() {
    this.#input.value = "";
    this.#words = () => "";
    this.#button.disabled = false;
  }

  /** @param {boolean} isShown */
  render(isShown) {
    const appears = isShown && this.#form.hidden;
    setVisible(this.#form, isShown);
    setText(this.#trouble, this.#words());
    setVisible(this.#trouble, this.#words() !== "");
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
