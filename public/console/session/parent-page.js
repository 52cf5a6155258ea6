// The page that frames an embedded console [W58]: hears how the session goes, and may set language and colours.

import { postVersioned, readVersioned } from "../shared/embed-messages.js";

/** @import { EmbedMessage } from "../../../src/protocol/embedding.ts" */
/** @typedef {"light" | "dark" | "auto"} Theme */

/**
 * @typedef {object} Wishes
 * @property {(language: string) => void} onLanguage
 * @property {(theme: Theme) => void} onTheme
 */

export class ParentPage {
  #wishes;
  /** Where messages go: the parent has one of these origins, or this console would not be shown. */
  #origins;
  /** What was posted last, by the type of the message. @type {Map<string, string>} */
  #posted = new Map();

  /** @param {string} sessionId @param {Wishes} wishes */
  constructor(sessionId, wishes) {
    this.#wishes = wishes;
    this.#origins = originsOfParent();
    addEventListener("message", (event) => this.#onMessage(event));
    this.#post({ type: "ready", session_id: sessionId });
  }

  /**
   * @param {import("./session-model.js").Model} model
   * @param {{ phase: import("./session-model.js").Phase, mayAct: boolean }} more
   */
  show({ end, view, state }, { phase, mayAct }) {
    this.#post({ type: "state", phase, state, may_act: mayAct });
    if (view !== null) this.#post({ type: "size", width: view.width, height: view.height });
    if (end === null || this.#posted.has("ended")) return;
    this.#post({ type: "ended", outcome: end.outcome, reason: end.reason, verified: end.verified });
  }

  /** Posts what is new. @param {EmbedMessage} message */
  #post(message) {
    const text = JSON.stringify(message);
    if (this.#posted.get(message.type) === text) return;
    this.#posted.set(message.type, text);
    for (const origin of this.#origins) postVersioned(parent, message, origin);
  }

  /** @param {MessageEvent<unknown>} event */
  #onMessage({ source, origin, data }) {
    if (source !== parent || !this.#origins.includes(origin)) return;
    this.#origins = [origin];
    const message = readVersioned(data);
    if (message?.type === "set_language" && typeof message["language"] === "string") {
      this.#wishes.onLanguage(message["language"]);
    }
    const theme = message?.type === "set_theme" ? message["theme"] : null;
    if (theme === "light" || theme === "dark" || theme === "auto") this.#wishes.onTheme(theme);
  }
}

/** The parent's origin, or each that may be it: a browser delivers to the right one only. */
function originsOfParent() {
  const named = document.documentElement.getAttribute("data-parents") ?? "";
  const allowed = [location.origin, ...named.split(" ").filter((origin) => origin !== "")];
  // Not every browser says who frames a page.
  const parents = allowed.filter((origin) => origin === location.ancestorOrigins?.[0]);
  return parents.length > 0 ? parents : allowed;
}
