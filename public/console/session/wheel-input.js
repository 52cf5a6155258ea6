// The wheel over the picture: turns are added up, and go out some sixty times a second.

import { modifiersOf } from "./pointer-input.js";

/** @typedef {Pick<import("./pointer-input.js").PointerPort, "send" | "pageAt" | "mayAct">} WheelPort */

/** A line, for browsers that measure the wheel in lines. */
const WHEEL_LINE_PX = 40;
const WHEEL_PAGE_PX = 600;
/** About 60 a second whatever the screen: the server counts them, and scrolling goes on for long. */
const FLUSH_AFTER_MS = 16;

export class WheelInput {
  #port;
  #turned = { x: 0, y: 0 };
  /** Where the wheel turned last; null when nothing waits. @type {WheelEvent | null} */
  #at = null;

  /** @param {HTMLCanvasElement} canvas @param {WheelPort} port */
  constructor(canvas, port) {
    this.#port = port;
    canvas.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
  }

  /** The connection is lost: the waiting turns belong to a picture that is gone, too. */
  forget() {
    this.#at = null;
    this.#turned = { x: 0, y: 0 };
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    if (event.ctrlKey || !this.#port.mayAct()) return; // ctrl and wheel is the browser's own zoom, and its pinch
    event.preventDefault();
    const unit = [1, WHEEL_LINE_PX, WHEEL_PAGE_PX][event.deltaMode] ?? 1;
    this.#turned.x += event.deltaX * unit;
    this.#turned.y += event.deltaY * unit;
    if (this.#at === null) setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
    this.#at = event;
  }

  #flush() {
    const event = this.#at;
    const at = event === null ? null : this.#port.pageAt(event);
    const { x, y } = this.#turned;
    this.forget();
    if (event === null || at === null || !this.#port.mayAct()) return;
    const modifiers = modifiersOf(event);
    const keys = modifiers === 0 ? {} : { modifiers };
    this.#port.send({ type: "wheel", ...at, delta_x: x, delta_y: y, ...keys });
  }
}
