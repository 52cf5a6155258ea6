/** [W44] Replays fingers on the page as touch points, and keeps track of which are down and where. */

import { AppError } from "../../errors.ts";
import { MAX_TOUCHES } from "../../protocol/live.ts";
import type { TouchInput } from "../../session/ports/page.ts";
import type { HeldButtons } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { type InputTarget, type InputTargets, inTarget } from "./input-targets.ts";

/** The longest wait until a frame of another process has taken a first finger, or the page the end of a pinch. */
const FINGER_DEADLINE_MS = 250;

type Touch = TouchInput["touches"][number];
type CdpTouchType = "touchStart" | "touchMove" | "touchEnd" | "touchCancel";

/** A finger on the page: `slot` is its number there, as small as on a real screen. */
interface Finger extends Touch {
  readonly slot: number;
}

export interface TouchHooks {
  /** The first finger is down, or the last one up. */
  readonly onPressed: (pressed: boolean) => void;
  /** As InputHooks. */
  readonly beforePress: () => Promise<void> | null;
  readonly beforeAct: (target: { readonly x: number; readonly y: number }) => Promise<void>;
  /** Awaited before a first finger goes down, and called once the last one is up. Never rejects. */
  readonly fingers?: (areDown: boolean) => Promise<void>;
  /** Awaited when the last of several fingers is up, before anything else: they may have zoomed the page. Never rejects. */
  readonly afterPinch: () => Promise<void>;
}

export class TouchReplay {
  readonly #targets: InputTargets;
  readonly #hooks: TouchHooks;
  #target: InputTarget;
  /** The fingers that clients have put down, by their own ids: ahead of what was replayed. */
  readonly #accepted = new Set<number>();
  /** The fingers that the page knows of. */
  readonly #fingers = new Map<number, Finger>();
  /** More than one finger has been down since the page had none. */
  #hadSeveral = false;
  /** Counts calls of releaseAll(): a finger whose frame is still being looked up must not come after one. */
  #releases = 0;

  constructor(targets: InputTargets, hooks: TouchHooks) {
    this.#targets = targets;
    this.#target = targets.page;
    this.#hooks = hooks;
  }

  get isDown(): boolean {
    return this.#fingers.size > 0;
  }

  /** Where fingers are, CSS px of the page. */
  get points(): NonNullable<HeldButtons["fingers"]> {
    return [...this.#fingers.values()].map(({ x, y }) => ({ x, y }));
  }

  /**
   * Whether the event means anything: fingers that are not down neither move nor end. AppError `invalid_message` for a
   * finger that goes down twice, and for more than five.
   */
  accept({ event_type, touches }: TouchInput): boolean {
    const down = this.#accepted;
    if (event_type === "start") {
      if (touches.some(({ id }) => down.has(id))) throw refusal("this finger is down already");
      if (down.size + touches.length > MAX_TOUCHES) throw refusal(`at most ${MAX_TOUCHES} fingers`);
      for (const { id } of touches) down.add(id);
      return true;
    }
    const known = touches.filter(({ id }) => down.has(id));
    if (event_type === "cancel" && known.length > 0) down.clear();
    if (event_type === "end") for (const { id } of known) down.delete(id);
    return known.length > 0;
  }

  /** Only a first finger waits, until its frame is found. Resolves when the browser has taken a move. Never rejects. */
  async replay({ event_type, touches }: TouchInput): Promise<void> {
    if (event_type === "start") return this.#start(touches);
    const known = touches.flatMap((touch) => {
      const finger = this.#fingers.get(touch.id);
      return finger ? [{ ...touch, slot: finger.slot }] : [];
    });
    if (known.length === 0) return;
    if (event_type === "move") {
      for (const finger of known) this.#fingers.set(finger.id, finger);
      return this.#send("touchMove", known);
    }
    if (event_type === "cancel") this.#fingers.clear();
    for (const { id } of known) this.#fingers.delete(id);
    // The browser takes the end of all fingers without their points, and a cancel is that of all.
    const ended = this.#send(event_type === "cancel" ? "touchCancel" : "touchEnd", this.isDown ? known : []);
    if (!this.isDown) return this.#lifted(ended);
  }

  /** All fingers are up; `ended` settles when the browser has taken that. */
  async #lifted(ended: Promise<void>): Promise<void> {
    const hadSeveral = this.#hadSeveral;
    this.#hadSeveral = false;
    this.#hooks.onPressed(false);
    void this.#hooks.fingers?.(false);
    if (!hadSeveral) return;
    await withDeadline(ended, FINGER_DEADLINE_MS, "finger").catch(() => {});
    await this.#hooks.afterPinch();
  }

  /** Lifts every finger where it is. */
  releaseAll(): void {
    this.#releases += 1;
    this.#accepted.clear();
    if (!this.isDown) return;
    this.#fingers.clear();
    void this.#lifted(this.#send("touchEnd", []));
  }

  /** Takes away the fingers that an earlier server left on the page: nothing is pressed by that. */
  takeAway(points: NonNullable<HeldButtons["fingers"]>): void {
    const [first] = points;
    if (!first) return;
    this.#target = this.#targets.at(first.x, first.y);
    // A session ends only what it has begun itself.
    void this.#send(
      "touchStart",
      points.map((point, slot) => ({ id: slot, slot, ...point })),
    );
    void this.#send("touchCancel", []);
  }

  async #start(touches: readonly Touch[]): Promise<void> {
    const [first] = touches;
    if (!first) return;
    const releases = this.#releases;
    const wasDown = this.isDown;
    if (!wasDown) {
      await Promise.all([this.#hooks.fingers?.(true), this.#hooks.beforePress()]);
      // All fingers go to the frame of the first, until the last one is up.
      const looked = this.#hooks.beforeAct({ x: first.x, y: first.y });
      [this.#target] = await Promise.all([this.#targets.under(first.x, first.y), looked]);
    }
    if (releases !== this.#releases) {
      void this.#hooks.fingers?.(false);
      return;
    }
    const fingers = touches.map((touch) => {
      const finger = { ...touch, slot: this.#freeSlot() };
      this.#fingers.set(touch.id, finger);
      return finger;
    });
    if (this.#fingers.size > 1) this.#hadSeveral = true;
    const taken = this.#send("touchStart", fingers);
    if (wasDown) return;
    this.#hooks.onPressed(true);
    if (this.#target !== this.#targets.page) {
      await withDeadline(taken, FINGER_DEADLINE_MS, "finger").catch(() => {});
    }
  }

  #freeSlot(): number {
    const taken = new Set([...this.#fingers.values()].map(({ slot }) => slot));
    return [...Array(MAX_TOUCHES).keys()].find((slot) => !taken.has(slot)) ?? 0;
  }

  /** Settles when the browser has taken the event, and never rejects: the tab reports a page that is gone. */
  #send(type: CdpTouchType, fingers: readonly Finger[]): Promise<void> {
    const touchPoints = fingers.map(({ slot, x, y, radius, force }) => ({
      ...inTarget(this.#target, x, y),
      id: slot,
      ...(radius === undefined ? {} : { radiusX: radius, radiusY: radius }),
      ...(force === undefined ? {} : { force }),
    }));
    return this.#target.session.send("Input.dispatchTouchEvent", { type, touchPoints }).then(
      () => {},
      () => {},
    );
  }
}

function refusal(why: string): AppError {
  return new AppError("invalid_message", { field: "touches", why });
}
