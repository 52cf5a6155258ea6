// The readable log: what happened and when; bounded, spoken by screen readers, rendered again when the language changes.

import { element, setText } from "../shared/dom.js";
import { locale } from "../shared/i18n.js";
import { timeOfDay } from "../shared/time-format.js";

const MOST_LINES = 200;
/** The same sentence again within this time is an echo: a refused drag is refused at every press. */
const ECHO_MS = 5_000;

/** @typedef {() => string} Sentence */

export class LogPanel {
  #list;
  #latest;
  #announcer;
  /** Oldest first. @type {{ at: number, sentence: Sentence }[]} */
  #lines = [];

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} latest the newest line, seen while the log is folded
   * @param {HTMLElement} announcer a live region: speaks also while the log is folded
   */
  constructor(list, latest, announcer) {
    this.#list = list;
    this.#latest = latest;
    this.#announcer = announcer;
  }

  /** @param {Sentence} sentence */
  add(sentence) {
    const last = this.#lines.at(-1);
    if (last !== undefined && Date.now() - last.at < ECHO_MS && last.sentence() === sentence()) return;
    const line = { at: Date.now(), sentence };
    this.#lines.push(line);
    this.#list.prepend(render(line));
    if (this.#lines.length > MOST_LINES) {
      this.#lines.shift();
      this.#list.lastElementChild?.remove();
    }
    setText(this.#latest, sentence());
    setText(this.#announcer, sentence());
  }

  /** Renders every line again in the current language. */
  translate() {
    this.#list.replaceChildren(...this.#lines.map(render).reverse());
    setText(this.#latest, this.#lines.at(-1)?.sentence() ?? "");
  }
}

/** @param {{ at: number, sentence: Sentence }} line */
function render({ at, sentence }) {
  const item = element("li");
  item.append(element("time", "", timeOfDay(at, locale())), element("span", "", sentence()));
  return item;
}
