// The sessions that have ended today, and how.

import { fetchHistory } from "../shared/api.js";
import { byId, element, setText, setVisible } from "../shared/dom.js";
import { codeWords, locale, t } from "../shared/i18n.js";
import { span, timeOfDay, toMs } from "../shared/time-format.js";

/** @import { HistoryEntry } from "../../../src/protocol/history.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const MARKS = /** @type {Record<string, string>} */ ({ solved: "✓", failed: "✗", expired: "⌛", cancelled: "–" });

export class EndedToday {
  #consoleUrl;
  #list = byId("today-list", HTMLElement);
  #section = byId("today", HTMLElement);
  /** @type {HistoryEntry[]} */
  #ended = [];

  /** @param {ConsoleUrl} consoleUrl */
  constructor(consoleUrl) {
    this.#consoleUrl = consoleUrl;
  }

  /** A key that may list sessions may read this too; if the server refuses, nothing is shown. @param {string} key */
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
    setVisible(this.#section, this.#ended.length > 0);
    const solved = this.#ended.filter(({ state }) => state === "solved").length;
    setText(byId("today-count", HTMLElement), t("today_count", { solved, n: this.#ended.length }));
    this.#list.replaceChildren(...this.#ended.map(rowOf));
  }
}

/** @param {HistoryEntry} entry */
function rowOf({ session_id, label, state, reason, ended_at, duration_ms }) {
  const row = element("li", "past");
  row.setAttribute("data-state", state);
  const words = element("span", "past-words");
  words.append(
    element("span", "past-name", label ?? session_id),
    element("span", "past-why", codeWords(reason ?? "", "")),
  );
  row.append(
    element("span", "past-mark", MARKS[state] ?? ""),
    words,
    element("span", "past-time", `${timeOfDay(toMs(ended_at) ?? 0, locale())} · ${span(duration_ms, locale())}`),
  );
  return row;
}
