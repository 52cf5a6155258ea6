// The rows of the inbox: one for each session, with its picture, label, time left and operators.

import { consolePath } from "../../../src/client/console-url.ts";
import { element, setText, setVisible } from "../shared/dom.js";
import { locale, t } from "../shared/i18n.js";
import { countdown, span, toMs } from "../shared/time-format.js";
import { isMine } from "./claims.js";
import { newCodeForm, renderCodeForm } from "./code-form.js";
import { Thumbnails } from "./thumbnails.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

/** Less than this is soon. */
const SOON_MS = 60_000;
/** px; the canvas has twice as many, for dense screens. */
const SHOT = { width: 128, height: 80 };
const STATE_WORDS = /** @type {const} */ ({
  starting: "state_starting",
  waiting: "state_waiting",
  active: "state_active",
});

export class InboxRows {
  #list;
  #consoleUrl;
  #thumbnails;
  #key;
  #onOpen;
  #onPhone;
  #onGiveBack;

  /**
   * @param {HTMLElement} list @param {ConsoleUrl} consoleUrl
   * @param {{ key: () => string } & Record<"onOpen" | "onPhone" | "onGiveBack", (id: string) => void>} hooks
   */
  constructor(list, consoleUrl, { key, onOpen, onPhone, onGiveBack }) {
    this.#list = list;
    this.#consoleUrl = consoleUrl;
    this.#thumbnails = new Thumbnails(consoleUrl, key);
    this.#key = key;
    this.#onOpen = onOpen;
    this.#onPhone = onPhone;
    this.#onGiveBack = onGiveBack;
    list.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Keeps rows from one refresh to the next, or the one with the keyboard's focus would lose it. @param {readonly SessionListItem[]} sessions */
  render(sessions) {
    /** @type {Map<string | null, Element>} */
    const rows = new Map([...this.#list.children].map((row) => [row.getAttribute("data-id"), row]));
    const wanted = sessions.map((session) => {
      const row = rows.get(session.session_id) ?? this.#newRow(session.session_id);
      rows.delete(session.session_id);
      fillRow(row, session);
      return row;
    });
    for (const gone of rows.values()) {
      const canvas = gone.querySelector("canvas");
      if (canvas) this.#thumbnails.forget(canvas);
    }
    if (wanted.length !== this.#list.children.length || wanted.some((row, i) => this.#list.children[i] !== row)) {
      const focused = document.activeElement;
      this.#list.replaceChildren(...wanted);
      if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus();
    }
  }

  /** @param {string} id */
  #newRow(id) {
    const row = element("li");
    row.setAttribute("data-id", id);
    const link = element("a", "row");
    link.href = consolePath(this.#consoleUrl, id);
    link.addEventListener("click", (event) => {
      // The person wants a new tab or window: the browser opens it.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#onOpen(id);
    });
    const shot = element("canvas", "row-shot");
    Object.assign(shot, { width: SHOT.width * 2, height: SHOT.height * 2 });
    shot.dataset["of"] = id;
    shot.setAttribute("aria-hidden", "true");
    const words = element("span", "row-words");
    words.append(element("strong", "row-name"), element("span", "row-what"), element("span", "row-facts"));
    const state = element("span", "row-state");
    state.append(element("span", "chip"), element("span", "row-time"));
    link.append(shot, words, state);
    const back = rowButton("row-back", () => this.#onGiveBack(id));
    const phone = rowButton("row-phone", () => this.#onPhone(id));
    const actions = element("span", "row-actions");
    actions.append(back, phone);
    row.append(link, newCodeForm(this.#consoleUrl.base, this.#key, id), actions);
    this.#thumbnails.watch(shot);
    return row;
  }

  /** Up and down, from row to row. @param {KeyboardEvent} event */
  #onKey(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const links = [...this.#list.querySelectorAll("a")];
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    links[Math.min(Math.max(at + step, 0), links.length - 1)]?.focus();
    event.preventDefault();
  }
}

/** @param {string} className @param {() => void} onPress */
function rowButton(className, onPress) {
  const button = element("button", `quiet ${className}`);
  button.type = "button";
  button.addEventListener("click", onPress);
  return button;
}

/** @param {Element} row @param {SessionListItem} session */
function fillRow(row, session) {
  const [chip, name, what, facts, time, back, phone] = [
    ".chip",
    ".row-name",
    ".row-what",
    ".row-facts",
    ".row-time",
    ".row-back",
    ".row-phone",
  ].map((selector) => /** @type {HTMLElement | null} */ (row.querySelector(selector)));
  if (!chip || !name || !what || !facts || !time || !back || !phone) return;
  const state = session.state in STATE_WORDS ? /** @type {keyof typeof STATE_WORDS} */ (session.state) : "waiting";
  const mine = session.claimed_by !== null && isMine(session.session_id);
  chip.setAttribute("data-state", session.claimed_by === null ? state : "active");
  setText(chip, stateWords(session, state, mine));
  const code = row.querySelector("form");
  if (code) renderCodeForm(code, session);
  setText(name, session.label || session.session_id);
  setText(what, session.instructions ?? "");
  setText(facts, factsOf(session));
  const left = (toMs(session.expires_at) ?? 0) - Date.now();
  setText(time, countdown(left));
  time.classList.toggle("soon", left < SOON_MS);
  setText(back, t("give_back"));
  setVisible(back, mine && session.operators === 0);
  setText(phone, t("phone"));
  setVisible(phone, session.state !== "starting" && session.operators === 0 && (session.claimed_by === null || mine));
}

/** @param {SessionListItem} session @param {keyof typeof STATE_WORDS} state @param {boolean} mine */
function stateWords({ claimed_by }, state, mine) {
  if (claimed_by === null) return t(STATE_WORDS[state]);
  return mine ? t("claimed_mine") : t("claimed_by", { name: claimed_by });
}

/** @param {SessionListItem} session */
function factsOf(session) {
  const facts = session.label ? [session.session_id] : [];
  const created = toMs(session.created_at);
  if (created !== null) facts.push(t("list_age", { span: span(Date.now() - created, locale()) }));
  if (session.operators === 1) facts.push(t("list_people_one"));
  if (session.operators > 1) facts.push(t("list_people_many", { n: session.operators }));
  return facts.join(" · ");
}
