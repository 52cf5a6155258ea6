// Fingers over the picture as the page's own fingers, where it takes them; and the right button for those who have none.

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("./pointer-input.js").Point} Point */

/**
 * @typedef {object} TouchPort what fingers need of the page
 * @property {(message: ClientMessage) => void} send
 * @property {(event: { clientX: number, clientY: number }) => Point | null} pageAt
 * @property {() => number | undefined} seq of the picture on the screen
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take control that nobody has
 * @property {() => boolean} hasTouch the page takes fingers
 * @property {() => boolean} isMobile the page is a phone's: a mouse is a finger there, as it has none
 * @property {() => boolean} takesRight the next press is one of the right button; it is asked once a press
 */

const MOST_FINGERS = 5;
/** The two fingers of a tap land within this time, as those of a pinch do ... */
const SECOND_FINGER_MS = 80;
/** ... and are up again within this one, */
const TAP_MS = 400;
/** ... without going further than this, in CSS px. */
const TAP_PX = 12;
const RIGHT = 2;
const TENTHS = 10;

/**
 * It hears events before PointerInput, and keeps from it what it takes: make it first.
 */
export class TouchInput {
  #canvas;
  #port;
  #stop = new AbortController();
  /** The page's fingers, by pointer id. @type {Map<number, { id: number, x: number, y: number }>} */
  #fingers = new Map();
  #lastId = 0;
  /** The pointer that presses the right button when it is lifted. @type {number | null} */
  #right = null;
  #tap;

