/** Replays an operator's hands on the page, in order, and remembers what is down. */

import { AppError } from "../../errors.ts";
import { isMove, replaceLastMove } from "../../protocol/moves.ts";
import type { MouseInput, PageInput } from "../../session/ports/page.ts";
import type { HeldButtons } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { Asked } from "../cdp/connection.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { contains, inTarget, isWithin, type RemoteFrame, type Target } from "./input-target.ts";
import { type KeyStroke, keyStroke } from "./keys.ts";
import { MoveThrottle } from "./move-throttle.ts";

/** A press in a frame of another process is waited for so long. */
const PRESS_DEADLINE_MS = 250;
/** Looking up the frame under a press; after that the press goes to the page itself. */
const HIT_TEST_DEADLINE_MS = 250;
/** Events that wait while a frame is looked up or the browser is stuck; a person cannot do that much in a second. */
const MAX_WAITING = 500;
const DOUBLE_CLICK_MS = 500;
const DOUBLE_CLICK_PX = 5;

type Button = "left" | "middle" | "right";
const BUTTON_BIT: Readonly<Record<Button, number>> = { left: 1, right: 2, middle: 4 };

export interface InputHooks {
  /** The first button went down, or the last one up. */
  readonly onPressed: (pressed: boolean) => void;
  /** Awaited before a press is aimed: brings setRemoteFrames up to date where frames have changed since. */
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
  readonly #frames: PageFrames;
  readonly #page: Target;
  readonly #hooks: InputHooks;
  #remote: readonly RemoteFrame[] = [];
  #target: Target;
  #waiting: PageInput[] = [];
  #pumping = false;
  #isPressing = false;
  readonly #pace = new MoveThrottle();
  #moveTimer: NodeJS.Timeout | undefined;
  #pointer = { x: 0, y: 0 };
  #buttons = 0;
  /** Counts releaseAll(): a press that was still looking for its frame then must not come after it. */
  #releases = 0;
  #lastClick: Click | null = null;
  readonly #keysDown = new Map<string, KeyStroke>();

  constructor(hands: Asked, frames: PageFrames, hooks: InputHooks) {
    this.#frames = frames;
    this.#page = { hands, place: { x: 0, y: 0, scale: 1 } };
    this.#target = this.#page;
    this.#hooks = hooks;
  }

  get pressed(): boolean {
    return this.#buttons !== 0;
  }

