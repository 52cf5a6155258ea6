/** [W44] Which field of the page has the focus, so that a phone shows the keyboard that fits and keeps the field in sight. */
import type { Rect } from "../../protocol/common.ts";
import type { FocusedField } from "../../session/ports/page.ts";
import { mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { focusedField } from "./in-page-focus.ts";

/** The page has handled a press by then; a field that is slow to come gets the second look. */
const LOOK_AFTER_MS = [60, 350] as const;

export class FocusTracker {
  readonly #frames: PageFrames;
  readonly #onChange: (field: FocusedField) => void;
  #timers: NodeJS.Timeout[] = [];
  /** What was told last, as JSON; null: another page's field was told since. */
  #last: string | null = "null";
  #isStopped = false;

  constructor(frames: PageFrames, onChange: (field: FocusedField) => void) {
    this.#frames = frames;
    this.#onChange = onChange;
  }

  /** A press has ended, or a key was typed: the focus may be elsewhere soon. */
  acted(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = LOOK_AFTER_MS.map((ms) => setTimeout(() => void this.#look(), ms));
  }

  /** This page is shown again: its field is told, whatever it is. */
  shown(): void {
    this.#last = null;
    this.acted();
  }

  /** Somebody else is in control: the field is told at once, whatever it is. */
  tell(): void {
    this.#last = null;
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #look(): Promise<void> {
    const field = await this.#find().catch(() => undefined);
    // A page that does not answer keeps what was known of it.
    if (field === undefined || this.#isStopped) return;
    const text = JSON.stringify(field);
    if (text === this.#last) return;
    this.#last = text;
    this.#onChange(field);
  }

  /** Each document knows its own focused element only: where that is a frame, the frame is asked. */
  async #find(): Promise<FocusedField> {
    const frames = await this.#frames.list();
    let [frame] = frames;
    while (frame) {
      const answer = await this.#frames.run(frame, focusedField, null);
      if (answer !== "frame") return answer && (await this.#onPage(frame, answer));
      frame = await this.#focusedChild(frames, frame);
    }
    return null;
  }

  async #focusedChild(frames: readonly FrameRef[], parent: FrameRef): Promise<FrameRef | undefined> {
    const children = frames.filter((frame) => frame.parent?.id === parent.id);
    const focused = await Promise.all(
      children.map((child) => this.#frames.onOwner(child, hasFocus, []).catch(() => false)),
    );
    return children.find((_child, index) => focused[index]);
  }

  async #onPage(frame: FrameRef, field: NonNullable<FocusedField>): Promise<FocusedField> {
    const { toPage } = await this.#frames.rectOf(frame);
    const rounded = (rect: Rect) => {
      const { x, y, width, height } = mapBox(toPage, rect);
      return { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
    };
    return { ...field, rect: rounded(field.rect), caret: field.caret && rounded(field.caret) };
  }
}

/** Sent as text: runs on a frame's element, in the world of the document that contains it. */
function hasFocus(this: Element): boolean {
  const root = this.getRootNode();
  return (root instanceof ShadowRoot ? root : document).activeElement === this;
}
