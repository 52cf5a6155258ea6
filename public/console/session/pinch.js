// Detects a pinch of two fingers on the picture, and reports once whether it goes together or apart. No DOM in here.

/** @typedef {Pick<PointerEvent, "pointerId" | "pointerType" | "isPrimary" | "clientX" | "clientY">} Finger */

/** Fingers this much nearer to each other, or further apart, mean it ... */
const MEANT_RATIO = 1.25;
/** ... if that is a way in CSS px, too: fingers close together are never quite still. */
const MEANT_PX = 24;

export class Pinch {
  #onPinch;
  /** Where the fingers are, by pointer id. @type {Map<number, { x: number, y: number }>} */
  #fingers = new Map();
  /** Between the two when the second came; null when there is nothing (more) to report. @type {number | null} */
  #startDistance = null;
  /** From the second finger on until the last one is up. */
  #isUnderWay = false;

  /** @param {(direction: "together" | "apart") => void} onPinch */
  constructor(onPinch) {
    this.#onPinch = onPinch;
  }

  /** @param {Finger} event @returns {boolean} whether this finger is a pinch's, not a press */
  down(event) {
    if (event.pointerType !== "touch") return false;
    // The first finger on an empty screen: any finger still noted as down is gone.
    if (event.isPrimary) this.#reset();
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#fingers.size > 1) this.#isUnderWay = true;
    this.#startDistance = this.#distance();
    return this.#isUnderWay;
  }

  /** @param {Finger} event @returns {boolean} as for `down` */
  move(event) {
    if (!this.#fingers.has(event.pointerId)) return false;
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [start, now] = [this.#startDistance, this.#distance()];
    if (start !== null && now !== null && isMeant(start, now)) {
      this.#startDistance = null;
      this.#onPinch(now < start ? "together" : "apart");
    }
    return this.#isUnderWay;
  }

  /** Lifted or taken away by the system. @param {Finger} event @returns {boolean} as for `down` */
  up(event) {
    const wasPinch = this.#fingers.delete(event.pointerId) && this.#isUnderWay;
    this.#startDistance = null;
    if (this.#fingers.size === 0) this.#isUnderWay = false;
    return wasPinch;
  }

  #reset() {
    this.#fingers.clear();
    this.#isUnderWay = false;
    this.#startDistance = null;
  }

  /** Null unless there are exactly two. */
  #distance() {
    const [a, b, more] = [...this.#fingers.values()];
    return a === undefined || b === undefined || more !== undefined ? null : Math.hypot(a.x - b.x, a.y - b.y);
  }
}

/** @param {number} start @param {number} now */
function isMeant(start, now) {
  const ratio = Math.max(start, now) / Math.max(1, Math.min(start, now));
  return ratio >= MEANT_RATIO && Math.abs(now - start) >= MEANT_PX;
}
