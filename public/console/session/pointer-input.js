// Mouse, pen and finger over the picture as the page's mouse events: no event is lost, no button stays pressed.

import { Pinch } from "./pinch.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */
/** @typedef {"left" | "middle" | "right" | "back" | "forward"} Button */
/** @typedef {{ x: number, y: number }} Point in page CSS px */
/** @typedef {{ button: Button, at: Point, t: number, seq: number | undefined, modifiers: number }} Press `t` ms on this page's clock */

/**
 * @typedef {object} PointerPort what the pointer needs of the page
 * @property {(message: ClientMessage) => void} send
 * @property {(event: { clientX: number, clientY: number }) => Point | null} pageAt
 * @property {() => number | undefined} seq of the picture on the screen
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take control that nobody has
 * @property {(direction: "together" | "apart") => void} onPinch
 * @property {(at: Point) => void} onDrag a move with a button down was sent
 * @property {() => void} onRelease the last button is up
 */

/** Hovering shows tooltips and highlights; 30 a second is smooth for that. */
const HOVER_EVERY_MS = 33;
/** Four moves for each frame of a usual screen. A mouse may report 8,000 a second, more than the socket takes. */
const DRAG_EVERY_MS = 4;
/** The fingers of a pinch land within this time; a finger that rests for longer is a press. */
const SECOND_FINGER_MS = 80;
/** A finger that goes further than it trembles, in CSS px, drags: its press waits no longer. */
const TREMBLE_PX = 4;
const TENTHS = 10;

/** By `PointerEvent.button`. @type {readonly Button[]} */
const BUTTONS = ["left", "middle", "right", "back", "forward"];
/** As in `MouseEvent.buttons` and on the wire. */
const BITS = { left: 1, right: 2, middle: 4, back: 8, forward: 16 };

export class PointerInput {
  #canvas;
  #port;
  #stop = new AbortController();
  /** @type {Set<Button>} */
  #down = new Set();
  /** The pointer that is dragging. @type {number | null} */
  #pointer = null;
  #pinch;
  /** A finger's press that is held back until it is sure not to be half of a pinch. @type {{ press: Press, from: PointerEvent } | null} */
  #held = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #heldTimer;
  /** @type {Point} */
  #last = { x: 0, y: 0 };
  /** A move that waits for its turn. @type {PointerEvent | null} */
  #waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #moveTimer;
  /** Whether this drag has raw moves: then its other moves are late repeats of them. */
  #hasRaw = false;
  /** @param {Event} event */
  #onRaw = (event) => event instanceof PointerEvent && this.#onRawMove(event);

