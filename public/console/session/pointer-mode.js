// A pointer for who has a keyboard only: arrows move it, Space presses and holds, Escape lets go.

import { byId, setText } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("./pointer-input.js").Point} Point */
/** @typedef {import("./geometry.js").Box} Box */

/**
 * @typedef {object} PointerModePort
 * @property {(message: ClientMessage) => void} send
 * @property {() => boolean} mayAct
 * @property {() => void} onPress before each press, e.g. to take control that nobody has
 * @property {() => Box | null} view the part of the page that is shown
 * @property {() => number | undefined} seq of the picture on the screen
 * @property {(at: Point) => { left: number, top: number }} placeOf where a point of the page is in the frame, CSS px
 * @property {() => boolean} isMobile the page is a phone's: the pointer is a finger there
 * @property {() => void} onChange it is on or off now, or holds or does not
 */

export const POINTER_KEY = "F2";
/** How far an arrow goes, CSS px of the page. */
const STEP_PX = 8;
const FINE_PX = 1;
const FAR_PX = 40;
/** No finger of a hand has this number. */
const FINGER = 2 ** 31 - 1;
/** Once the arrows rest, the pointer's place is said. */
const SAID_AFTER_MS = 500;
const TENTHS = 10;
/** Before its first use the pointer is in no view. */
const NOWHERE = { x: -1, y: -1 };

/** They say how far an arrow goes. */
const MODIFIERS = new Set(["Shift", "Alt", "Control"]);

