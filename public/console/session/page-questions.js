// What the page asks of the person in control, one question at a time over the dimmed picture: its dialogs, and sign-ins of the browser.

import { element, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { Answer, Question, ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("../shared/i18n.js").SentenceKey} SentenceKey */
/** @typedef {Extract<Question, { type: "ask_dialog" | "ask_sign_in" }>} PageQuestion */

/** The words of the two buttons; a dialog without a "no" has one. @type {Record<string, { yes: SentenceKey, no?: SentenceKey }>} */
const BUTTONS = {
  alert: { yes: "ask_ok" },
  confirm: { yes: "ask_ok", no: "ask_cancel" },
  prompt: { yes: "ask_ok", no: "ask_cancel" },
  beforeunload: { yes: "ask_leave", no: "ask_stay" },
  sign_in: { yes: "ask_sign_in", no: "ask_cancel" },
};

export class PageQuestions {
  #send;
  #box = element("dialog", "dialog question-dialog");
  #form = element("form");
  #title = element("h2");
  #text = element("p", "question-text");
  #name = field("question-name", "text");
  #password = field("question-password", "password");
  #no = button("quiet");
  #yes = button("primary");
  /** Open questions by their ids, oldest first. @type {Map<string, PageQuestion>} */
  #open = new Map();
  /** @type {PageQuestion | null} */
  #shown = null;

  /** @param {(answer: Answer) => boolean} send */
  constructor(send) {
    this.#send = send;
    this.#box.id = "question";
    this.#title.id = "question-title";
    this.#text.id = "question-text";
    this.#text.tabIndex = 0;
    this.#box.setAttribute("aria-labelledby", this.#title.id);
    this.#box.setAttribute("aria-describedby", this.#text.id);
    this.#yes.type = "submit";
    const buttons = element("div", "dialog-buttons");
    buttons.append(this.#no, this.#yes);
    this.#form.append(this.#title, this.#text, ...this.#name.parts, ...this.#password.parts, buttons);
    this.#form.autocomplete = "off";
    this.#box.append(this.#form);
    document.body.append(this.#box);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#answer(true);
    });
    this.#no.addEventListener("click", () => this.#answer(false));
    // Escape: a dialog that only informs has no other answer than OK.
    this.#box.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#answer(this.#shown?.type === "ask_dialog" && this.#shown.kind === "alert");
    });
  }

  /** @param {ServerMessage} message */
  onMessage(message) {
    if (message.type === "ask_dialog" || message.type === "ask_sign_in") this.#open.set(message.question_id, message);
    if (message.type === "withdrawn") this.#open.delete(message.question_id);
  }

  /** The connection is lost, or the session is over: what is still open is asked again. */
  forget() {
    this.#open.clear();
    this.render(false);
  }

  /** @param {boolean} mayAct whether this person is the one who answers */
  render(mayAct) {
    const [next = null] = mayAct ? this.#open.values() : [];
    if (next === this.#shown) return;
    this.#shown = next;
    if (this.#box.open) this.#box.close();
    this.#password.input.value = "";
    if (next) this.#show(next);
  }

  translate() {
    if (this.#shown) this.#fill(this.#shown);
  }

  /** @param {PageQuestion} question */
  #show(question) {
    const { input } = this.#name;
    const isSignIn = question.type === "ask_sign_in";
    const hasName = isSignIn || question.kind === "prompt";
    for (const part of this.#name.parts) setVisible(part, hasName);
    for (const part of this.#password.parts) setVisible(part, isSignIn);
    input.value = isSignIn ? "" : question.default_text;
    input.maxLength = isSignIn ? 256 : 10_000;
    this.#fill(question);
    this.#box.showModal();
    // What is typed into the picture at this moment must not say yes by chance.
    if (hasName) input.select();
    (hasName ? input : this.#no.hidden ? this.#yes : this.#no).focus();
  }

  /** @param {PageQuestion} question */
  #fill(question) {
    const { site } = question;
    const isSignIn = question.type === "ask_sign_in";
    const { yes, no } = BUTTONS[isSignIn ? "sign_in" : question.kind] ?? { yes: "ask_ok" };
    setText(this.#yes, t(yes));
    setText(this.#no, no === undefined ? "" : t(no));
    setVisible(this.#no, no !== undefined);
    setText(
      this.#title,
      isSignIn ? t("ask_sign_in_title", { site }) : site === "" ? t("ask_title_page") : t("ask_title", { site }),
    );
    setText(this.#text, textOf(question));
    setVisible(this.#text, this.#text.textContent !== "");
    setText(this.#name.label, t(isSignIn ? "ask_username" : "ask_prompt"));
    setText(this.#password.label, t("ask_password"));
  }

  /** @param {boolean} accept */
  #answer(accept) {
    const question = this.#shown;
    if (!question) return;
    const { question_id } = question;
    const text = this.#name.input.value;
    if (question.type === "ask_sign_in") {
      const credentials = accept ? { username: text, password: this.#password.input.value } : {};
      this.#send({ type: "answer_sign_in", question_id, ...credentials });
    } else {
      this.#send({ type: "answer_dialog", question_id, accept, ...(question.kind === "prompt" ? { text } : {}) });
    }
    this.#open.delete(question_id);
    this.render(true);
  }
}

/** @param {PageQuestion} question */
function textOf(question) {
  if (question.type === "ask_dialog") return question.kind === "beforeunload" ? t("ask_leave_text") : question.message;
  const { realm, tries_left: n } = question;
  return [realm === "" ? "" : t("ask_realm", { realm }), n < 3 ? t("ask_tries", { n }) : ""].filter(Boolean).join("\n");
}

/** @param {string} id @param {"text" | "password"} type */
function field(id, type) {
  const input = element("input");
  const label = element("label");
  input.id = id;
  input.type = type;
  input.autocomplete = "off";
  input.maxLength = 256;
  input.setAttribute("autocapitalize", "off");
  input.spellcheck = false;
  label.htmlFor = id;
  return { input, label, parts: [label, input] };
}

/** @param {string} className */
function button(className) {
  const made = element("button", className);
  made.type = "button";
  return made;
}
