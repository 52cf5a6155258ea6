// Keys pressed while the picture has the focus, each down with its up. What is composed goes as the text that it becomes.

import { ComposingField } from "./composing-field.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/**
 * @typedef {object} KeyPort what the keyboard needs of the page
 * @property {(message: ClientMessage) => void} send
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take control that nobody has
 * @property {(text: string, whole: boolean) => boolean} sendText
 * @property {() => void} onFocus the picture has got or lost the keyboard
 * @property {(point: { x: number, y: number }) => { left: number, top: number }} placeOf as ComposingPort
 */

const ALT = 1;
const CTRL = 2;
const SHIFT = 8;

/** Keys that type no character, and that every keyboard has. */
const NAMED_KEYS = new Set([
  ...["Enter", "Backspace", "Delete", "Escape", "Tab", "Insert", "CapsLock", "NumLock", "ContextMenu"],
  ...["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Clear"],
  ...["Shift", "Control", "Alt", "AltGraph"],
  ...["F1", "F2", "F3", "F4", "F6", "F7", "F8", "F9", "F10"],
]);
/** With Ctrl or Cmd these are the browser's of whoever sits here, by the place of the key. V pastes from this machine. */
const KEPT_SHORTCUTS = new Set([
  ...["KeyV", "KeyR", "KeyT", "KeyN", "KeyW", "KeyL", "KeyQ", "KeyF", "KeyP"],
  ...["Equal", "Minus", "Digit0", "NumpadAdd", "NumpadSubtract", "Numpad0", "Tab", "PageUp", "PageDown"],
]);
/** The key code of a key that an input method has taken. */
const KEY_CODE_COMPOSING = 229;

/**
 * What a key press means to the page: `shortcut` is released at once.
 * @param {{ key: string, code: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean,
 *   getModifierState: (name: string) => boolean }} event
 * @param {boolean} [isMac]
 * @returns {{ kind: "key" | "shortcut", modifiers: number } | { kind: "other" }}
 */
export function meaningOf(event, isMac = false) {
  const shift = event.shiftKey ? SHIFT : 0;
  const isCharacter = [...event.key].length === 1;
  if (!isCharacter && !NAMED_KEYS.has(event.key)) return { kind: "other" };
  // AltGr reports itself as Ctrl and Alt on Windows; what it types is plain text. So is what Option types on a Mac.
  const types = event.getModifierState("AltGraph") || (isMac && event.altKey && !event.ctrlKey && !event.metaKey);
  if (isCharacter && types) return { kind: "key", modifiers: shift };
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && KEPT_SHORTCUTS.has(event.code || event.key)) return { kind: "other" };
  // The page's browser knows Ctrl; a Mac's Cmd means the same to the person who presses it.
  const modifiers = (event.altKey ? ALT : 0) | (isCommand ? CTRL : 0) | shift;
  return { kind: event.metaKey ? "shortcut" : "key", modifiers };
}

/**
 * One press and release of a key.
 * @param {(message: ClientMessage) => void} send
 * @param {string} key @param {string} code @param {number} [modifiers]
 */
export function tapKey(send, key, code, modifiers = 0) {
  send({ type: "key", event_type: "down", key, code, modifiers });
  send({ type: "key", event_type: "up", key, code, modifiers });
}

/** Selects everything in the page's field and removes it. @param {(message: ClientMessage) => void} send */
export function clearField(send) {
  tapKey(send, "a", "KeyA", CTRL);
  tapKey(send, "Backspace", "Backspace");
}

export class KeyboardInput {
  #port;
  #field;
  #stop = new AbortController();
  #isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  /** What is down, by code, or by key where it has no code. @type {Map<string, { key: string, code: string }>} */
  #down = new Map();
  /** Alt that may begin a shortcut of the console: it goes with the next key. @type {KeyboardEvent | null} */
  #alt = null;
  /** The picture got the keyboard by a press, so Tab goes to the page; by Tab, it leaves: nobody must be caught. */
  #isPressed = false;

