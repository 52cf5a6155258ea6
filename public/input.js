// Mouse, pen, finger and wheel over the picture, turned into the page's mouse events: nothing is lost, nothing stays pressed.

/** @import { ClientMessage } from "../src/protocol/live.ts" */
/** @typedef {"left" | "middle" | "right"} Button */
/** @typedef {{ x: number, y: number }} Point in page CSS px */

/**
 * @typedef {object} PointerPort what the pointer needs of the rest
 * @property {(message: ClientMessage) => void} send
 * @property {(event: { clientX: number, clientY: number }) => Point | null} pageAt
 * @property {() => number | undefined} seq of the picture on the screen
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take a control that nobody holds
 */

/** Hovering shows tooltips and highlights; 30 a second is smooth for that. Drags are never thinned out. */
const HOVER_EVERY_MS = 33;
/** What a browser that counts the wheel in lines means by one. */
const WHEEL_LINE_PX = 40;
const WHEEL_PAGE_PX = 600;
const TENTHS = 10;

/** By `PointerEvent.button`. @type {readonly Button[]} */
const BUTTONS = ["left", "middle", "right"];
/** As in `MouseEvent.buttons` and on the wire. */
const BITS = { left: 1, right: 2, middle: 4 };

export class PointerInput {
  #canvas;
  #port;
  #stop = new AbortController();
  /** @type {Set<Button>} */
  #down = new Set();
  /** The pointer that is dragging; a second finger is left alone until the view can be pinched. @type {number | null} */
  #pointer = null;
  /** @type {Point} */
  #last = { x: 0, y: 0 };
  /** A hover move that waits for its turn. @type {PointerEvent | null} */
  #hover = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hoverTimer;
  #wheel = { x: 0, y: 0 };
  /** Where the wheel turned last; null when no wheel waits. @type {WheelEvent | null} */
  #wheelAt = null;

