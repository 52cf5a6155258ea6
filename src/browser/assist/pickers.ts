/** [W53] Native lists, calendars and colours: no picture has them, so the console draws its own over the field. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import type { ClientMessageOf, Question } from "../../protocol/live.ts";
import type { PageEvents, PageInput } from "../../session/ports/page.ts";
import { mapBack, mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRect, FrameRef, PageFrames } from "../tabs/frames.ts";
import { pickerAt, readyField, readySelect, setColour } from "./in-page-pickers.ts";

/** The page handles the press first; a busy one later. */
const LOOK_AFTER_MS = [60, 200, 700];
/** Nobody looks at a list for longer. */
const ANSWER_DEADLINE_MS = 120_000;

export interface PickersDeps {
  readonly frames: PageFrames;
  readonly events: Pick<PageEvents, "ask" | "withdraw">;
  /** Gives input to the page. */
  readonly input: (input: PageInput) => void;
  /** Resolves when the browser has all input so far. */
  readonly replayed: () => Promise<void>;
}

interface OpenPicker {
  readonly question: Extract<Question, { type: "ask_pick" }>;
  readonly frame: FrameRef;
}

export class Pickers {
  readonly #deps: PickersDeps;
  /** The frames of the last scan, outermost first. */
  #listed: readonly FrameRef[] = [];
  #open: OpenPicker | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Counts presses: a look that a newer press has overtaken asks nothing. */
  #presses = 0;

  constructor(deps: PickersDeps) {
    this.#deps = deps;
  }

  /** The frames of the last scan. */
  watch(frames: readonly FrameRef[]): void {
    this.#listed = frames;
  }

  /** Takes note of the person's input: with a press, what was asked before is not needed any more. */
  acted(input: PageInput): void {
    if (input.type !== "mouse_event" || input.event_type === "move") return;
    if (input.event_type === "down") {
      this.#presses += 1;
      this.#close();
      return;
    }
    void this.#lookFor(input, this.#presses).catch(() => {});
  }

  /** Whether this answer is for a native control; its question must be open. Throws AppError question_gone, invalid_message. */
  async answer({ options = [], value, question_id }: ClientMessageOf<"answer_pick">): Promise<void> {
    const open = this.#open;
    if (open?.question.question_id !== question_id) throw gone();
    this.#close({ withdraw: false });
    const { question, frame } = open;
    if (options.length === 0 && value === undefined) return;
    if (question.kind === "select") return this.#choose(open, options);
    if (value === undefined) throw new AppError("invalid_message", { field: "value", why: "missing" });
    const { frames, input } = this.#deps;
    if (question.kind === "color") {
      if (!/^#[0-9a-f]{6}$/i.test(value)) throw new AppError("invalid_message", { field: "value", why: "no colour" });
      if (!(await frames.run(frame, setColour, value).catch(() => false))) throw gone();
      return;
    }
    if (!(await frames.run(frame, readyField, undefined).catch(() => false))) throw gone();
    if (value === "") this.#tap("Delete");
    else input({ type: "text", text: value });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#presses += 1;
    this.#close();
  }

  async #lookFor({ x, y }: { readonly x: number; readonly y: number }, press: number): Promise<void> {
    // The press itself may wait until its frame is found.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#deps.replayed();
    for (const ms of LOOK_AFTER_MS) {
      await delay(ms, undefined, { ref: false });
      if (press !== this.#presses || (await this.#look(x, y, press))) return;
    }
  }

  /** False if no native control is there yet. */
  async #look(x: number, y: number, press: number): Promise<boolean> {
    const { frames, events } = this.#deps;
    for (const frame of this.#listed.toReversed()) {
      const rect = await frames.rectOf(frame).catch(() => null);
      if (!rect || !isInside(frame, rect, x, y)) continue;
      const found = await frames.run(frame, pickerAt, mapBack(rect.toPage, x, y)).catch(() => null);
      if (press !== this.#presses) return true;
      if (!found) continue;
      const { box, hasMore, ...facts } = found;
      const question = {
        type: "ask_pick" as const,
        question_id: randomUUID(),
        ...facts,
        has_more: hasMore,
        rect: mapBox(rect.toPage, box),
      };
      if (!events.ask(question)) return true;
      this.#open = { question, frame };
      // The browser's own list, which nobody sees, would take the keys.
      this.#tap("Escape");
      this.#timer = setTimeout(() => this.#close(), ANSWER_DEADLINE_MS);
      return true;
    }
    return false;
  }

  async #choose({ question, frame }: OpenPicker, indices: readonly number[]): Promise<void> {
    const chosen = indices.map((index) => question.options.find((option) => option.index === index));
    if (chosen.some((option) => !option || option.disabled) || (indices.length > 1 && !question.multiple)) {
      throw new AppError("invalid_message", { field: "options", why: "not among those that may be chosen" });
    }
    const labels = chosen.map((option) => option?.label ?? "");
    const ready = await this.#deps.frames.run(frame, readySelect, { indices, labels }).catch(() => null);
    if (!ready) throw gone();
    if (ready !== "chosen") this.#tap(ready.key);
  }

  #tap(key: "ArrowUp" | "ArrowDown" | "Escape" | "Delete"): void {
    for (const event_type of ["down", "up"] as const) {
      this.#deps.input({ type: "key", event_type, key, code: key, modifiers: 0 });
    }
  }

  #close({ withdraw = true } = {}): void {
    clearTimeout(this.#timer);
    const open = this.#open;
    this.#open = null;
    if (open && withdraw) this.#deps.events.withdraw(open.question.question_id);
  }
}

function gone(): AppError {
  return new AppError("question_gone", { field: "question_id" });
}

function isInside(frame: FrameRef, rect: FrameRect, x: number, y: number): boolean {
  if (!frame.parent) return true;
  return rect.visible && x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height;
}
