// The text box whose text is typed into the page: a real field, so that input methods, dictation and phone keyboards work.

import { clearField, tapKey } from "./keyboard-input.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/** The key code of every key, Enter included, while an input method is in the middle of a word. */
const KEY_CODE_COMPOSING = 229;

/**
 * @param {object} parts
 * @param {HTMLFormElement} parts.form
 * @param {HTMLInputElement} parts.field
 * @param {HTMLElement} parts.keys buttons with `data-key`
 * @param {object} port
 * @param {(message: ClientMessage) => void} port.send
 * @param {(text: string, whole: boolean) => boolean} port.sendText whether it went out
 * @param {() => boolean} port.mayAct
 * @param {() => void} port.onPress
 */
export function wireTextBox({ form, field, keys }, port) {
  field.addEventListener("keydown", (event) => {
    // Enter that only picks a word of the input method must not send anything (Safari ends the composition first).
    if (event.key === "Enter" && (event.isComposing || event.keyCode === KEY_CODE_COMPOSING)) event.preventDefault();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!port.mayAct()) return;
    port.onPress();
    if (field.value === "") tapKey(port.send, "Enter", "Enter");
    else if (port.sendText(field.value, true)) field.value = "";
  });

  keys.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-key]") : null;
    const key = button?.getAttribute("data-key");
    if (!key || !port.mayAct()) return;
    port.onPress();
    if (key === "clear") clearField(port.send);
    else tapKey(port.send, key, key);
  });
}