  /** @param {HTMLCanvasElement} canvas @param {TouchPort} port */
  constructor(canvas, port) {
    this.#canvas = canvas;
    this.#port = port;
    this.#tap = new TwoFingerTap((event) => !port.hasTouch() && port.mayAct() && this.#click(event));
    const options = { signal: this.#stop.signal, capture: true };
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event), options);
    canvas.addEventListener("pointermove", (event) => this.#onMove(event), options);
    canvas.addEventListener("pointerup", (event) => this.#onUp(event), options);
    canvas.addEventListener("pointercancel", (event) => this.#onLost(event), options);
    canvas.addEventListener("lostpointercapture", (event) => this.#onLost(event), options);
    // A long press stays a press: no magnifier, no callout, no menu of the system.
    canvas.addEventListener("touchstart", (event) => port.mayAct() && event.preventDefault(), {
      signal: this.#stop.signal,
      passive: false,
    });
    addEventListener("blur", () => this.release(), { signal: this.#stop.signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.release(), {
      signal: this.#stop.signal,
    });
  }

  stop() {
    this.release();
    this.#stop.abort();
  }

  get isDown() {
    return this.#fingers.size > 0;
  }

  /** Lifts every finger where it is. */
  release() {
    if (this.isDown) this.#send("end", [...this.#fingers.values()], performance.now());
    this.forget();
  }

  /** The connection is lost: the server lifts the fingers by itself. */
  forget() {
    this.#fingers.clear();
    this.#right = null;
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button === 0 && this.#port.mayAct() && this.#port.takesRight()) {
      this.#take(event);
      this.#right = event.pointerId;
      return;
    }
    this.#tap.down(event);
    if (!this.#isFinger(event)) return;
    this.#take(event);
    if (!this.#port.mayAct() || this.#fingers.size >= MOST_FINGERS) return;
    this.#port.onPress();
    this.#lastId += 1;
    const finger = { id: this.#lastId, x: 0, y: 0 };
    this.#fingers.set(event.pointerId, finger);
    this.#send("start", [this.#moveTo(finger, event)], event.timeStamp);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    this.#tap.move(event);
    const finger = this.#fingers.get(event.pointerId);
    if (finger !== undefined) {
      event.stopImmediatePropagation();
      this.#moveTo(finger, event);
      this.#send("move", [...this.#fingers.values()], event.timeStamp);
    } else if (event.pointerId === this.#right || (event.buttons === 0 && this.#isFinger(event))) {
      event.stopImmediatePropagation(); // a phone knows no pointer that only passes
    }
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    this.#tap.up(event);
    const finger = this.#fingers.get(event.pointerId);
    if (finger !== undefined) {
      event.stopImmediatePropagation();
      this.#fingers.delete(event.pointerId);
      this.#send("end", [this.#moveTo(finger, event)], event.timeStamp);
    } else if (event.pointerId === this.#right) {
      event.stopImmediatePropagation();
      this.#right = null;
      if (this.#port.mayAct()) this.#click(event);
    }
  }

  /** The system took the pointer away, and with it all that the page's fingers began. @param {PointerEvent} event */
  #onLost(event) {
    // A capture ends with each finger that is lifted.
    if (event.type === "pointercancel") this.#tap.lost();
    if (event.pointerId === this.#right) this.#right = null;
    if (!this.#fingers.has(event.pointerId)) return;
    this.#send("cancel", [...this.#fingers.values()], event.timeStamp);
    this.#fingers.clear();
  }

  /** @param {PointerEvent} event */
  #isFinger(event) {
    if (!this.#port.hasTouch()) return false;
    if (event.pointerType === "touch") return true;
    return this.#port.isMobile() && event.button <= 0;
  }

  /** @param {PointerEvent} event */
  #take(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#canvas.focus({ preventScroll: true });
    try {
      this.#canvas.setPointerCapture(event.pointerId);
    } catch {
      // The pointer may be gone already (a very short tap); its up still arrives as an ordinary event.
    }
  }

  /** @param {{ id: number, x: number, y: number }} finger @param {PointerEvent} event */
  #moveTo(finger, event) {
    return Object.assign(finger, this.#port.pageAt(event) ?? {});
  }

  /** A press and release of the right button. @param {{ clientX: number, clientY: number }} event */
  #click(event) {
    const at = this.#port.pageAt(event);
    if (at === null) return;
    this.#port.onPress();
    const press = { type: /** @type {const} */ ("mouse_event"), ...at, button: /** @type {const} */ ("right") };
    const t = tenths(performance.now());
    this.#port.send({ ...press, event_type: "down", buttons: RIGHT, t });
    this.#port.send({ ...press, event_type: "up", buttons: 0, t });
  }

  /** @param {"start" | "move" | "end" | "cancel"} eventType @param {{ id: number, x: number, y: number }[]} touches @param {number} t */
  #send(eventType, touches, t) {
    const seq = this.#port.seq();
    this.#port.send({
      type: "touch_event",
      event_type: eventType,
      touches: touches.map((touch) => ({ ...touch })),
      t: tenths(t),
      ...(seq === undefined ? {} : { seq }),
    });
  }
}

/** Notices a tap of two fingers. It takes no event: they press nothing, as they may be a pinch. */
class TwoFingerTap {
  #onTap;
  /** Where the fingers came down, by pointer id. @type {Map<number, PointerEvent>} */
  #down = new Map();
  /** The first finger, as long as this may be a tap. @type {PointerEvent | null} */
  #first = null;
  #hasTwo = false;

  /** @param {(at: PointerEvent) => void} onTap where the first finger was */
  constructor(onTap) {
    this.#onTap = onTap;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.pointerType !== "touch") return;
    if (event.isPrimary) {
      this.lost();
      this.#first = event;
    } else if (this.#down.size !== 1 || event.timeStamp - (this.#first?.timeStamp ?? 0) > SECOND_FINGER_MS) {
      this.#first = null;
    } else {
      this.#hasTwo = true;
    }
    this.#down.set(event.pointerId, event);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const from = this.#down.get(event.pointerId);
    if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > TAP_PX) this.#first = null;
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.#down.delete(event.pointerId) || this.#down.size > 0) return;
    const first = this.#first;
    const isTap = this.#hasTwo && first !== null && event.timeStamp - first.timeStamp <= TAP_MS;
    this.lost();
    if (isTap) this.#onTap(first);
  }

  lost() {
    this.#down.clear();
    this.#first = null;
    this.#hasTwo = false;
  }
}

/** @param {number} ms */
function tenths(ms) {
  return Math.round(ms * TENTHS) / TENTHS;
}
