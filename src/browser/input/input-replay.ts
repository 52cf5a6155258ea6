/** Replays an operator's input on the page in order, and keeps track of what is pressed. */

import { AppError } from "../../errors.ts";
import { MOUSE_BUTTONS } from "../../protocol/live.ts";
import { isMove, replaceLastMove } from "../../protocol/moves.ts";
import type { MouseInput, PageInput, TouchInput } from "../../session/ports/page.ts";
import type { HeldButtons } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { InputSession } from "../cdp/connection.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { DragReplay } from "./drag-replay.ts";
import { type InputTarget, InputTargets, inTarget, type RemoteFrame } from "./input-targets.ts";
import { type Key, type KeyStroke, keyStroke } from "./keys.ts";
import { MoveThrottle } from "./move-throttle.ts";
import { putScaleBack } from "./page-scale.ts";
import { TouchReplay } from "./touch-replay.ts";
import { WholeText } from "./whole-text.ts";

/** The longest wait until a frame of another process has taken a press. */
const PRESS_DEADLINE_MS = 250;
/** The most events that wait while a frame is looked up or the browser is stuck: more than a person does in a second. */
const MAX_WAITING = 500;
/** Text that comes whole waits so long for the keys before it; a dialog may hold them. */
const KEY_DEADLINE_MS = 1_000;
const DOUBLE_CLICK_MS = 500;
const DOUBLE_CLICK_PX = 5;

/** Keys that press what has the focus, or send its form. */
const PRESSING_KEYS: ReadonlySet<string> = new Set(["Enter", " "]);
/** More keys than two hands hold down. With more, the first one is released: clients may forget theirs. */
const MAX_KEYS_DOWN = 32;
/** A key that types is kept for the next server only once it has been down for so long: what is typed is not written down. */
const KEPT_AFTER_MS = 500;

type Button = (typeof MOUSE_BUTTONS)[number];
type KeyInput = Extract<PageInput, { type: "key" }>;
const BUTTON_BIT: Readonly<Record<Button, number>> = { left: 1, right: 2, middle: 4, back: 8, forward: 16 };

export interface InputHooks {
  /** The first button or finger is down, or the last one up. */
  readonly onPressed: (pressed: boolean) => void;
  /** `held` has changed by a key. */
  readonly onHeld: () => void;
  /** Awaited before the target of a press is looked up: calls setRemoteFrames where frames have changed since. */
  readonly beforePress: () => Promise<void> | null;
  /**
   * Awaited before the page gets a press at this point (CSS px), or a key that may press what has the focus; of other keys
   * and of text only called. Never rejects, and has a deadline of its own.
   */
  readonly beforeAct: (target: { readonly x: number; readonly y: number } | { readonly key: string }) => Promise<void>;
  /** As TouchHooks. */
  readonly fingers?: (areDown: boolean) => Promise<void>;
  /** Resolves once the page has drawn, or after a while. Never rejects. */
  readonly untilDrawn: () => Promise<void>;
  /** The round trip of the line to the browser, ms; left out: it is on this machine, or near. */
  readonly lineMs?: () => number;
}

interface Click {
  /** ms, on the client's clock if it has said the time. */
  readonly at: number;
  readonly clock: "client" | "server";
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
  /** Settles when the browser has taken the last key. */
  #keyTaken: Promise<void> = Promise.resolve();
  #pumped: Promise<void> = Promise.resolve();
  #isPressing = false;
  readonly #throttle = new MoveThrottle();
  /** No move has followed the press yet. */
  #isFirstMoveDue = false;
  #moveTimer: NodeJS.Timeout | undefined;
  #pointer = { x: 0, y: 0 };
  #buttons = 0;
  /** Counts calls of releaseAll(): a press whose frame is still being looked up must not come after one. */
  #releases = 0;
  #lastClick: Click | null = null;
  readonly #keysDown = new Map<string, KeyStroke>();
  /** The keys of `held`, and the timers of those that are down too briefly. */
  readonly #keptKeys = new Map<string, Pick<KeyStroke, "key" | "code">>();
  readonly #keyTimers = new Map<string, NodeJS.Timeout>();
  readonly #drags: DragReplay;
  readonly #wholeText: WholeText;

