// The sentences of the log: each event gives one at most, and only if a person would care about it.

import { codeWords, t } from "../shared/i18n.js";
import { countdown } from "../shared/time-format.js";
import { sameBox } from "./geometry.js";
import { timeLeft } from "./session-model.js";
import { nameOf } from "./window-strip.js";

/** @import { ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("./session-model.js").Model} Model */

/** A sentence that can be rendered again in another language. @typedef {() => string} Sentence */

/** An operator who acts near the end gets a few seconds again and again; only a real extension is worth a line. */
const WORTH_LOGGING_MS = 10_000;

const NOTICE_WORDS = /** @type {const} */ ({
  popup: "log_popup",
  popup_refused: "log_popup_refused",
  download_refused: "log_download",
  sound_not_offered: "log_sound_not_offered",
  printing: "log_printing",
  full_screen: "log_full_screen",
  passkey_refused: "log_passkey_refused",
  permission_refused: "log_permission_refused",
  dialogs_muted: "log_dialogs_muted",
  page_not_visible: "log_not_visible",
  page_visible: "log_visible",
  page_unresponsive: "log_unresponsive",
  page_responsive: "log_responsive",
  dialog_open: "log_dialog_open",
  page_reopening: "log_reopening",
  page_reopened: "log_reopened",
});

/**
 * @param {Model} before
 * @param {Model} after
 * @returns {Sentence[]}
 */
export function connectionSentences(before, after) {
  const lost = before.joined && !after.joined && after.connection.name === "RECONNECTING";
  return lost ? [() => t("log_lost")] : [];
}

/**
 * @param {Model} before
 * @param {Model} after
 * @param {ServerMessage} message
 * @param {number} now ms since 1970
 * @returns {Sentence[]}
 */
export function logSentences(before, after, message, now) {
  switch (message.type) {
    case "session_info":
      return infoSentences(before, after);
    case "session_state":
      return stateSentences(before, after, now);
    case "completed":
      return before.end === null ? [() => t("log_solved")] : [];
    case "control":
      return controlSentences(before, after);
    case "presence":
      return presenceSentences(before, after);
    case "error": {
      const { code, message: text } = message;
      // The state message logs the end of a session; the error behind it would repeat it.
      return after.end === null ? [() => codeWords(code, text)] : [];
    }
    case "dialog": {
      const { kind, message: text, answer } = message;
      if (kind === "alert") return [() => t("log_dialog", { message: text })];
      const words = () => t(answer === "accepted" ? "log_answer_accept" : "log_answer_dismiss");
      return [() => t("log_dialog_answered", { message: text, answer: words() })];
    }
    case "page_notice": {
      const { notice, url } = message;
      return [() => t(NOTICE_WORDS[notice], { url })];
    }
    case "windows": {
      const [was, is] = [before.windows.find(({ active }) => active), message.windows.find(({ active }) => active)];
      const isOther = is !== undefined && was !== undefined && was.id !== is.id;
      return isOther ? [() => t("log_window", { name: nameOf(is) })] : [];
    }
    case "moved_on":
      return message.at === null || message.at === before.movedOnAt ? [] : [() => t("log_moved_on")];
    default:
      return [];
  }
}

/** @param {Model} before @param {Model} after @returns {Sentence[]} */
function infoSentences(before, after) {
  const sentences = [];
  if (!before.joined) sentences.push(() => t(before.everJoined ? "log_reconnected" : "log_connected"));
  if (after.state === "starting") {
    if (before.state !== "starting") sentences.push(() => t("log_starting"));
    return sentences;
  }
  if (before.state === "starting") sentences.push(() => t("log_ready"));
  const [was, is] = [before.challenge, after.challenge];
  if (before.state === null || before.state === "starting" || (was === null) !== (is === null)) {
    sentences.push(() => t(is === null ? "log_whole_page" : "log_found"));
  } else if (was !== null && is !== null && !sameBox(was, is) && viewChanged(before, after)) {
    sentences.push(() => t("log_moved"));
  }
  return sentences;
}

/** @param {Model} before @param {Model} after */
function viewChanged(before, after) {
  return before.view !== null && after.view !== null && !sameBox(before.view, after.view);
}

/** @param {Model} before @param {Model} after @param {number} now @returns {Sentence[]} */
function stateSentences(before, after, now) {
  if (after.end !== null) {
    if (before.end !== null) return [];
    const { outcome, reason } = after.end;
    if (outcome === "solved") return [() => t("log_solved")];
    return [() => t("log_ended", { why: codeWords(reason) })];
  }
  if (before.state === "starting" && after.state !== "starting") return [() => t("log_ready")];
  // What is left, not when it ends: a server whose clock is set moves both.
  const [was, is] = [timeLeft(before, now), timeLeft(after, now)];
  if (was === null || is === null || Math.abs(is - was) < WORTH_LOGGING_MS) return [];
  return [() => t("log_time", { time: countdown(is) })];
}

/** @param {Model} before @param {Model} after @returns {Sentence[]} */
function controlSentences(before, after) {
  const [was, is] = [before.control, after.control];
  if (is === null || (was?.you === is.you && was.holder === is.holder)) return [];
  if (is.you) return was?.you ? [] : [() => t("log_control_you")];
  if (is.holder === null) return [() => t("log_control_free")];
  return [() => t("log_control_other")];
}

/** @param {Model} before @param {Model} after @returns {Sentence[]} */
function presenceSentences(before, after) {
  const n = after.operators;
  if (n === before.operators || (before.operators === 0 && n === 1)) return [];
  return n === 1 ? [() => t("log_people_one")] : [() => t("log_people_many", { n })];
}
