// An unseen text field over the picture that has the keyboard: input methods, dead keys and emoji need a real one. It stands
// at the page's caret, shows what is being composed, and hands it on once, when it is committed.

/**
 * @typedef {object} ComposingPort
 * @property {(text: string) => void} onCommit
 * @property {(hasFocus: boolean) => void} onFocus
 * @property {(point: { x: number, y: number }) => { left: number, top: number }} placeOf where a point of the page is, CSS px
 */

/** Room for a character that is not measured yet. */
const LEAST_WIDTH_PX = 2;
/** A press is at the height of the line, a caret at its top; the style sheet says how high a line is. */
const HALF_LINE_PX = 12;

export class ComposingField {
  #canvas;
  #port;
  #field = document.createElement("textarea");
  /** Where the person pressed last, in the frame around the canvas, CSS px. */
  #pressed = { left: 0, top: 0 };
  /** Where the page's caret is, in page CSS px; null: not known. @type {{ x: number, y: number } | null} */
  #caret = null;

  /** @param {HTMLCanvasElement} canvas @param {ComposingPort} port @param {AbortSignal} signal */
  constructor(canvas, port, signal) {
    this.#canvas = canvas;
    this.#port = port;
    const field = this.#field;
    field.className = "composing";
    field.tabIndex = -1;
    field.rows = 1;
    field.spellcheck = false;
    field.autocomplete = "off";
    field.setAttribute("autocapitalize", "off");
    field.setAttribute("autocorrect", "off");
    field.setAttribute("aria-describedby", "screen-hint");
    // A finger on the picture is a press on the page; a phone's keyboard would cover half of it each time.
    if (matchMedia("(hover: none)").matches) field.inputMode = "none";
    canvas.after(field);
    const options = { signal };
    canvas.addEventListener("focus", () => canvas.tabIndex >= 0 && this.#takeFocus(), options);
    field.addEventListener("focus", () => port.onFocus(true), options);
    field.addEventListener("blur", (event) => this.#onBlur(event), options);
    field.addEventListener("compositionstart", () => this.#show(), options);
    field.addEventListener("compositionend", () => this.#commit(), options);
    field.addEventListener("input", (event) => this.#onInput(event), options);
  }

  get element() {
    return this.#field;
  }

  get hasFocus() {
    return document.activeElement === this.#field;
  }

  /** It is the picture's keyboard, and has its name. @param {string} name */
  setName(name) {
    this.#field.setAttribute("aria-label", name);
  }

  /** @param {{ offsetX: number, offsetY: number }} point in the canvas's CSS px */
  pressedAt({ offsetX, offsetY }) {
    this.#pressed = { left: this.#canvas.offsetLeft + offsetX, top: this.#canvas.offsetTop + offsetY - HALF_LINE_PX };
    this.#place();
  }

  /** Where the page's caret is, in page CSS px; null: not known, so that text is composed where the person pressed last.
   * @param {{ x: number, y: number } | null} caret */
  setCaret(caret) {
    this.#caret = caret;
    this.#place();
  }

  #show() {
    this.#place(); // the picture may have moved since
    this.#field.classList.add("shown");
  }

  /** A caret beside the part of the page that is shown: at the edge next to it. */
  #place() {
    const { left, top } = this.#caret === null ? this.#pressed : this.#port.placeOf(this.#caret);
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.#canvas;
    this.#field.style.left = `${within(left, offsetLeft, offsetWidth)}px`;
    this.#field.style.top = `${within(top, offsetTop, offsetHeight)}px`;
  }

  /** The canvas leaves the order of Tab meanwhile: Shift and Tab would come back to it for ever. */
  #takeFocus() {
    this.#field.focus({ preventScroll: true });
    this.#canvas.tabIndex = -1;
  }

  /** @param {FocusEvent} event */
  #onBlur(event) {
    if (event.relatedTarget === this.#canvas) {
      this.#canvas.tabIndex = 0;
      return; // the canvas gives it back at once
    }
    this.#empty();
    this.#port.onFocus(false);
  }

  /** @param {Event} event */
  #onInput(event) {
    if (event instanceof InputEvent && event.isComposing) {
      this.#field.style.width = "0";
      this.#field.style.width = `${Math.max(this.#field.scrollWidth, LEAST_WIDTH_PX)}px`;
    } else {
      this.#commit(); // an emoji, or a word that was dictated
    }
  }

  #commit() {
    const text = this.#field.value;
    this.#empty();
    if (text !== "") this.#port.onCommit(text);
  }

  #empty() {
    this.#field.value = "";
    this.#field.classList.remove("shown");
    this.#field.style.width = "";
  }
}

/** @param {number} value @param {number} start @param {number} length */
function within(value, start, length) {
  return Math.round(Math.min(Math.max(value, start), start + length));
}
