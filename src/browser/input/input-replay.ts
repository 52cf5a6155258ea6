/** Replays an operator's input on the page in order, and keeps track of what is pressed. */

import { AppError } from "../../errors.ts";
import { isMove, replaceLastMove } from "../../protocol/moves.ts";
import type { MouseInput, PageInput, TouchInput } from "../../session/ports/page.ts";
import type { HeldButtons } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { type InputTarget, InputTargets, inTarget, type RemoteFrame } from "./input-targets.ts";
import { type KeyStroke, keyStroke } from "./keys.ts";
import { MoveThrottle } from "./move-throttle.ts";
import { TouchReplay } from "./touch-replay.ts";

/** The longest wait until a frame of another process has taken a press. */
const PRESS_DEADLINE_MS = 250;
/** The most events that wait while a frame is looked up or the browser is stuck: more than a person does in a second. */
const MAX_WAITING = 500;
const DOUBLE_CLICK_MS = 500;
const DOUBLE_CLICK_PX = 5;

type Button = "left" | "middle" | "right";
const BUTTON_BIT: Readonly<Record<Button, number>> = { left: 1, right: 2, middle: 4 };

export interface InputHooks {
  /** The first button or finger is down, or the last one up. */
  readonly onPressed: (pressed: boolean) => void;
  /** Awaited before the target of a press is looked up: calls setRemoteFrames where frames have changed since. */
  readonly beforePress: () => Promise<void> | null;
}

interface Click {
  readonly at: number;
  readonly x: number;
  readonly y: number;
  readonly button: Button;
  readonly count: number;
}

export class InputReplay {
  readonly #targets: InputTargets;
  readonly #hooks: InputHooks;
  readonly #touch: TouchReplay;
  #target: InputTarget;
  #waiting: PageInput[] = [];
  #pumping = false;
  #isPressing = false;
  readonly #throttle = new MoveThrottle();
  #moveTimer: NodeJS.Timeout | undefined;
  #pointer = { x: 0, y: 0 };
  #buttons = 0;
  /** Counts calls of releaseAll(): a press whose frame is still being looked up must not come after one. */
  #releases = 0;
  #lastClick: Click | null = null;
  readonly #keysDown = new Map<string, KeyStroke>();

  /** `session` takes the input of the page itself. */
  constructor(session: CdpSender, frames: PageFrames, hooks: InputHooks) {
    this.#targets = new InputTargets(session, frames);
    this.#target = this.#targets.page;
    this.#hooks = hooks;
    this.#touch = new TouchReplay(this.#targets, hooks);
  }

  /** Whether a button or a finger is down. */
  get pressed(): boolean {
    return this.#hasButton || this.#touch.isDown;
  }