  /** @param {HTMLCanvasElement} canvas @param {KeyPort} port */
  constructor(canvas, port) {
    this.#port = port;
    const { signal } = this.#stop;
    const options = { signal };
    this.#field = new ComposingField(
      canvas,
      {
        onCommit: (text) => this.#sendText(text, false),
        onFocus: (hasFocus) => this.#onFocus(hasFocus),
        placeOf: (point) => port.placeOf(point),
      },
      signal,
    );
    const field = this.#field.element;
    canvas.addEventListener("pointerdown", (event) => this.#onPointer(event), { signal, capture: true });
    field.addEventListener("keydown", (event) => this.#onDown(event), options);
    field.addEventListener("keyup", (event) => this.#onUp(event), options);
    field.addEventListener("paste", (event) => this.#onPaste(event), options);
    // Before a shortcut of the console takes its key.
    addEventListener("keydown", (event) => this.#onAnyKey(event), { signal, capture: true });
    addEventListener("blur", () => this.release(), options);
    document.addEventListener("visibilitychange", () => document.hidden && this.release(), options);
  }

  /** Whether keys go to the page. */
  get hasFocus() {
    return this.#field.hasFocus;
  }

  /** What a screen reader calls the picture. @param {string} name */
  setName(name) {
    this.#field.setName(name);
  }

  /** Where the page's caret is, in page CSS px; null: not known. @param {{ x: number, y: number } | null} caret */
  setCaret(caret) {
    this.#field.setCaret(caret);
  }

  /** Whether Tab goes to the page, too. */
  get takesTab() {
    return this.#isPressed;
  }

  stop() {
    this.release();
    this.#stop.abort();
  }

  release() {
    this.#alt = null;
    for (const held of [...this.#down.values()]) this.#up(held, 0);
  }

  /** The connection is lost, and the server releases the keys by itself. */
  forget() {
    this.#alt = null;
    this.#down.clear();
  }

  /** @param {boolean} hasFocus */
  #onFocus(hasFocus) {
    if (!hasFocus) {
      this.release();
      this.#isPressed = false;
    }
    this.#port.onFocus();
  }

  /** @param {PointerEvent} event */
  #onPointer(event) {
    this.#isPressed = true;
    this.#field.pressedAt(event);
  }

  /** @param {KeyboardEvent} event */
  #onAnyKey(event) {
    if (this.#alt !== null && event.key !== "Alt" && event.altKey && event.code === "KeyV") this.#alt = null;
  }

  /** @param {KeyboardEvent} event */
  #onDown(event) {
    const meaning = meaningOf(event, this.#isMac);
    const isComposing = event.isComposing || event.keyCode === KEY_CODE_COMPOSING;
    if (isComposing || meaning.kind === "other" || !this.#port.mayAct()) return;
    if (event.key === "Tab" && !this.#isPressed) return;
    event.preventDefault();
    if (event.key === "Alt") {
      this.#alt ??= event;
      return;
    }
    this.#port.onPress();
    this.#sendAlt();
    if (meaning.kind === "shortcut") {
      // Released at once: a Mac sends no keyup while Cmd is held.
      tapKey(this.#port.send, event.key.toLowerCase(), event.code, meaning.modifiers);
    } else {
      this.#press(event, meaning.modifiers);
    }
  }

  /** @param {KeyboardEvent} event @param {number} modifiers */
  #press({ key, code, location, repeat }, modifiers) {
    this.#down.set(code || key, { key, code });
    this.#port.send({ type: "key", event_type: "down", key, code, modifiers, location, repeat });
  }

  #sendAlt() {
    const alt = this.#alt;
    this.#alt = null;
    if (alt !== null) this.#press(alt, ALT);
  }

  /** @param {KeyboardEvent} event */
  #onUp(event) {
    if (event.key === "Alt") {
      if (this.#alt !== null && this.#port.mayAct()) this.#sendAlt();
      event.preventDefault(); // or the menu of this browser would have the keyboard
    }
    const held = this.#down.get(event.code || event.key);
    if (held === undefined) return;
    event.preventDefault();
    const meaning = meaningOf(event, this.#isMac);
    this.#up(held, meaning.kind === "key" ? meaning.modifiers : 0);
  }

  /** @param {{ key: string, code: string }} held @param {number} modifiers */
  #up({ key, code }, modifiers) {
    this.#down.delete(code || key);
    this.#port.send({ type: "key", event_type: "up", key, code, modifiers });
  }

  /** @param {ClipboardEvent} event */
  #onPaste(event) {
    event.preventDefault();
    this.#sendText(event.clipboardData?.getData("text/plain") ?? "", true);
  }

  /** @param {string} text @param {boolean} whole */
  #sendText(text, whole) {
    if (text === "" || !this.#port.mayAct()) return;
    this.#port.onPress();
    this.#port.sendText(text, whole);
  }
}
