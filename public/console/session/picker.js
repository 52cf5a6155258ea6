// A native list, calendar or colour of the page, as a control of the console's own: the picture does not show it.

import { element, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { ClientMessage, PickOption, ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {Extract<ServerMessage, { type: "ask_pick" }>} PickQuestion */

/** A list of fewer needs no search. */
const SEARCH_FROM = 12;
/** As many as anybody scrolls through; a search finds the others. */
const MOST_SHOWN = 500;

export class Picker {
  #send;
  #onClosed;
  /** @type {PickQuestion | null} */
  #question = null;
  #dialog = element("dialog", "dialog picker");
  #title = element("h2", "", "");
  #search = element("input");
  #list = element("ul", "picker-list");
  #more = element("p", "picker-more");
  #value = element("input");
  #cancel = element("button", "quiet");
  #choose = element("button", "primary");
  /** Indexes of what is chosen. @type {Set<number>} */
  #chosen = new Set();
  /** The option that the keyboard is at. @type {number | null} */
  #at = null;

  /** @param {{ send: (message: ClientMessage) => boolean, onClosed: () => void }} port */
  constructor({ send, onClosed }) {
    this.#send = send;
    this.#onClosed = onClosed;
    this.#title.id = "picker-title";
    this.#dialog.setAttribute("aria-labelledby", this.#title.id);
    this.#list.id = "picker-list";
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-labelledby", this.#title.id);
    this.#list.tabIndex = 0;
    this.#search.type = "search";
    this.#cancel.type = "button";
    this.#choose.type = "button";
    const buttons = element("div", "dialog-buttons");
    buttons.append(this.#cancel, this.#choose);
    this.#dialog.append(this.#title, this.#search, this.#list, this.#more, this.#value, buttons);
    document.body.append(this.#dialog);
    this.#cancel.addEventListener("click", () => this.#answer({}));
    this.#choose.addEventListener("click", () => this.#confirm());
    this.#search.addEventListener("input", () => this.#render());
    this.#list.addEventListener("click", (event) => this.#onClick(event));
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
    this.#search.addEventListener("keydown", (event) => this.#onKey(event));
    this.#value.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#confirm();
    });
    // Escape.
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#answer({});
    });
  }

  /** @param {PickQuestion} question */
  ask(question) {
    this.#question = question;
    const { kind, options } = question;
    const isList = kind === "select" || kind === "suggestions";
    this.#chosen = new Set(options.filter(({ selected }) => selected).map(({ index }) => index));
    this.#at =
      options.find(({ selected }) => selected)?.index ?? options.find(({ disabled }) => !disabled)?.index ?? null;
    this.#search.value = "";
    this.#search.hidden = !isList || options.length < SEARCH_FROM;
    this.#list.hidden = !isList;
    this.#list.setAttribute("aria-multiselectable", String(question.multiple));
    this.#value.hidden = isList;
    if (!isList) {
      const { min, max, step, value } = question;
      // Its type first: another type would drop the value.
      Object.assign(this.#value, { type: kind, min, max, step, value });
    }
    // One of a list is chosen by the click itself.
    this.#choose.hidden = isList && !question.multiple;
    this.translate();
    if (!this.#dialog.open) this.#dialog.showModal();
    if (!isList) this.#value.focus();
    else if (this.#search.hidden || matchMedia("(pointer: coarse)").matches) this.#list.focus();
    else this.#search.focus();
    this.#list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "center" });
  }

  /** @param {string} questionId */
  withdrawn(questionId) {
    if (this.#question?.question_id === questionId) this.close();
  }

  close() {
    this.#question = null;
    if (!this.#dialog.open) return;
    this.#dialog.close();
    this.#onClosed();
  }

  translate() {
    if (!this.#question) return;
    setText(this.#title, this.#question.label || t("picker_title"));
    setText(this.#cancel, t("picker_cancel"));
    setText(this.#choose, t("picker_choose"));
    this.#search.placeholder = t("picker_search");
    this.#search.setAttribute("aria-label", t("picker_search"));
    this.#value.setAttribute("aria-label", this.#title.textContent);
    this.#render();
  }

  /** @returns {PickOption[]} */
  #matching() {
    const words = this.#search.value.trim().toLocaleLowerCase();
    const options = this.#question?.options ?? [];
    return words === "" ? options : options.filter(({ label }) => label.toLocaleLowerCase().includes(words));
  }

  #render() {
    const matching = this.#matching();
    const shown = matching.slice(0, MOST_SHOWN);
    if (!shown.some(({ index }) => index === this.#at))
      this.#at = shown.find(({ disabled }) => !disabled)?.index ?? null;
    /** @type {Element[]} */
    const rows = [];
    let group = "";
    for (const option of shown) {
      if ((option.group ?? "") !== group) {
        group = option.group ?? "";
        const heading = element("li", "picker-group", group);
        heading.setAttribute("role", "presentation");
        rows.push(heading);
      }
      const row = element("li", "picker-option", option.label || " ");
      row.id = `picker-option-${option.index}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(this.#chosen.has(option.index)));
      if (option.disabled) row.setAttribute("aria-disabled", "true");
      row.classList.toggle("at", option.index === this.#at);
      row.dataset["index"] = String(option.index);
      rows.push(row);
    }
    this.#list.replaceChildren(...rows);
    for (const field of [this.#list, this.#search]) {
      if (this.#at === null) field.removeAttribute("aria-activedescendant");
      else field.setAttribute("aria-activedescendant", `picker-option-${this.#at}`);
    }
    const isCut = matching.length > shown.length || this.#question?.has_more === true;
    this.#more.hidden = this.#list.hidden || (shown.length > 0 && !isCut);
    setText(this.#more, t(shown.length === 0 ? "picker_none" : "picker_more", { n: shown.length }));
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const row = event.target instanceof Element ? event.target.closest("[data-index]") : null;
    if (row) this.#toggle(Number(row.getAttribute("data-index")));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const free = this.#matching()
      .slice(0, MOST_SHOWN)
      .filter(({ disabled }) => !disabled);
    const now = free.findIndex(({ index }) => index === this.#at);
    const PAGE = 8;
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + PAGE, PageUp: now - PAGE };
    const isText = event.target === this.#search;
    if (!isText) Object.assign(steps, { Home: 0, End: free.length - 1 });
    const next = steps[event.key];
    if (next !== undefined) {
      this.#at = free[Math.min(Math.max(next, 0), free.length - 1)]?.index ?? null;
      this.#render();
      this.#list.querySelector(".at")?.scrollIntoView({ block: "nearest" });
    } else if ((event.key === "Enter" || (event.key === " " && !isText)) && this.#at !== null) {
      if (event.key === "Enter" && this.#question?.multiple) this.#confirm();
      else this.#toggle(this.#at);
    } else return;
    event.preventDefault();
  }

  /** @param {number} index */
  #toggle(index) {
    const option = this.#question?.options.find((each) => each.index === index);
    if (!option || option.disabled) return;
    this.#at = index;
    if (!this.#question?.multiple) this.#chosen.clear();
    if (!this.#chosen.delete(index)) this.#chosen.add(index);
    if (this.#question?.multiple) this.#render();
    else this.#confirm();
  }

  #confirm() {
    const { kind, multiple, options } = this.#question ?? {};
    if (kind === undefined) return;
    if (kind === "select") this.#answer({ options: [...this.#chosen].toSorted((a, b) => a - b) });
    else if (kind === "suggestions")
      this.#answer({ value: options?.find(({ index }) => this.#chosen.has(index))?.label ?? "" });
    else if (this.#value.reportValidity() && !multiple) this.#answer({ value: this.#value.value });
  }

  /** @param {{ options?: number[], value?: string }} choice neither: nothing changes */
  #answer(choice) {
    const question_id = this.#question?.question_id;
    if (question_id !== undefined) this.#send({ type: "answer_pick", question_id, ...choice });
    this.close();
  }
}
