// Keys pressed while the picture has the focus: text as text, named keys and shortcuts as keys, each down with its up.

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/**
 * @typedef {object} KeyPort what the keyboard needs of the page
 * @property {(message: ClientMessage) => void} send
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take control that nobody has
 * @property {(text: string) => boolean} sendText
 */

const ALT = 1;
const CTRL = 2;
const META = 4;
const SHIFT = 8;

/** Tab is not here: it leaves the picture, or people without a mouse could never get out. */
const NAMED_KEYS = new Set([
  ...["Enter", "Backspace", "Delete", "Escape"],
  ...["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"],
]);
/** With Ctrl or Cmd: select all, copy, cut, undo, redo. Paste comes as text, from this machine's clipboard. */
const SHORTCUTS = new Set(["a", "c", "x", "z", "y"]);

/**
 * What a key press means to the page.
 * @param {{ key: string, code: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean,
 *   getModifierState: (name: string) => boolean }} event
 * @returns {{ kind: "text", text: string } | { kind: "key" | "shortcut", modifiers: number } | { kind: "other" }}
 */
export function meaningOf(event) {
  const modifiers =
    (event.altKey ? ALT : 0) | (event.ctrlKey ? CTRL : 0) | (event.metaKey ? META : 0) | (event.shiftKey ? SHIFT : 0);
  if (NAMED_KEYS.has(event.key)) return { kind: "key", modifiers };
  if ([...event.key].length !== 1) return { kind: "other" };
  // AltGr reports itself as Ctrl and Alt on Windows; what it types is plain text. So is what Option types on a Mac.
  const command = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
  if (!command) return { kind: "text", text: event.key };
  if (!SHORTCUTS.has(event.key.toLowerCase()) || event.altKey) return { kind: "other" };
  // The page's browser knows Ctrl; a Mac's Cmd means the same to the person who presses it.
  return { kind: "shortcut", modifiers: CTRL | (event.shiftKey ? SHIFT : 0) };
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
  #stop = new AbortController();
  /** Code to key of what is down. @type {Map<string, string>} */
  #down = new Map();

  /** @param {HTMLCanvasElement} canvas @param {KeyPort} port */
  constructor(canvas, port) {
    this.#port = port;
    const options = { signal: this.#stop.signal };
    canvas.addEventListener("keydown", (event) => this.#onDown(event), options);
    canvas.addEventListener("keyup", (event) => this.#onUp(event), options);
    canvas.addEventListener("blur", () => this.release(), options);
    addEventListener("blur", () => this.release(), options);
    document.addEventListener("visibilitychange", () => document.hidden && this.release(), options);
    // A canvas is no editable field: the paste event goes to the document, wherever the focus is.
    document.addEventListener("paste", (event) => document.activeElement === canvas && this.#onPaste(event), options);
  }

  stop() {
    this.release();
    this.#stop.abort();
  }

  release() {
    for (const [code, key] of [...this.#down]) this.#up(key, code, 0);
  }

  /** The connection is lost, and the server releases the keys by itself. */
  forget() {
    this.#down.clear();
  }

  /** @param {KeyboardEvent} event */
  #onDown(event) {
    const meaning = meaningOf(event);
    if (event.isComposing || meaning.kind === "other" || !this.#port.mayAct()) return;
    event.preventDefault();
    this.#port.onPress();
    if (meaning.kind === "text") {
      this.#port.sendText(meaning.text);
    } else if (meaning.kind === "shortcut") {
      // Released at once: a Mac sends no keyup while Cmd is held.
      tapKey(this.#port.send, event.key.toLowerCase(), event.code, meaning.modifiers);
    } else {
      this.#down.set(event.code, event.key);
      const { key, code } = event;
      this.#port.send({ type: "key", event_type: "down", key, code, modifiers: meaning.modifiers });
    }
  }

  /** @param {KeyboardEvent} event */
  #onUp(event) {
    const key = this.#down.get(event.code);
    if (key === undefined) return;
    event.preventDefault();
    const meaning = meaningOf(event);
    this.#up(key, event.code, meaning.kind === "key" ? meaning.modifiers : 0);
  }

  /** @param {string} key @param {string} code @param {number} modifiers */
  #up(key, code, modifiers) {
    this.#down.delete(code);
    this.#port.send({ type: "key", event_type: "up", key, code, modifiers });
  }

  /** @param {ClipboardEvent} event */
  #onPaste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text === "" || !this.#port.mayAct()) return;
    event.preventDefault();
    this.#port.onPress();
    this.#port.sendText(text);
  }
}