/** @type {Readonly<Record<string, Point>>} */
const DIRECTIONS = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export class PointerMode {
  #canvas;
  #frame;
  #port;
  #mark = byId("key-pointer", HTMLElement);
  #said = byId("pointer-said", HTMLElement);
  #isOn = false;
  #isHeld = false;
  /** Space itself is down, and was used to hold: letting it go lets go of the press. */
  #isSpaceDown = false;
  #isSpaceHolding = false;
  /** @type {Point} */
  #at = NOWHERE;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saying;

  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} frame @param {PointerModePort} port */
  constructor(canvas, frame, port) {
    this.#canvas = canvas;
    this.#frame = frame;
    this.#port = port;
    // Before the picture gets the key: a key for the pointer is none for the page.
    document.addEventListener("keydown", (event) => this.#onKeyDown(event), { capture: true });
    document.addEventListener("keyup", (event) => this.#onKeyUp(event), { capture: true });
    addEventListener("blur", () => this.#letGo());
  }

  get isOn() {
    return this.#isOn;
  }

  get isHeld() {
    return this.#isHeld;
  }

  toggle() {
    if (this.#isOn) this.#leave();
    else this.#enter();
  }

  /** The connection is lost, or somebody else is in control: the server lets go by itself. */
  forget() {
    this.#isHeld = false;
    this.#place();
  }

  /** The picture shows another part of the page, or has another size. */
  moved() {
    if (!this.#isOn) return;
    if (!this.#isHeld) this.#at = this.#within(this.#at);
    this.#place();
  }

  #enter() {
    const view = this.#port.view();
    if (view === null || !this.#port.mayAct()) return;
    this.#isOn = true;
    const { x, y, width, height } = view;
    if (!contains(view, this.#at)) this.#at = { x: Math.round(x + width / 2), y: Math.round(y + height / 2) };
    this.#canvas.focus({ preventScroll: true });
    this.#place();
    this.#say(t("pointer_on"));
    this.#port.onChange();
  }

  #leave() {
    this.#letGo();
    this.#isOn = false;
    this.#place();
    this.#say(t("pointer_off"));
    this.#port.onChange();
  }

  /** @param {KeyboardEvent} event */
  #onKeyDown(event) {
    if (document.querySelector("dialog[open]") !== null) return;
    const isOver = event.target instanceof Node && this.#frame.contains(event.target);
    if (event.key === POINTER_KEY && !hasModifier(event) && (isOver || !isField(event.target))) {
      take(event);
      if (!event.repeat) this.toggle();
    } else if (this.#isOn && isOver && !event.isComposing && this.#port.mayAct()) {
      this.#onOwnKey(event);
    }
  }

  /** @param {KeyboardEvent} event */
  #onOwnKey(event) {
    const direction = DIRECTIONS[event.key];
    if (MODIFIERS.has(event.key)) {
      take(event);
    } else if (direction !== undefined && !event.metaKey) {
      take(event);
      const px = event.shiftKey ? FAR_PX : event.altKey || event.ctrlKey ? FINE_PX : STEP_PX;
      this.#isSpaceHolding ||= this.#isSpaceDown;
      this.#move({ x: this.#at.x + direction.x * px, y: this.#at.y + direction.y * px });
    } else if (event.key === " " && !hasModifier(event)) {
      take(event);
      this.#isSpaceHolding ||= event.repeat;
      if (event.repeat) return;
      this.#isSpaceDown = true;
      if (this.#isHeld) this.#letGo();
      else this.#press();
    } else if (event.key === "Escape" && !hasModifier(event)) {
      take(event);
      if (this.#isHeld) this.#letGo();
      else this.#leave();
    }
  }

  /** @param {KeyboardEvent} event */
  #onKeyUp(event) {
    if (event.key !== " " || !this.#isSpaceDown) return;
    take(event);
    const wasHolding = this.#isSpaceHolding;
    this.#isSpaceDown = false;
    this.#isSpaceHolding = false;
    if (wasHolding) this.#letGo();
  }

  /** @param {Point} to */
  #move(to) {
    this.#at = this.#within(to);
    if (this.#isHeld || !this.#port.isMobile()) this.#send("move");
    this.#place();
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => this.#say(t("pointer_at", { ...this.#at })), SAID_AFTER_MS);
  }

  #press() {
    this.#port.onPress();
    this.#isHeld = true;
    this.#send("down");
    this.#place();
    this.#say(t("pointer_held"));
    this.#port.onChange();
  }

  #letGo() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#send("up");
    this.#place();
    this.#say(t("pointer_let_go"));
    this.#port.onChange();
  }

  /** @param {"down" | "move" | "up"} what */
  #send(what) {
    const seq = this.#port.seq();
    const common = { t: Math.round(performance.now() * TENTHS) / TENTHS, ...(seq === undefined ? {} : { seq }) };
    if (this.#port.isMobile()) {
      const type = {
        down: /** @type {const} */ ("start"),
        move: /** @type {const} */ ("move"),
        up: /** @type {const} */ ("end"),
      };
      this.#port.send({
        type: "touch_event",
        event_type: type[what],
        touches: [{ id: FINGER, ...this.#at }],
        ...common,
      });
      return;
    }
    const button = what === "move" ? {} : { button: /** @type {const} */ ("left") };
    this.#port.send({
      type: "mouse_event",
      event_type: what,
      ...this.#at,
      ...button,
      buttons: this.#isHeld ? 1 : 0,
      ...common,
    });
  }

  #place() {
    this.#mark.hidden = !this.#isOn;
    this.#mark.classList.toggle("held", this.#isHeld);
    if (!this.#isOn) return;
    const { left, top } = this.#port.placeOf(this.#at);
    this.#mark.style.left = `${left}px`;
    this.#mark.style.top = `${top}px`;
    this.#mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {string} words */
  #say(words) {
    clearTimeout(this.#saying);
    setText(this.#said, words);
  }

  /** @param {Point} point @returns {Point} */
  #within(point) {
    const view = this.#port.view();
    if (view === null) return point;
    return {
      x: Math.min(Math.max(point.x, view.x), view.x + view.width - 1),
      y: Math.min(Math.max(point.y, view.y), view.y + view.height - 1),
    };
  }
}

/** @param {Box} box @param {Point} point */
function contains({ x, y, width, height }, point) {
  return point.x >= x && point.x < x + width && point.y >= y && point.y < y + height;
}

/** @param {KeyboardEvent} event */
function hasModifier(event) {
  return event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
}

/** @param {KeyboardEvent} event */
function take(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Keys typed into a field of the console belong to the field. @param {EventTarget | null} target */
function isField(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
