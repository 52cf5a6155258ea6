// A person whom an agent asks comes by an address without a token: six digits, or a key of their own, say who they are.

import { fetchTicket } from "../../../src/client/ticket.ts";
import { ApiFailure, redeemCode } from "../shared/api.js";
import { keepKey, keepTokenOf } from "../shared/credentials.js";
import { element, setText, setVisible } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const CODE_LENGTH = 6;
/** As the server's longest key. */
const MOST_KEY = 256;
/** Longer than any answer of a healthy server takes. */
const DEADLINE_MS = 10_000;

export class PersonForm {
  element = element("div", "person-form");
  #code;
  #key;
  #trouble = element("p", "key-trouble");
  /** Rendered again in another language. */
  #words = () => "";

  /** @param {ConsoleUrl} consoleUrl */
  constructor(consoleUrl) {
    this.#code = new OneField("person-code", (code) => this.#try(() => byCode(consoleUrl, code)));
    this.#key = new OneField("person-key", (key) => this.#try(() => byKey(consoleUrl, key)));
    const { input } = this.#code;
    Object.assign(input, { inputMode: "numeric", maxLength: CODE_LENGTH, pattern: `\\d{${CODE_LENGTH}}` });
    input.autocomplete = "one-time-code";
    Object.assign(this.#key.input, { type: "password", maxLength: MOST_KEY, autocomplete: "off" });
    this.#trouble.setAttribute("role", "alert");
    this.element.append(this.#code.form, this.#key.form, this.#trouble);
  }

  render() {
    this.#code.render(t("person_code"));
    this.#key.render(t("person_key"));
    setText(this.#trouble, this.#words());
    setVisible(this.#trouble, this.#words() !== "");
  }

  /** Opens the session once somebody is known. @param {() => Promise<void>} identify throws an ApiFailure with its sentence */
  async #try(identify) {
    this.#setBusy(true);
    this.#words = () => "";
    try {
      await identify();
      location.reload();
    } catch (error) {
      this.#words = error instanceof Failure ? error.words : () => String(error);
      this.#setBusy(false);
    }
    this.render();
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    for (const { button } of [this.#code, this.#key]) button.disabled = isBusy;
  }
}

/** A form of one field and its button. */
class OneField {
  form = element("form");
  input = element("input");
  button = element("button", "primary");
  #label = element("label");

  /** @param {string} id @param {(text: string) => void} onText */
  constructor(id, onText) {
    Object.assign(this.input, { id, type: "text", required: true, spellcheck: false });
    this.input.setAttribute("autocapitalize", "off");
    this.#label.htmlFor = id;
    this.button.type = "submit";
    const row = element("div", "field-row");
    row.append(this.input, this.button);
    this.form.append(this.#label, row);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (text !== "" && !this.button.disabled) onText(text);
    });
  }

  /** @param {string} label */
  render(label) {
    setText(this.#label, label);
    setText(this.button, t("open"));
  }
}

/** Why somebody is not let in, in words of the language that is chosen when they are shown. */
class Failure extends Error {
  /** @param {() => string} words */
  constructor(words) {
    super();
    this.words = words;
  }
}

/** The link that comes for the code is kept in this tab. @param {ConsoleUrl} consoleUrl @param {string} code */
async function byCode(consoleUrl, code) {
  try {
    keepTokenOf(consoleUrl, await redeemCode(consoleUrl.base, consoleUrl.sessionId, code));
  } catch (error) {
    const given = error instanceof ApiFailure ? error.code : "";
    if (given === "unauthorized") throw new Failure(() => t("person_code_wrong"));
    if (given === "rate_limited") throw new Failure(() => t("person_codes_spent"));
    throw error;
  }
}

/** A key that opens this session is kept in this tab. @param {ConsoleUrl} consoleUrl @param {string} key */
async function byKey(consoleUrl, key) {
  const { base: api, sessionId } = consoleUrl;
  await fetchTicket({ api, sessionId, bearer: key, signal: AbortSignal.timeout(DEADLINE_MS) }).catch((error) => {
    const said = error?.said?.code ?? "server_unreachable";
    throw new Failure(() => (said === "unauthorized" ? t("key_wrong") : codeWords(said)));
  });
  keepKey(key);
}