  /** Null where no button is down. */
  get held(): HeldButtons | null {
    return this.pressed ? { ...this.#pointer, buttons: this.#buttons } : null;
  }

  /** What an earlier server has pressed is ours to let go of; once it is known where frames are. */
  takeOver({ x, y, buttons }: HeldButtons): void {
    this.#pointer = { x, y };
    this.#buttons = buttons;
    this.#target = this.#targetAt(x, y);
  }

  /** Frames with a process of their own, outermost first, as they were seen last. */
  setRemoteFrames(frames: readonly RemoteFrame[]): void {
    this.#remote = frames;
  }

  /** Queues an event and returns at once. AppError `invalid_message` (no such key), `rate_limited`. */
  add(input: PageInput): void {
    if (input.type === "key") keyStroke(input.key, input.code, input.modifiers);
    // A move that still waits is replaced by the next; the one before a down or an up is never the replaced one.
    if (this.#isPressing || !replaceLastMove(this.#waiting, input)) {
      if (this.#waiting.length >= MAX_WAITING) throw new AppError("rate_limited");
      this.#waiting.push(input);
    }
    this.#resume();
  }

  /** Lets go of every button and key that is down; what still waits is dropped, but words: they were taken. */
  releaseAll(): void {
    this.#waiting = this.#waiting.filter(({ type }) => type === "text");
    clearTimeout(this.#moveTimer);
    this.#releases += 1;
    for (const button of ["left", "middle", "right"] as const) {
      if ((this.#buttons & BUTTON_BIT[button]) !== 0) this.#release(button, this.#pointer.x, this.#pointer.y);
    }
    for (const stroke of this.#keysDown.values()) this.#sendKey("keyUp", stroke, 0);
    this.#keysDown.clear();
    this.#resume();
  }

  /** What waits meanwhile is replaced by the newest. */
  #isTooSoon(): boolean {
    const wait = this.#pace.wait(performance.now());
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

  /** Only a press waits, for the frame it lands in; all else is sent without waiting for the browser. */
  #replay(input: PageInput): Promise<void> | void {
    switch (input.type) {
      case "mouse_event":
        return this.#mouse(input);
      case "wheel":
        return this.#wheel(input);
      case "key":
        return this.#key(input);
      case "text":
        void this.#send(this.#page.hands.send("Input.insertText", { text: input.text }));
    }
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
    if (!this.pressed) {
      await this.#hooks.beforePress();
      this.#target = this.#remote.length > 0 ? await this.#targetUnder(x, y) : this.#page;
    }
    if (releases !== this.#releases) return;
    this.#pointer = { x, y };
    this.#buttons |= BUTTON_BIT[button];
    this.#lastClick = this.#countClick(button, x, y);
    const pressed = this.#sendMouse("mousePressed", button);
    this.#hooks.onPressed(true);
    if (this.#target === this.#page) return;
    // A frame with a process of its own captures the pointer only once it has taken the press: what came right behind
    // it would go to the page. How the drag begins is kept meanwhile.
    this.#isPressing = true;
    await withDeadline(pressed, PRESS_DEADLINE_MS, "press").catch(() => {});
    this.#isPressing = false;
  }

  #move(x: number, y: number): void {
    this.#pointer = { x, y };
    if (!this.pressed) this.#target = this.#targetAt(x, y);
    const sentAt = performance.now();
    this.#pace.sent(sentAt);
    void this.#sendMouse("mouseMoved", this.#heldButton()).then(() => {
      this.#pace.answered(sentAt, performance.now());
      this.#resume();
    });
  }

  #release(button: Button, x: number, y: number): void {
    if ((this.#buttons & BUTTON_BIT[button]) === 0) return;
    this.#pointer = { x, y };
    this.#buttons &= ~BUTTON_BIT[button];
    void this.#sendMouse("mouseReleased", button);
    if (!this.pressed) this.#hooks.onPressed(false);
  }

  #wheel({ x, y, delta_x, delta_y }: Extract<PageInput, { type: "wheel" }>): void {
    const target = this.pressed ? this.#target : this.#targetAt(x, y);
    const point = inTarget(target, x, y);
    const event = { type: "mouseWheel" as const, ...point, deltaX: delta_x, deltaY: delta_y, buttons: this.#buttons };
    void this.#send(target.hands.send("Input.dispatchMouseEvent", event));
  }

  #key({ event_type, key, code, modifiers }: Extract<PageInput, { type: "key" }>): void {
    const stroke = keyStroke(key, code, modifiers);
    if (event_type === "down") this.#keysDown.set(code || key, stroke);
    else this.#keysDown.delete(code || key);
    this.#sendKey(event_type === "down" ? "keyDown" : "keyUp", stroke, modifiers);
  }

  /** Keys always go to the page: the browser hands them to whatever frame has the focus. */
  #sendKey(type: "keyDown" | "keyUp", { text, ...stroke }: KeyStroke, modifiers: number): void {
    const typed = type === "keyDown" && text !== undefined ? { text } : {};
    void this.#send(this.#page.hands.send("Input.dispatchKeyEvent", { type, modifiers, ...stroke, ...typed }));
  }

  #sendMouse(type: "mousePressed" | "mouseMoved" | "mouseReleased", button: Button | "none"): Promise<void> {
    const { hands } = this.#target;
    const clickCount = type === "mouseMoved" ? 0 : (this.#lastClick?.count ?? 1);
    const point = inTarget(this.#target, this.#pointer.x, this.#pointer.y);
    const event = { type, ...point, button, buttons: this.#buttons, clickCount, pointerType: "mouse" as const };
    return this.#send(hands.send("Input.dispatchMouseEvent", event));
  }

  /** Settles when the browser has taken the event; a page that has just gone is told of elsewhere. */
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

  /** By the boxes alone: good enough for a pointer that only passes. */
  #targetAt(x: number, y: number): Target {
    const hit = this.#remote.findLast(({ place }) => contains(place, x, y));
    return hit ? { hands: hit.frame.hands, place: hit.place } : this.#page;
  }

  /** By asking each document on the way down what lies under the point. */
  async #targetUnder(x: number, y: number): Promise<Target> {
    let target = this.#page;
    let inside: FrameRef | null = null;
    for (const { frame, place } of this.#remote) {
      if (!contains(place, x, y) || (inside !== null && !isWithin(frame, inside))) continue;
      const outer = frame.parent ? await this.#documentPoint(frame.parent) : this.#page.place;
      const test = this.#frames.isHit(frame, (x - outer.x) / outer.scale, (y - outer.y) / outer.scale);
      if (!(await withDeadline(test, HIT_TEST_DEADLINE_MS, "hit test").catch(() => false))) continue;
      target = { hands: frame.hands, place };
      inside = frame;
    }
    return target;
  }

  async #documentPoint(frame: FrameRef): Promise<Target["place"]> {
    const known = this.#remote.find((remote) => remote.frame.id === frame.id);
    if (known) return known.place;
    const place = withDeadline(this.#frames.place(frame), HIT_TEST_DEADLINE_MS, "frame place");
    return place.catch(() => this.#page.place);
  }
}

/** [W24] Older clients send none of these; their `up` releases where the last move left the pointer. */
function isPlain({ button, buttons, t, seq }: MouseInput): boolean {
  return button === undefined && buttons === undefined && t === undefined && seq === undefined;
}
