// How a session ended, in words a person likes to read, and what can be done next.

import { startDemo } from "../shared/api.js";
import { bearersFor, isOpenToAll, keepTokenOf, keptKey } from "../shared/credentials.js";
import { byId, setText, setVisible } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";

/** @typedef {import("./session-model.js").End} End */

/** The fixed id of the session that `npm start` opens. */
const DEMO_ID = "demo";

const TITLES = /** @type {const} */ ({
  solved: "end_solved",
  expired: "end_expired",
  cancelled: "end_cancelled",
  failed: "end_failed",
  not_found: "end_not_found",
  refused: "end_refused",
  ended: "end_ended",
});

export class EndCard {
  #card = byId("ending", HTMLElement);
  #title = byId("ending-title", HTMLElement);
  #text = byId("ending-text", HTMLElement);
  #demo = byId("new-demo", HTMLButtonElement);
  #list = byId("all-sessions", HTMLAnchorElement);
  #actions = byId("ending-actions", HTMLElement);
  #trouble = byId("ending-trouble", HTMLElement);
  /** Null until a bare address is opened. @type {Promise<import("./person-form.js").PersonForm> | null} */
  #personForm = null;
  #consoleUrl;

  /** @param {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl */
  constructor(consoleUrl) {
    this.#consoleUrl = consoleUrl;
    this.#demo.addEventListener("click", () => void this.#startAgain());
  }

  /** @param {End | null} end */
  render(end) {
    const appears = end !== null && this.#card.hidden;
    setVisible(this.#card, end !== null);
    if (end === null) return;
    setText(this.#title, titleOf(end));
    // Whoever comes by a bare address may say who they are: an agent's link carries nothing.
    const isBareAddress = end.outcome === "refused" && bearersFor(this.#consoleUrl).length === 0;
    setText(this.#text, isBareAddress ? t("end_needs_link") : textOf(end));
    if (isBareAddress) void this.#askWho();
    const hasDemo = this.#consoleUrl.sessionId === DEMO_ID && end.outcome !== "refused";
    // A person with a link only has no list to go to.
    const hasList = isOpenToAll() || keptKey() !== "";
    setVisible(this.#demo, hasDemo);
    setVisible(this.#list, hasList);
    setVisible(this.#actions, hasDemo || hasList);
    // The focus was in the picture, which is hidden now; and a screen reader should speak the title.
    if (appears) this.#title.focus({ preventScroll: true });
  }

  async #askWho() {
    this.#personForm ??= this.#loadPersonForm();
    await this.#personForm.then(
      (form) => form.render(),
      () => {
        this.#personForm = null; // it could not be loaded: the next try may
      },
    );
  }

  async #loadPersonForm() {
    const { PersonForm } = await import("./person-form.js");
    const form = new PersonForm(this.#consoleUrl);
    this.#text.after(form.element);
    return form;
  }

  async #startAgain() {
    this.#demo.disabled = true;
    setVisible(this.#trouble, false);
    try {
      const link = await startDemo(this.#consoleUrl.base, bearersFor(this.#consoleUrl)[0] ?? "");
      keepTokenOf(this.#consoleUrl, link);
      location.reload();
    } catch (error) {
      this.#demo.disabled = false;
      setText(this.#trouble, t("new_demo_failed", { why: error instanceof Error ? error.message : String(error) }));
      setVisible(this.#trouble, true);
    }
  }
}

/** @param {End} end */
function titleOf(end) {
  if (end.reason === "operator_gave_up") return t("end_gave_up");
  return t(end.outcome in TITLES ? TITLES[/** @type {keyof typeof TITLES} */ (end.outcome)] : "end_ended");
}

/** @param {End} end */
function textOf(end) {
  if (end.reason === "operator_gave_up") return t("end_gave_up_text");
  if (end.outcome === "solved") return t(end.verified === "operator" ? "end_solved_operator" : "end_solved_checked");
  if (end.outcome === "expired") return t("end_expired_text");
  const why = end.reason === "session_ended" ? "" : codeWords(end.reason);
  return end.outcome === "not_found" ? t("end_not_found_text") : why;
}
