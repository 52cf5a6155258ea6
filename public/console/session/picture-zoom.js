// Looks closer at the picture: up to four times, by buttons or by fingers that are the picture's and not the page's.

/** @typedef {{ x: number, y: number }} Point in client px */

/**
 * @typedef {object} ZoomPort
 * @property {() => boolean} isMine fingers are the picture's
 * @property {(zoom: number) => void} onZoom how many times larger the picture is shown than it fits
 * @property {() => void} onSettled the picture may be asked for anew, sharper
 */

export const MOST_ZOOM = 4;
const STEP = 1.5;
/** A pinch goes on: the sharper picture is asked for once it rests. */
const SETTLED_MS = 250;

/** It hears events before those that act on the page: make it first. */
export class PictureZoom {
  #canvas;
  #frame;
  #port;
  #zoom = 1;
  /** @type {Map<number, Point>} */
  #fingers = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;

  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} frame what scrolls the canvas @param {ZoomPort} port */
  constructor(canvas, frame, port) {
    this.#canvas = canvas;
    this.#frame = frame;
    this.#port = port;
    const capture = { capture: true };
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event), capture);
    canvas.addEventListener("pointermove", (event) => this.#onMove(event), capture);
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(end, (event) => this.#onUp(event), capture);
    }
  }

  get zoom() {
    return this.#zoom;
  }

  /** A step closer or further away, around the middle of what is seen. */
  closer() {
    this.#zoomTo(this.#zoom * STEP, this.#middle());
  }

  further() {
    this.#zoomTo(this.#zoom / STEP, this.#middle());
  }

  reset() {
    if (this.#zoom !== 1) this.#zoomTo(1, this.#middle());
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.pointerType !== "touch" || !this.#port.isMine()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.isPrimary) this.#fingers.clear();
    this.#fingers.set(event.pointerId, pointOf(event));
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const from = this.#fingers.get(event.pointerId);
    if (from === undefined) return;
    event.stopImmediatePropagation();
    const to = pointOf(event);
    const [other] = [...this.#fingers].flatMap(([id, point]) => (id === event.pointerId ? [] : [point]));
    this.#fingers.set(event.pointerId, to);
    if (other === undefined) {
      this.#pan(from.x - to.x, from.y - to.y);
    } else {
      const ratio = distance(to, other) / Math.max(1, distance(from, other));
      const middle = { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 };
      this.#zoomTo(this.#zoom * ratio, middle);
      this.#pan((from.x - to.x) / 2, (from.y - to.y) / 2);
    }
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (this.#fingers.delete(event.pointerId)) event.stopImmediatePropagation();
  }

  /** What the picture cannot go any further, the console's page does. @param {number} x @param {number} y */
  #pan(x, y) {
    const before = this.#frame.scrollTop;
    this.#frame.scrollBy(x, y);
    if (y !== 0 && this.#frame.scrollTop === before) scrollBy(0, y);
  }

  /** The point of the picture at `around` stays there. @param {number} wanted @param {Point} around */
  #zoomTo(wanted, around) {
    const zoom = Math.min(Math.max(wanted, 1), MOST_ZOOM);
    if (zoom === this.#zoom) return;
    const before = this.#canvas.getBoundingClientRect();
    const share = { x: (around.x - before.x) / before.width, y: (around.y - before.y) / before.height };
    this.#zoom = zoom;
    this.#port.onZoom(zoom);
    const after = this.#canvas.getBoundingClientRect();
    this.#frame.scrollBy(after.x + share.x * after.width - around.x, after.y + share.y * after.height - around.y);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#port.onSettled(), SETTLED_MS);
  }

  #middle() {
    const { x, y, width, height } = this.#frame.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
  }
}

/** @param {PointerEvent} event @returns {Point} */
function pointOf({ clientX, clientY }) {
  return { x: clientX, y: clientY };
}

/** @param {Point} a @param {Point} b */
function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
