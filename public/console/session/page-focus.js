// The field of the page that has the focus: a phone shows the keyboard that fits, and the field stays in sight above it.

import { sameBox } from "./geometry.js";

/** @import { ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {Extract<ServerMessage, { type: "focus" }>["field"]} FocusedField */

/**
 * @typedef {object} FocusPort
 * @property {() => HTMLInputElement | HTMLTextAreaElement} input what the person types into
 * @property {() => boolean} mayAct
 * @property {(point: { x: number, y: number }) => { clientX: number, clientY: number } | null} clientAt where a point of the page is shown
 */

/** Room that is kept between the field and the edge of what is seen, CSS px. */
const MARGIN_PX = 16;

export class PageFocus {
  #port;
  /** @type {FocusedField} */
  #field = null;

  /** @param {FocusPort} port */
  constructor(port) {
    this.#port = port;
    // The keyboard comes and goes.
    globalThis.visualViewport?.addEventListener("resize", () => this.#keepInSight());
  }

  /** Of the page; null: none. */
  get field() {
    return this.#field;
  }

  /** @param {FocusedField} field */
  focused(field) {
    const before = this.#field;
    this.#field = field;
    if (field !== null && before !== null && isSame(field, before)) return; // its caret has moved
    const input = this.#port.input();
    if (field === null) input.removeAttribute("inputmode");
    else input.setAttribute("inputmode", field.inputmode);
    if (!hasFingers()) return;
    if (field === null) {
      if (document.activeElement === input && input.value === "") input.blur();
    } else if (this.#port.mayAct()) {
      input.focus({ preventScroll: true });
      this.#keepInSight();
    }
  }

  #keepInSight() {
    const seen = globalThis.visualViewport;
    if (this.#field === null || !seen || !hasFingers()) return;
    const { x, y, width, height } = this.#field.rect;
    const top = this.#port.clientAt({ x, y });
    const bottom = this.#port.clientAt({ x: x + width, y: y + height });
    if (top === null || bottom === null) return;
    const above = top.clientY - MARGIN_PX - seen.offsetTop;
    const below = bottom.clientY + MARGIN_PX - seen.offsetTop - seen.height;
    if (above < 0) scrollBy(0, above);
    else if (below > 0) scrollBy(0, Math.min(below, above));
  }
}

/** @param {NonNullable<FocusedField>} a @param {NonNullable<FocusedField>} b */
function isSame(a, b) {
  return a.kind === b.kind && a.inputmode === b.inputmode && sameBox(a.rect, b.rect);
}

/** Whether the keyboard is one on the screen. */
function hasFingers() {
  return matchMedia("(pointer: coarse)").matches;
}
