// A person's one-time code, given in the row of its session: six digits need no picture.

import { answerCode } from "../shared/api.js";
import { element, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */

/** As the server's. */
const MAX_CODE_LENGTH = 64;
const RESULT_WORDS = /** @type {const} */ ({
  solved: "otp_sent",
  typed: "otp_sent",
  unknown: "otp_unknown",
  rules_not_met: "otp_wrong",
  no_field: "otp_no_field",
});

/** Whether the row of this session asks for a code. @param {SessionListItem} session */
export function asksForCode({ challenge_kind, state, operators }) {
  return challenge_kind === "code" && state !== "starting" && operators === 0;
}

/**
 * @param {string} base @param {() => string} key @param {string} id
 * @returns {HTMLFormElement}
 */
export function newCodeForm(base, key, id) {
  const form = element("form", "row-code");
  const field = element("input");
  Object.assign(field, { type: "text", inputMode: "numeric", maxLength: MAX_CODE_LENGTH, required: true });
  field.autocomplete = "one-time-code";
  field.spellcheck = false;
  const send = element("button", "quiet");
  send.type = "submit";
  const status = element("span", "row-code-status");
  status.setAttribute("role", "status");
  form.append(field, send, status);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "" || send.disabled) return;
    send.disabled = true;
    say("otp_sending");
    try {
      const result = await answerCode(base, key(), id, text);
      say(RESULT_WORDS[result], result === "rules_not_met" || result === "no_field");
      field.value = "";
    } catch (failure) {
      status.removeAttribute("data-says");
      status.classList.add("bad");
      setText(status, failure instanceof Error ? failure.message : String(failure));
    } finally {
      send.disabled = false;
    }
  });
  return form;

  /** @param {(typeof RESULT_WORDS)[keyof typeof RESULT_WORDS] | "otp_sending"} word */
  function say(word, isBad = false) {
    status.dataset["says"] = word;
    status.classList.toggle("bad", isBad);
    setText(status, t(word));
  }
}

/** @param {HTMLFormElement} form @param {SessionListItem} session */
export function renderCodeForm(form, session) {
  const field = form.querySelector("input");
  const send = form.querySelector("button");
  const status = form.querySelector("span");
  if (!field || !send || !status) return;
  field.setAttribute("aria-label", t("otp_field"));
  field.placeholder = t("otp_field");
  setText(send, t("otp_send"));
  const says = /** @type {import("../shared/i18n.js").SentenceKey | undefined} */ (status.dataset["says"]);
  if (says) setText(status, t(says));
  // What was said stays for the person to read, and what is typed is not taken away.
  setVisible(form, asksForCode(session) || field.value !== "" || send.disabled);
}
