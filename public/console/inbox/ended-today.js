// What has ended today, and how.

import { fetchHistory } from "../shared/api.js";
import { make, part, say, show } from "../shared/dom.js";
import { codeWords, locale, t } from "../shared/i18n.js";
import { span, timeOfDay, toMs } from "../shared/time-format.js";

/** @import { HistoryEntry } from "../../../src/protocol/history.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const MARKS = /** @type {Record<string, string>} */ ({ solved: "✓", failed: "✗", expired: "⌛", cancelled: "–" });

export class Today {
  #consoleUrl;
  #list = part("today-list", HTMLElement);
  #section = part("today", HTMLElement);
  /** @type {HistoryEntry[]} */
  #ended = [];

  /** @param {ConsoleUrl} consoleUrl */
  constructor(consoleUrl) {
    this.#consoleUrl = consoleUrl;
  }

  /** A key that may list may read this too; where the server says no, nothing is shown. @param {string} key */
  async refresh(key) {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    this.#ended = await fetchHistory(this.#consoleUrl.base, key, midnight).catch(() => this.#ended);
    this.render();
  }

  forget() {
    this.#ended = [];
    this.render();
  }

  render() {
    show(this.#section, this.#ended.length > 0);
    const solved = this.#ended.filter(({ state }) => state === "solved").length;
    say(part("today-count", HTMLElement), t("today_count", { solved, n: this.#ended.length }));
    this.#list.replaceChildren(...this.#ended.map(rowOf));
  }
}

/** @param {HistoryEntry} entry */
function rowOf({ session_id, label, state, reason, ended_at, duration_ms }) {
  const row = make("li", "past");
  row.setAttribute("data-state", state);
  const words = make("span", "past-words");
  words.append(make("span", "past-name", label ?? session_id), make("span", "past-why", codeWords(reason ?? "", "")));
  row.append(
    make("span", "past-mark", MARKS[state] ?? ""),
    words,
    make("span", "past-time", `${timeOfDay(toMs(ended_at) ?? 0, locale())} · ${span(duration_ms, locale())}`),
  );
  return row;
}
