/**
 * [W43] HTML drag and drop. A browser leaves it to the system's own, which knows nothing of this pointer: so what a press
 * begins to drag is taken over, and its events are sent by this class. Only while a button is down: a bot's own drags are
 * its own.
 */
import { withDeadline } from "../../util/with-deadline.ts";
import type { DragData, InputSession } from "../cdp/connection.ts";
import { type InputTarget, innermost, inTarget, type RemoteFrame } from "./input-targets.ts";

/** So long after a release the browser may still report what the press began to drag. */
const REPORTED_AFTER_MS = 100;
/** The longest wait until a frame has taken one event of a drag. */
const STEP_DEADLINE_MS = 500;

type DragEventType = "dragEnter" | "dragOver" | "drop" | "dragCancel";

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Drag {
  readonly data: DragData;
  /** Where it began: that frame hears of its end. */
  readonly source: InputTarget;
  /** Where it was pressed, page CSS px: the browser looks for the frame there. */
  readonly from: Point;
  /** Where it is; null before the first event. */
  over: InputTarget | null;
  /** All frames of the page; never rejects. */
  readonly frames: Promise<readonly RemoteFrame[]>;
}

/** What a drag needs of the pointer. */
export interface DragPointer {
  /** Where it is (page CSS px), and what is pressed. */
  readonly at: () => Point & { readonly isDown: boolean };
  readonly target: () => InputTarget;
  readonly targetAt: (x: number, y: number) => InputTarget;
  readonly frames: () => Promise<readonly RemoteFrame[]>;
}

export class DragReplay {
  readonly #page: InputSession;
  readonly #pointer: DragPointer;
  #drag: Drag | null = null;
  #modifiers = 0;
  /** The drag of this press is over, although the browser may not have said yet that it has begun. */
  #isCancelled = false;
  #from: Point = { x: 0, y: 0 };
  /** Settles once the browser has taken every move of the press. */
  #moved: Promise<unknown> = Promise.resolve();
  #stopTimer: NodeJS.Timeout | undefined;
  /** Counts presses, so that the end of one does not stop the next one's drags. */
  #presses = 0;

  constructor(page: InputSession, pointer: DragPointer) {
    this.#page = page;
    this.#pointer = pointer;
    page.on("Input.dragIntercepted", ({ data }) => this.#begin(data));
  }

  get isDragging(): boolean {
    return this.#drag !== null;
  }

  /** Call it right before a press: the page's session hears of drags in frames of other processes, too. */
  pressed(): void {
    this.#presses += 1;
    this.#isCancelled = false;
    this.#from = this.#pointer.at();
    this.#moved = Promise.resolve();
    clearTimeout(this.#stopTimer);
    this.#send(this.#page, "Input.setInterceptDrags", { enabled: true });
  }

  /** A move was sent that is no move of a drag yet; `taken` settles once the browser has taken it. */
  sent(taken: Promise<void>): void {
    this.#moved = Promise.all([this.#moved, taken]);
  }

  /** Call it with the button up; `taken` settles once the browser has taken that. */
  released(taken: Promise<void>): void {
    const press = this.#presses;
    const stop = () => this.#send(this.#page, "Input.setInterceptDrags", { enabled: false });
    void Promise.all([this.#moved, taken]).then(() => {
      if (press === this.#presses) this.#stopTimer = setTimeout(stop, REPORTED_AFTER_MS).unref();
    });
  }

  /** Moves what is dragged to the pointer. */
  move(modifiers: number): void {
    this.#modifiers = modifiers;
    const drag = this.#drag;
    if (!drag) return;
    const { x, y } = this.#pointer.at();
    const target = this.#pointer.targetAt(x, y);
    if (target.session !== drag.over?.session) {
      if (drag.over && drag.over.session !== drag.source.session) void this.#event(drag, drag.over, "dragCancel");
      drag.over = target;
      void this.#event(drag, target, "dragEnter");
    }
    void this.#event(drag, target, "dragOver");
  }

  /** Drops it where the pointer is. */
  drop(modifiers: number): void {
    this.move(modifiers);
    const drag = this.#end();
    if (drag?.over) void this.#dropAt(drag, drag.over, this.#pointer.at());
  }

  async #dropAt(drag: Drag, over: InputTarget, to: Point): Promise<void> {
    const isElsewhere = over.session !== drag.source.session;
    const isBarred = !isElsewhere && isBarredBetween(await drag.frames, drag.from, to);
    if (isBarred) {
      // The browser lets in what comes from outside: so its own drag ends first.
      await this.#event(drag, drag.source, "dragCancel", drag.from);
      await this.#event(drag, over, "dragEnter", to);
      await this.#event(drag, over, "dragOver", to);
    }
    await this.#event(drag, over, "drop", to);
    // The browser reports the end to the frame in which the drag began only where the drop was in the same process. Too
    // early, that would end the drag before the drop.
    if (isElsewhere) await this.#event(drag, drag.source, "dragCancel", drag.from);
  }

  /** As Escape does. */
  cancel(): void {
    this.#isCancelled = true;
    const drag = this.#end();
    if (!drag) return;
    if (drag.over && drag.over.session !== drag.source.session) void this.#event(drag, drag.over, "dragCancel");
    void this.#event(drag, drag.source, "dragCancel", drag.from);
  }

  #begin(data: DragData): void {
    if (this.#drag) return;
    const frames = this.#pointer.frames().catch(() => []);
    this.#drag = { data, source: this.#pointer.target(), from: this.#from, over: null, frames };
    if (this.#isCancelled) this.cancel();
    else if (this.#pointer.at().isDown) this.move(this.#modifiers);
    else this.drop(this.#modifiers); // it was over before the browser said that it had begun
  }

  #end(): Drag | null {
    const drag = this.#drag;
    this.#drag = null;
    return drag;
  }

  /** Settles when the browser has taken the event, or has not for long; never rejects. */
  async #event(
    { data }: Drag,
    target: InputTarget,
    type: DragEventType,
    at: Point = this.#pointer.at(),
  ): Promise<void> {
    const event = { type, ...inTarget(target, at.x, at.y), data, modifiers: this.#modifiers };
    const taken = target.session.send("Input.dispatchDragEvent", event);
    await withDeadline(taken, STEP_DEADLINE_MS, type).catch(() => {});
  }

  #send(session: InputSession, method: "Input.setInterceptDrags", params: { enabled: boolean }): void {
    session.send(method, params).catch(() => {});
  }
}

/** Whether the browser would bar a drag: it passes none from a frame to one of another site in the same process. */
function isBarredBetween(frames: readonly RemoteFrame[], from: Point, to: Point): boolean {
  const [begun, reached] = [from, to].map(({ x, y }) => originOf(innermost(frames, x, y)?.url));
  return begun !== null && reached !== null && begun !== reached;
}

/** null for a document without an address of its own, such as about:srcdoc. */
function originOf(url = ""): string | null {
  return /^https?:/.test(url) ? new URL(url).origin : null;
}