  /** @param {HTMLCanvasElement} canvas @param {PointerPort} port */
  constructor(canvas, port) {
    this.#canvas = canvas;
    this.#port = port;
    this.#pinch = new Pinch(port.onPinch);
    const options = { signal: this.#stop.signal };
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event), options);
    canvas.addEventListener("pointermove", (event) => this.#onMove(event), options);
    canvas.addEventListener("pointerup", (event) => this.#onUp(event), options);
    canvas.addEventListener("pointercancel", (event) => this.#onLost(event, this.#pinch.up(event)), options);
    canvas.addEventListener("lostpointercapture", (event) => this.#onLost(event), options);
    // Back and forward of the mouse are the page's: without this they would leave the console.
    for (const own of /** @type {const} */ (["contextmenu", "mousedown", "mouseup", "auxclick", "dragstart"])) {
      canvas.addEventListener(own, (event) => event.preventDefault(), options);
    }
    addEventListener("blur", () => this.release(), options);
    document.addEventListener("visibilitychange", () => document.hidden && this.release(), options);
  }

  stop() {
    this.release();
    this.#stop.abort();
  }

  /** Also while a finger's press is held back. */
  get isDown() {
    return this.#down.size > 0 || this.#held !== null;
  }

  /** Releases every button where the pointer was last. */
  release() {
    this.#liftAll();
    this.#endDrag();
  }

  /** The connection is lost: the server releases by itself, and nothing of this drag may go to the next connection. */
  forget() {
    this.#dropWaiting();
    this.#down.clear();
    this.#endDrag();
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    if (this.#pinch.down(event)) {
      // A press already sent is released where it is, as if the finger were lifted; the pinch keeps the finger.
      this.#liftAll();
      this.#pointer = null;
      return;
    }
    const button = BUTTONS[event.button];
    if (button === undefined || !this.#port.mayAct() || this.#pointer !== null) return;
    this.#flushMove();
    this.#pointer = event.pointerId;
    this.#hasRaw = false;
    capture(this.#canvas, event.pointerId);
    const press = this.#pressOf(button, event);
    if (event.pointerType === "touch") {
      this.#held = { press, from: event };
      this.#heldTimer = setTimeout(() => this.#flushHeld(), SECOND_FINGER_MS);
    } else {
      // A browser gives out moves once a frame, raw ones at once: some 10 ms earlier. Only secure pages get them.
      this.#canvas.addEventListener("pointerrawupdate", this.#onRaw);
      this.#press(press);
    }
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    if (this.#pinch.move(event) || (this.#pointer !== null && event.pointerId !== this.#pointer)) return;
    if (this.#held !== null) {
      const { from } = this.#held;
      if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) <= TREMBLE_PX) return;
      this.#flushHeld();
    }
    // A further button during a drag comes as a move that names the button.
    const chord = BUTTONS[event.button];
    if (this.#pointer !== null && chord !== undefined) {
      this.#flushMove();
      if (this.#down.has(chord)) this.#lift(chord, this.#at(event), event.timeStamp, modifiersOf(event));
      else this.#press(this.#pressOf(chord, event));
    } else if (this.isDown ? !this.#hasRaw : event.pointerType !== "touch" && this.#port.mayAct()) {
      this.#offerMove(event);
    }
  }

  /** @param {PointerEvent} event */
  #onRawMove(event) {
    // A further button comes as an ordinary move.
    if (event.pointerId !== this.#pointer || !this.isDown || BUTTONS[event.button] !== undefined) return;
    this.#hasRaw = true;
    this.#offerMove(event);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (this.#pinch.up(event) || event.pointerId !== this.#pointer) return;
    event.preventDefault();
    this.#flushHeld();
    this.#flushMove();
    const at = this.#at(event);
    const button = BUTTONS[event.button];
    if (button !== undefined && this.#down.has(button)) this.#lift(button, at, event.timeStamp, modifiersOf(event));
    this.release(); // whatever else is down: with the last button up, the browser's pointer is gone
  }

  /** The system took the pointer away. @param {PointerEvent} event @param {boolean} [wasPinch] */
  #onLost(event, wasPinch = false) {
    if (!wasPinch && event.pointerId === this.#pointer) this.release();
  }

  /** @param {PointerEvent} event */
  #offerMove(event) {
    this.#waiting = event;
    if (this.#moveTimer === undefined) this.#nextMove();
  }

  /** Sends the move that waits, then not another one for a while: the first at once, the last always. */
  #nextMove() {
    if (this.#waiting === null) {
      this.#moveTimer = undefined;
      return;
    }
    this.#move(this.#waiting);
    this.#waiting = null;
    this.#moveTimer = setTimeout(() => this.#nextMove(), this.isDown ? DRAG_EVERY_MS : HOVER_EVERY_MS);
  }

  #flushMove() {
    if (this.#waiting !== null) this.#move(this.#waiting);
    this.#dropMove();
  }

  #dropMove() {
    this.#waiting = null;
    clearTimeout(this.#moveTimer);
    this.#moveTimer = undefined;
  }

  /** Waiting moves and presses are never sent. */
  #dropWaiting() {
    this.#dropMove();
    this.#dropHeld();
  }

  #liftAll() {
    this.#dropWaiting();
    for (const button of [...this.#down]) this.#lift(button, this.#last, performance.now());
  }

  /** A press, aimed at the picture of this moment. @param {Button} button @param {PointerEvent} event @returns {Press} */
  #pressOf(button, event) {
    const modifiers = modifiersOf(event);
    return { button, at: this.#at(event), t: event.timeStamp, seq: this.#port.seq(), modifiers };
  }

  /** @param {Press} press */
  #press({ button, at, t, seq, modifiers }) {
    this.#port.onPress();
    this.#down.add(button);
    this.#send("down", at, t, modifiers, button, seq);
  }

  #flushHeld() {
    const held = this.#held;
    this.#dropHeld();
    if (held !== null) this.#press(held.press);
  }

  #dropHeld() {
    this.#held = null;
    clearTimeout(this.#heldTimer);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event);
    this.#send("move", at, event.timeStamp, modifiersOf(event));
    if (this.isDown) this.#port.onDrag(at);
  }

  /** @param {Button} button @param {Point} at @param {number} t @param {number} [modifiers] */
  #lift(button, at, t, modifiers = 0) {
    this.#down.delete(button);
    this.#send("up", at, t, modifiers, button);
  }

  /** @param {"down" | "move" | "up"} eventType @param {Point} at @param {number} t ms on this page's clock
   * @param {number} modifiers @param {Button} [button] @param {number} [seq] */
  #send(eventType, at, t, modifiers, button, seq = this.#port.seq()) {
    this.#port.send({
      type: "mouse_event",
      event_type: eventType,
      x: at.x,
      y: at.y,
      ...(button === undefined ? {} : { button }),
      buttons: [...this.#down].reduce((bits, down) => bits | BITS[down], 0),
      ...(modifiers === 0 ? {} : { modifiers }),
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
    this.#canvas.removeEventListener("pointerrawupdate", this.#onRaw);
    this.#port.onRelease();
    if (pointer !== null && this.#canvas.hasPointerCapture(pointer)) this.#canvas.releasePointerCapture(pointer);
  }
}

/** Alt 1, Ctrl 2, Meta 4, Shift 8. @param {Pick<MouseEvent, "altKey" | "ctrlKey" | "metaKey" | "shiftKey">} event */
export function modifiersOf({ altKey, ctrlKey, metaKey, shiftKey }) {
  return (altKey ? 1 : 0) | (ctrlKey ? 2 : 0) | (metaKey ? 4 : 0) | (shiftKey ? 8 : 0);
}

/** @param {Element} element @param {number} pointerId */
function capture(element, pointerId) {
  try {
    element.setPointerCapture(pointerId);
  } catch {
    // The pointer may be gone already (a very short tap); its up still arrives as an ordinary event.
  }
}
