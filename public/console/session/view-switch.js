// The switch between the challenge and the whole page: a button by the picture, a key, and two fingers.

import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("./view-request.js").ViewMode} ViewMode */

/** The key's position, not its letter: Option+V types "√" on a Mac, and other scripts have no V. */
const SHORTCUT_CODE = "KeyV";
/** The key code of a key that an input method has taken. */
const KEY_CODE_COMPOSING = 229;

/**
 * @typedef {object} SwitchPort
 * @property {() => ViewMode} mode
 * @property {(mode: ViewMode) => void} choose
 * @property {() => boolean} isBusy a button is down on the page: the picture under the hand must not change
 */

export class ViewSwitch {
  #port;
  #button = byId("view-switch", HTMLButtonElement);
  #text = byId("view-switch-text", HTMLElement);
  #isOffered = false;

  /** @param {SwitchPort} port */
  constructor(port) {
    this.#port = port;
    this.#button.addEventListener("click", () => this.#toggle());
    // Before the picture gets the key: a key for the console is none for the page.
    document.addEventListener("keydown", (event) => this.#onKey(event), { capture: true });
  }

  /** @param {boolean} isLive @param {boolean} hasChallenge */
  render(isLive, hasChallenge) {
    const mode = this.#port.mode();
    this.#isOffered = isLive && (hasChallenge || mode === "page");
    setVisible(this.#button, this.#isOffered);
    this.#button.setAttribute("data-mode", mode);
    setText(this.#text, t(mode === "page" ? "view_challenge" : "view_page"));
    const keys = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌥V" : "Alt+V";
    this.#button.title = t(mode === "page" ? "view_challenge_title" : "view_page_title", { keys });
  }

  /** As everywhere, pinching together zooms out: more of the page is seen. @param {"together" | "apart"} direction */
  pinched(direction) {
    this.#choose(direction === "together" ? "page" : "challenge");
  }

  #toggle() {
    this.#choose(this.#port.mode() === "page" ? "challenge" : "page");
  }

  /** @param {ViewMode} mode */
  #choose(mode) {
    if (this.#isOffered && mode !== this.#port.mode() && !this.#port.isBusy()) this.#port.choose(mode);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (!isShortcut(event) || isField(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.#toggle();
  }
}

/**
 * Alt (Option) and V, nothing else: AltGr types letters.
 * @param {Pick<KeyboardEvent, "code" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey" | "isComposing" | "keyCode"
 *   | "getModifierState">} event
 */
export function isShortcut(event) {
  if (event.isComposing || event.keyCode === KEY_CODE_COMPOSING) return false;
  const others = event.ctrlKey || event.metaKey || event.shiftKey || event.getModifierState("AltGraph");
  return event.code === SHORTCUT_CODE && event.altKey && !others;
}

/** Keys typed into a field of the console belong to the field; the one over the picture is the picture's.
 * @param {EventTarget | null} target */
function isField(target) {
  const isText = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
  return isText && !target.classList.contains("composing");
}
