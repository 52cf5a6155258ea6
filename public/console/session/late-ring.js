// A thin ring where the hand is in a drag, while the picture that should show it is late.

import { element } from "../shared/dom.js";

/** @typedef {import("./pointer-input.js").Point} Point */

/** A hand that sees nothing move for longer than this slows down, or overshoots. */
const LATE_MS = 60;
/** The hand rests, and the picture has come: nothing is late any more. */
const REST_MS = 150;

export class LateRing {
  #mark = element("div", "late-ring");
  #port;
  /** When the first move was made that no picture has followed yet, on the clock of `performance.now()`. @type {number | null} */
  #since = null;
  /** @type {Point} */
  #at = { x: 0, y: 0 };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} frame around the picture
   * @param {object} port
   * @param {(at: Point) => { left: number, top: number }} port.placeOf where a point of the page is in the frame, CSS px
   * @param {() => number | null} port.roundTrip of the connection, ms: no picture shows a move sooner
   */
  constructor(frame, port) {
    this.#port = port;
    this.#mark.hidden = true;
    this.#mark.setAttribute("aria-hidden", "true");
    frame.append(this.#mark);
  }

  /** The hand has moved. @param {Point} at */
  moved(at) {
    this.#at = at;
    if (!this.#mark.hidden) this.#show();
    if (this.#since !== null) return;
    this.#since = performance.now();
    this.#after(this.#isLineSlow ? 0 : LATE_MS, () => this.#show());
  }

  /** A picture is on the screen. */
  pictureShown() {
    if (this.#since === null) return;
    const isLate = this.#isLineSlow || performance.now() - this.#since > LATE_MS;
    this.#since = null;
    this.#after(isLate ? REST_MS : 0, () => this.#hide());
  }

  /** Nothing is pressed any more. */
  released() {
    this.#since = null;
    this.#after(0, () => this.#hide());
  }

  /** Pictures come one after the other there, and each is late. */
  get #isLineSlow() {
    return (this.#port.roundTrip() ?? 0) > LATE_MS;
  }

  /** @param {number} ms 0: now @param {() => void} act in place of what waits */
  #after(ms, act) {
    clearTimeout(this.#timer);
    if (ms === 0) act();
    else this.#timer = setTimeout(act, ms);
  }

  #show() {
    const { left, top } = this.#port.placeOf(this.#at);
    this.#mark.style.transform = `translate(${left}px, ${top}px)`;
    this.#mark.hidden = false;
  }

  #hide() {
    this.#mark.hidden = true;
  }
}
