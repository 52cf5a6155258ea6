// The readable log: what happened and when, bounded, spoken by screen readers, told again when the language changes.

import { make, say } from "../shared/dom.js";
import { locale } from "../shared/i18n.js";
import { timeOfDay } from "../shared/time-format.js";

const MOST_LINES = 200;
/** The same sentence again within this time is an echo: a refused drag, say, is refused at every press. */
const ECHO_MS = 5_000;

/** @typedef {() => string} Sentence */

export class Log {
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
    say(this.#latest, sentence());
    say(this.#announcer, sentence());
  }

  /** Says everything again, in the language of now. */
  translate() {
    this.#list.replaceChildren(...this.#lines.map(render).reverse());
    say(this.#latest, this.#lines.at(-1)?.sentence() ?? "");
  }
}

/** @param {{ at: number, sentence: Sentence }} line */
function render({ at, sentence }) {
  const item = make("li");
  item.append(make("time", "", timeOfDay(at, locale())), make("span", "", sentence()));
  return item;
}