  get #hasButton(): boolean {
    return this.#buttons !== 0;
  }

  /** What is pressed, and where (CSS px of the page); null where no button and no finger is down. */
  get held(): HeldButtons | null {
    if (!this.pressed) return null;
    const fingers = this.#touch.isDown ? { fingers: this.#touch.points } : {};
    return { ...this.#pointer, buttons: this.#buttons, ...fingers };
  }

  /** Takes over what an earlier server pressed, to release it. Call it once frames have been set. */
  takeOver({ x, y, buttons, fingers }: HeldButtons): void {
    this.#touch.takeAway(fingers ?? []);
    this.#pointer = { x, y };
    this.#buttons = buttons;
    this.#target = this.#targets.at(x, y);
  }

  /** Frames with a process of their own, outermost first, as the last scan found them. */
  setRemoteFrames(frames: readonly RemoteFrame[]): void {
    this.#targets.setRemoteFrames(frames);
  }

  /** Queues an event and returns at once. AppError `invalid_message` (no such key or finger), `rate_limited`. */
  add(input: PageInput): void {
    if (input.type === "key") keyStroke(input.key, input.code, input.modifiers);
    if (input.type === "touch_event" && !this.#touch.accept(input)) return;
    // A move that still waits is replaced by the next; the one before a down or an up is never the replaced one.
    if (this.#isPressing || !replaceLastMove(this.#waiting, input)) {
      if (this.#waiting.length >= MAX_WAITING) throw new AppError("rate_limited");
      this.#waiting.push(input);
    }
    this.#resume();
  }

  /** Releases every button, key and finger. Events that wait are dropped, except text: it was accepted already. */
  releaseAll(): void {
    this.#waiting = this.#waiting.filter(({ type }) => type === "text");
    clearTimeout(this.#moveTimer);
    this.#releases += 1;
    for (const button of ["left", "middle", "right"] as const) {
      if ((this.#buttons & BUTTON_BIT[button]) !== 0) this.#release(button, this.#pointer.x, this.#pointer.y);
    }
    for (const stroke of this.#keysDown.values()) this.#sendKey("keyUp", stroke, 0);
    this.#keysDown.clear();
    this.#touch.releaseAll();
    this.#resume();
  }

  /** Whether the next move must wait; meanwhile a newer one replaces it. */
  #isTooSoon(): boolean {
    const wait = this.#throttle.wait(performance.now());
    clearTimeout(this.#moveTimer);
    if (wait > 0 && wait < Infinity) this.#moveTimer = setTimeout(() => this.#resume(), wait);
    return wait > 0;
  }

  #resume(): void {
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#waiting.length > 0) {
        const next = this.#waiting[0];
        if (!next || (isMove(next) && this.#isTooSoon())) return;
        this.#waiting.shift();
        await this.#replay(next);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** Only a press waits, until its frame is found. Everything else is sent without waiting for the browser. */
  #replay(input: PageInput): Promise<void> | void {
    switch (input.type) {
      case "mouse_event":
        return this.#mouse(input);
      case "touch_event":
        return this.#fingers(input);
      case "wheel":
        return this.#wheel(input);
      case "key":
        return this.#key(input);
      case "text":
        void this.#send(this.#targets.page.session.send("Input.insertText", { text: input.text }));
    }
  }

  #fingers(input: TouchInput): Promise<void> | void {
    if (input.event_type !== "move") return this.#touch.replay(input);
    const sentAt = performance.now();
    this.#throttle.sent(sentAt);
    void this.#touch.replay(input).then(() => this.#moveTaken(sentAt));
  }

  #mouse(input: MouseInput): Promise<void> | void {
    const button = input.button ?? "left";
    if (input.event_type === "down") return this.#press(button, input.x, input.y);
    if (input.event_type === "move") return this.#move(input.x, input.y);
    const { x, y } = isPlain(input) ? this.#pointer : input;
    this.#release(button, x, y);
  }

  async #press(button: Button, x: number, y: number): Promise<void> {
    if ((this.#buttons & BUTTON_BIT[button]) !== 0) return;
    const releases = this.#releases;
    if (!this.#hasButton) {
      await this.#hooks.beforePress();
      this.#target = await this.#targets.under(x, y);
    }
    if (releases !== this.#releases) return;
    this.#pointer = { x, y };
    this.#buttons |= BUTTON_BIT[button];
    this.#lastClick = this.#countClick(button, x, y);
    const pressed = this.#sendMouse("mousePressed", button);
    this.#hooks.onPressed(true);
    if (this.#target === this.#targets.page) return;
    // A frame with a process of its own captures the pointer only once it has taken the press: an event right behind
    // the press would go to the page. The first moves of the drag are kept meanwhile, not replaced.
    this.#isPressing = true;
    await withDeadline(pressed, PRESS_DEADLINE_MS, "press").catch(() => {});
    this.#isPressing = false;
  }

  #move(x: number, y: number): void {
    this.#pointer = { x, y };
    if (!this.#hasButton) this.#target = this.#targets.at(x, y);
    const sentAt = performance.now();
    this.#throttle.sent(sentAt);
    void this.#sendMouse("mouseMoved", this.#heldButton()).then(() => this.#moveTaken(sentAt));
  }

  /** The browser has taken a move. */
  #moveTaken(sentAt: number): void {
    this.#throttle.answered(sentAt, performance.now());
    this.#resume();
  }

  #release(button: Button, x: number, y: number): void {
    if ((this.#buttons & BUTTON_BIT[button]) === 0) return;
    this.#pointer = { x, y };
    this.#buttons &= ~BUTTON_BIT[button];
    void this.#sendMouse("mouseReleased", button);
    if (!this.#hasButton) this.#hooks.onPressed(false);
  }

  #wheel({ x, y, delta_x, delta_y }: Extract<PageInput, { type: "wheel" }>): void {
    const target = this.#hasButton ? this.#target : this.#targets.at(x, y);
    const point = inTarget(target, x, y);
    const event = { type: "mouseWheel" as const, ...point, deltaX: delta_x, deltaY: delta_y, buttons: this.#buttons };
    void this.#send(target.session.send("Input.dispatchMouseEvent", event));
  }

  #key({ event_type, key, code, modifiers }: Extract<PageInput, { type: "key" }>): void {
    const stroke = keyStroke(key, code, modifiers);
    if (event_type === "down") this.#keysDown.set(code || key, stroke);
    else this.#keysDown.delete(code || key);
    this.#sendKey(event_type === "down" ? "keyDown" : "keyUp", stroke, modifiers);
  }

  /** Keys always go to the page: the browser passes them to the frame that has the focus. */
  #sendKey(type: "keyDown" | "keyUp", { text, ...stroke }: KeyStroke, modifiers: number): void {
    const typed = type === "keyDown" && text !== undefined ? { text } : {};
    void this.#send(
      this.#targets.page.session.send("Input.dispatchKeyEvent", { type, modifiers, ...stroke, ...typed }),
    );
  }

  #sendMouse(type: "mousePressed" | "mouseMoved" | "mouseReleased", button: Button | "none"): Promise<void> {
    const { session } = this.#target;
    const clickCount = type === "mouseMoved" ? 0 : (this.#lastClick?.count ?? 1);
    const point = inTarget(this.#target, this.#pointer.x, this.#pointer.y);
    const event = { type, ...point, button, buttons: this.#buttons, clickCount, pointerType: "mouse" as const };
    return this.#send(session.send("Input.dispatchMouseEvent", event));
  }

  /** Settles when the browser has taken the event, and never rejects: the tab reports a page that is gone. */
  #send(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => {},
      () => {},
    );
  }

  #heldButton(): Button | "none" {
    const held = (["left", "right", "middle"] as const).find((button) => (this.#buttons & BUTTON_BIT[button]) !== 0);
    return held ?? "none";
  }

  #countClick(button: Button, x: number, y: number): Click {
    const at = performance.now();
    const before = this.#lastClick;
    const again =
      before !== null &&
      before.button === button &&
      at - before.at < DOUBLE_CLICK_MS &&
      Math.hypot(x - before.x, y - before.y) < DOUBLE_CLICK_PX;
    return { at, x, y, button, count: again ? before.count + 1 : 1 };
  }
}

/** [W24] Older clients send none of these fields; their `up` releases where the last move left the pointer. */
function isPlain({ button, buttons, t, seq }: MouseInput): boolean {
  return button === undefined && buttons === undefined && t === undefined && seq === undefined;
}