  /** `session` takes the input of the page itself. */
  constructor(session: InputSession, frames: PageFrames, hooks: InputHooks) {
    this.#targets = new InputTargets(session, frames);
    this.#target = this.#targets.page;
    this.#hooks = hooks;
    this.#drags = new DragReplay(session, {
      at: () => ({ ...this.#pointer, isDown: this.#hasButton }),
      target: () => this.#target,
      targetAt: (x, y) => this.#targets.at(x, y),
      frames: () => this.#targets.placed(),
    });
    this.#wholeText = new WholeText(frames, {
      tap: (key) => this.#tap(key),
      insert: (text) => this.#insert(text),
    });
    const afterPinch = () => putScaleBack(frames, session, hooks.untilDrawn);
    this.#touch = new TouchReplay(this.#targets, { ...hooks, afterPinch });
  }

  /** Whether a button or a finger is down. */
  get pressed(): boolean {
    return this.#hasButton || this.#touch.isDown;
  }

  get #hasButton(): boolean {
    return this.#buttons !== 0;
  }

  /** What is pressed, and where (CSS px of the page); null where nothing is down. */
  get held(): HeldButtons | null {
    const keys = [...this.#keptKeys.values()];
    if (!this.pressed && keys.length === 0) return null;
    const fingers = this.#touch.isDown ? { fingers: this.#touch.points } : {};
    return { ...this.#pointer, buttons: this.#buttons, ...fingers, ...(keys.length > 0 ? { keys } : {}) };
  }

  /** Takes over what an earlier server pressed, to release it. Call it once frames have been set. */
  takeOver({ x, y, buttons, fingers, keys = [] }: HeldButtons): void {
    this.#touch.takeAway(fingers ?? []);
    for (const { key, code } of keys) this.#keysDown.set(code || key, keyStroke({ key, code, modifiers: 0 }));
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
    if (input.type === "key") keyStroke(input);
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
    this.#drags.cancel();
    for (const button of MOUSE_BUTTONS) {
      if ((this.#buttons & BUTTON_BIT[button]) !== 0) this.#release(button, this.#pointer.x, this.#pointer.y, 0);
    }
    for (const [name, stroke] of this.#keysDown) {
      void this.#sendKey("keyUp", stroke, 0);
      this.#forgetKey(name);
    }
    this.#touch.releaseAll();
    this.#resume();
  }

  /**
   * Whether the next move must wait; meanwhile a newer one replaces it. The first of a press never does: a drag begins in
   * what was pressed, and the newer one may be over another frame already.
   */
  #isTooSoon(): boolean {
    if (this.#isFirstMoveDue) return false;
    const wait = this.#throttle.wait(performance.now());
    clearTimeout(this.#moveTimer);
    if (wait > 0 && wait < Infinity) this.#moveTimer = setTimeout(() => this.#resume(), wait);
    return wait > 0;
  }

  /** Resolves when what was queued is with the browser. Moves that are held back count as given. */
  get settled(): Promise<void> {
    return this.#pumped;
  }

  #resume(): void {
    if (!this.#pumping) this.#pumped = this.#pump();
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

  /** Only a press waits, until its frame is found, and a key that presses. Everything else is sent without waiting for the browser. */
  #replay(input: PageInput): Promise<void> | void {
    switch (input.type) {
      case "mouse_event":
        return this.#mouse(input);
      case "touch_event":
        return this.#fingers(input);
      case "wheel":
        return this.#wheel(input);
      case "key":
        return input.event_type === "down" ? this.#keyDown(input) : this.#keyUp(input);
      case "text":
        void this.#hooks.beforeAct({ key: "" });
        // One character of an older client is one key of its person: [W12] has always inserted it.
        if (input.whole ?? [...input.text].length > 1) return this.#whole(input.text);
        void this.#insert(input.text);
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
    const modifiers = input.modifiers ?? 0;
    if (input.event_type === "down") return this.#press(button, input, modifiers);
    if (input.event_type === "move") return this.#move(input.x, input.y, modifiers);
    const { x, y } = isPlain(input) ? this.#pointer : input;
    this.#release(button, x, y, modifiers);
  }

  async #press(button: Button, { x, y, t }: MouseInput, modifiers: number): Promise<void> {
    if ((this.#buttons & BUTTON_BIT[button]) !== 0) return;
    const releases = this.#releases;
    const click = this.#countClick(button, x, y, t);
    if (!this.#hasButton) {
      await this.#hooks.beforePress();
      // The second press of a double click belongs to the first: what that has opened may lie there by now.
      const looked = click.count > 1 ? null : this.#hooks.beforeAct({ x, y });
      // The first moves of a drag are kept meanwhile, not replaced.
      this.#isPressing = true;
      [this.#target] = await Promise.all([this.#targets.under(x, y), looked]);
      this.#isPressing = false;
    }
    if (releases !== this.#releases) return;
    this.#pointer = { x, y };
    this.#buttons |= BUTTON_BIT[button];
    this.#lastClick = click;
    this.#isFirstMoveDue = true;
    if (button === "left") this.#drags.pressed();
    const pressed = this.#sendMouse("mousePressed", button, modifiers);
    this.#hooks.onPressed(true);
    if (this.#target === this.#targets.page) return;
    // A frame with a process of its own captures the pointer only once it has taken the press: an event right behind
    // the press would go to the page. The first moves of the drag are kept meanwhile, not replaced.
    this.#isPressing = true;
    await withDeadline(pressed, PRESS_DEADLINE_MS, "press").catch(() => {});
    this.#isPressing = false;
  }

  #move(x: number, y: number, modifiers: number): void {
    this.#pointer = { x, y };
    this.#isFirstMoveDue = false;
    if (this.#drags.isDragging) {
      this.#drags.move(modifiers);
      return;
    }
    if (!this.#hasButton) this.#target = this.#targets.at(x, y);
    const sentAt = performance.now();
    this.#throttle.sent(sentAt);
    const taken = this.#sendMouse("mouseMoved", this.#heldButton(), modifiers);
    if (this.#hasButton) this.#drags.sent(taken);
    void taken.then(() => this.#moveTaken(sentAt));
  }

  /** The browser has taken a move. */
  #moveTaken(sentAt: number): void {
    this.#throttle.answered(sentAt, performance.now(), this.#hooks.lineMs?.());
    this.#resume();
  }

  #release(button: Button, x: number, y: number, modifiers: number): void {
    if ((this.#buttons & BUTTON_BIT[button]) === 0) return;
    this.#pointer = { x, y };
    if (button === "left") this.#drags.drop(modifiers);
    this.#buttons &= ~BUTTON_BIT[button];
    const taken = this.#sendMouse("mouseReleased", button, modifiers);
    if (button === "left") this.#drags.released(taken);
    // A drag is no click: the next press at its begin is not the second of two.
    const click = this.#lastClick;
    if (click && Math.hypot(x - click.x, y - click.y) >= DOUBLE_CLICK_PX) this.#lastClick = null;
    if (!this.#hasButton) this.#hooks.onPressed(false);
  }

  #wheel({ x, y, delta_x, delta_y, modifiers = 0 }: Extract<PageInput, { type: "wheel" }>): void {
    const target = this.#hasButton ? this.#target : this.#targets.at(x, y);
    const point = inTarget(target, x, y);
    const turned = { deltaX: delta_x, deltaY: delta_y };
    const event = { type: "mouseWheel" as const, ...point, ...turned, buttons: this.#buttons, modifiers };
    void this.#send(target.session.send("Input.dispatchMouseEvent", event));
  }

  async #keyDown(input: KeyInput): Promise<void> {
    const releases = this.#releases;
    const looked = this.#hooks.beforeAct({ key: input.key });
    if (PRESSING_KEYS.has(input.key)) await looked;
    if (releases !== this.#releases) return;
    const stroke = keyStroke(input);
    const name = input.code || input.key;
    if (input.key === "Escape") this.#drags.cancel();
    const autoRepeat = input.repeat ?? this.#keysDown.has(name);
    if (!this.#keysDown.has(name)) this.#keepKey(name, stroke);
    this.#keysDown.set(name, stroke);
    const [first] = this.#keysDown;
    if (this.#keysDown.size > MAX_KEYS_DOWN && first) {
      void this.#sendKey("keyUp", first[1], 0);
      this.#forgetKey(first[0]);
    }
    void this.#sendKey("keyDown", stroke, input.modifiers, autoRepeat);
  }

  #keyUp(input: KeyInput): void {
    this.#forgetKey(input.code || input.key);
    void this.#sendKey("keyUp", keyStroke(input), input.modifiers);
  }

  /** Makes a key that is down part of `held`. */
  #keepKey(name: string, { key, code, text }: KeyStroke): void {
    const keep = () => {
      this.#keyTimers.delete(name);
      this.#keptKeys.set(name, { key, code });
      this.#hooks.onHeld();
    };
    if (text === undefined) keep();
    else this.#keyTimers.set(name, setTimeout(keep, KEPT_AFTER_MS));
  }

  #forgetKey(name: string): void {
    this.#keysDown.delete(name);
    clearTimeout(this.#keyTimers.get(name));
    this.#keyTimers.delete(name);
    if (this.#keptKeys.delete(name)) this.#hooks.onHeld();
  }

  /** Settles when the browser has taken the key. */
  #tap(key: Key): Promise<void> {
    const stroke = keyStroke(key);
    void this.#sendKey("keyDown", stroke, key.modifiers);
    return this.#sendKey("keyUp", stroke, key.modifiers);
  }

  /** Keys always go to the page: the browser passes them to the frame that has the focus. */
  #sendKey(type: "keyDown" | "keyUp", stroke: KeyStroke, modifiers: number, autoRepeat = false): Promise<void> {
    const { text, commands, ...which } = stroke;
    const { session } = this.#targets.page;
    if (type === "keyUp") {
      this.#keyTaken = this.#send(session.send("Input.dispatchKeyEvent", { type, modifiers, ...which }));
      return this.#keyTaken;
    }
    const does = {
      ...(text === undefined ? {} : { text, unmodifiedText: text }),
      ...(commands === undefined ? {} : { commands }),
    };
    const down = { type: text === undefined ? ("rawKeyDown" as const) : ("keyDown" as const), modifiers, autoRepeat };
    this.#keyTaken = this.#send(session.send("Input.dispatchKeyEvent", { ...down, ...which, ...does }));
    return this.#keyTaken;
  }

  /** Where it goes is looked up: a key before it may move the focus. */
  async #whole(text: string): Promise<void> {
    await withDeadline(this.#keyTaken, KEY_DEADLINE_MS, "key").catch(() => {});
    await this.#wholeText.insert(text);
  }

  /** Text that an input method has committed, or that is too long for keys. */
  #insert(text: string): Promise<void> {
    return this.#send(this.#targets.page.session.send("Input.insertText", { text }));
  }

  #sendMouse(
    type: "mousePressed" | "mouseMoved" | "mouseReleased",
    button: Button | "none",
    modifiers: number,
  ): Promise<void> {
    const { session } = this.#target;
    const clickCount = type === "mouseMoved" ? 0 : (this.#lastClick?.count ?? 1);
    const point = inTarget(this.#target, this.#pointer.x, this.#pointer.y);
    const state = { button, buttons: this.#buttons, clickCount, modifiers };
    const event = { type, ...point, ...state, pointerType: "mouse" as const };
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
    const held = (["left", "right", "middle", "back", "forward"] as const).find(
      (button) => (this.#buttons & BUTTON_BIT[button]) !== 0,
    );
    return held ?? "none";
  }

  /** By the client's own clock where it says the time: a slow line must not turn a double click into two clicks. */
  #countClick(button: Button, x: number, y: number, t: number | undefined): Click {
    const at = t ?? performance.now();
    const clock = t === undefined ? "server" : "client";
    const before = this.#lastClick;
    const again =
      before !== null &&
      before.button === button &&
      before.clock === clock &&
      at >= before.at &&
      at - before.at < DOUBLE_CLICK_MS &&
      Math.hypot(x - before.x, y - before.y) < DOUBLE_CLICK_PX;
    return { at, clock, x, y, button, count: again ? before.count + 1 : 1 };
  }
}

/** [W24] Older clients send none of these fields; their `up` releases where the last move left the pointer. */
function isPlain({ button, buttons, t, seq }: MouseInput): boolean {
  return button === undefined && buttons === undefined && t === undefined && seq === undefined;
}