  /** @param {HTMLCanvasElement} canvas @param {PointerPort} port */
  constructor(canvas, port) {
    this.#canvas = canvas;
    this.#port = port;
    const options = { signal: this.#stop.signal };
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event), options);
    canvas.addEventListener("pointermove", (event) => this.#onMove(event), options);
    canvas.addEventListener("pointerup", (event) => this.#onUp(event), options);
    for (const lost of /** @type {const} */ (["pointercancel", "lostpointercapture"])) {
      canvas.addEventListener(lost, (event) => event.pointerId === this.#pointer && this.release(), options);
    }
    canvas.addEventListener("wheel", (event) => this.#onWheel(event), { ...options, passive: false });
    for (const own of /** @type {const} */ (["contextmenu", "mousedown", "auxclick", "dragstart"])) {
      canvas.addEventListener(own, (event) => event.preventDefault(), options);
    }
    addEventListener("blur", () => this.release(), options);
    document.addEventListener("visibilitychange", () => document.hidden && this.release(), options);
  }

  stop() {
    this.release();
    this.#stop.abort();
  }

  get isDown() {
    return this.#down.size > 0;
  }

  /** Lets go of every button where the pointer was last. */
  release() {
    this.#dropHover();
    for (const button of [...this.#down]) this.#lift(button, this.#last, performance.now());
    this.#endDrag();
  }

  /** The line is gone: the server lets go by itself, and nothing of this drag may go to the next connection. */
  forget() {
    this.#dropHover();
    this.#down.clear();
    this.#endDrag();
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    const button = BUTTONS[event.button];
    if (button === undefined || !this.#port.mayAct() || this.#pointer !== null) return;
    this.#flushHover();
    this.#pointer = event.pointerId;
    capture(this.#canvas, event.pointerId);
    this.#press(button, event);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    if (this.#pointer !== null && event.pointerId !== this.#pointer) return;
    // A further button during a drag comes as a move that names the button.
    const chord = BUTTONS[event.button];
    if (this.#pointer !== null && chord !== undefined) {
      if (this.#down.has(chord)) this.#lift(chord, this.#at(event), event.timeStamp);
      else this.#press(chord, event);
    } else if (this.isDown) {
      this.#move(event);
    } else if (event.pointerType !== "touch" && this.#port.mayAct()) {
      this.#hover = event;
      if (this.#hoverTimer === undefined) this.#nextHover();
    }
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (event.pointerId !== this.#pointer) return;
    event.preventDefault();
    const at = this.#at(event);
    const button = BUTTONS[event.button];
    if (button !== undefined && this.#down.has(button)) this.#lift(button, at, event.timeStamp);
    this.release(); // whatever else is down: with the last button up, the browser's pointer is gone
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    if (event.ctrlKey || !this.#port.mayAct()) return; // ctrl and wheel is the browser's own zoom, and its pinch
    event.preventDefault();
    const unit = [1, WHEEL_LINE_PX, WHEEL_PAGE_PX][event.deltaMode] ?? 1;
    this.#wheel.x += event.deltaX * unit;
    this.#wheel.y += event.deltaY * unit;
    if (this.#wheelAt === null) requestAnimationFrame(() => this.#flushWheel());
    this.#wheelAt = event;
  }

  #flushWheel() {
    const at = this.#wheelAt === null ? null : this.#port.pageAt(this.#wheelAt);
    const { x, y } = this.#wheel;
    this.#wheelAt = null;
    this.#wheel = { x: 0, y: 0 };
    if (at !== null && this.#port.mayAct()) this.#port.send({ type: "wheel", ...at, delta_x: x, delta_y: y });
  }

  /** Sends the hover move that waits, then not another one for a while: the first at once, the last always. */
  #nextHover() {
    if (this.#hover === null) {
      this.#hoverTimer = undefined;
      return;
    }
    this.#move(this.#hover);
    this.#hover = null;
    this.#hoverTimer = setTimeout(() => this.#nextHover(), HOVER_EVERY_MS);
  }

  #flushHover() {
    if (this.#hover !== null) this.#move(this.#hover);
    this.#dropHover();
  }

  #dropHover() {
    this.#hover = null;
    clearTimeout(this.#hoverTimer);
    this.#hoverTimer = undefined;
  }

  /** @param {Button} button @param {PointerEvent} event */
  #press(button, event) {
    this.#port.onPress();
    const at = this.#at(event);
    this.#down.add(button);
    this.#send("down", at, event.timeStamp, button);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.#send("move", this.#at(event), event.timeStamp);
  }

  /** @param {Button} button @param {Point} at @param {number} t */
  #lift(button, at, t) {
    this.#down.delete(button);
    this.#send("up", at, t, button);
  }

  /** @param {"down" | "move" | "up"} eventType @param {Point} at @param {number} t ms on this page's clock @param {Button} [button] */
  #send(eventType, at, t, button) {
    const seq = this.#port.seq();
    this.#port.send({
      type: "mouse_event",
      event_type: eventType,
      x: at.x,
      y: at.y,
      ...(button === undefined ? {} : { button }),
      buttons: [...this.#down].reduce((bits, down) => bits | BITS[down], 0),
      t: Math.round(t * TENTHS) / TENTHS,
      ...(seq === undefined ? {} : { seq }),
    });
  }

  /** @param {PointerEvent} event */
  #at(event) {
    this.#last = this.#port.pageAt(event) ?? this.#last;
    return this.#last;
  }

  #endDrag() {
    const pointer = this.#pointer;
    this.#pointer = null;
    if (pointer !== null && this.#canvas.hasPointerCapture(pointer)) this.#canvas.releasePointerCapture(pointer);
  }
}

/** @param {Element} element @param {number} pointerId */
function capture(element, pointerId) {
  try {
    element.setPointerCapture(pointerId);
  } catch {
    // The pointer may be gone already (a very short tap); its up still arrives as an ordinary event.
  }
}
