/**
 * [W42] Text that comes whole: a paste, the text box, a code that was sent. The page gets a paste that it may handle;
 * where it does not, short text is typed key by key and long text inserted. No clipboard is read or set.
 */
import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "../../util/with-deadline.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { NEXT_PART, valueFor, waysToType } from "./date-segments.ts";
import { emptyField, type FieldState, fieldState, focusNextBox, hasFocus, setField } from "./in-page-fields.ts";
import { type Key, keyThatTypes } from "./keys.ts";

/** Longer text is inserted: so long a code, a name or an address is not. */
const MAX_TYPED = 64;
/** The longest wait until the browser has taken one key; a dialog may hold it. */
const KEY_DEADLINE_MS = 2_000;
/** After this the rest is sent without looking: the page is very slow. */
const PATIENCE_MS = 8_000;
/** A page that handles a paste itself has filled its fields by then. */
const PASTE_HANDLED_MS = 250;
/** A page has moved the focus to the next box by then. */
const FOCUS_MOVED_MS = 150;
const LOOK_EVERY_MS = 15;
/** A busy page may take so long for a look. */
const SCRIPT_TIMEOUT_MS = 900;

/** What typing needs of the page's keyboard. Both settle when the browser has taken it, and never reject. */
export interface Typewriter {
  readonly tap: (key: Key) => Promise<void>;
  readonly insert: (text: string) => Promise<void>;
}

export class WholeText {
  readonly #frames: PageFrames;
  readonly #typewriter: Typewriter;

  constructor(frames: PageFrames, typewriter: Typewriter) {
    this.#frames = frames;
    this.#typewriter = typewriter;
  }

  /** Puts text where the focus is. Settles when the page has it, after a few seconds at most, and never rejects. */
  async insert(text: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const frame = await this.#focusedFrame().catch(() => null);
    const pasted = frame && (await this.#look(frame, { paste: text }));
    if (!pasted) return this.#typeUnseen(text);
    if (await this.#isHandled(frame, pasted)) return;
    const field = (await this.#look(frame)) ?? pasted;
    if (field.kind !== "none" && field.kind !== "text" && field.kind !== "frame") {
      if (await this.#typeDate(frame, field, field.kind, text, end)) return;
    }
    const isTyped = field.kind !== "text" || field.isBox || [...text].every((character) => keyThatTypes(character));
    if (!isTyped || [...text].length > MAX_TYPED) {
      return this.#taken(this.#typewriter.insert(text));
    }
    await this.#type(frame, field, text, end);
  }

  /** A page that does not answer takes its keys when it can: a row of boxes is filled by keys alone. */
  async #typeUnseen(text: string): Promise<void> {
    const keys = [...text].map(keyThatTypes);
    if (keys.length > MAX_TYPED || keys.includes(null)) return this.#taken(this.#typewriter.insert(text));
    for (const key of keys) if (key) void this.#typewriter.tap(key);
  }

  /** The innermost frame that has the focus. */
  async #focusedFrame(): Promise<FrameRef | null> {
    const frames = await this.#frames.list();
    let focused = frames.find(({ parent }) => parent === null) ?? null;
    for (;;) {
      const inner = frames.filter(({ parent }) => parent !== null && parent.id === focused?.id);
      const answers = inner.map((frame) => this.#frames.onOwner(frame, hasFocus, []).catch(() => false));
      const next = inner[(await Promise.all(answers)).indexOf(true)];
      if (!next) return focused;
      focused = next;
    }
  }

  /** null where the frame does not answer, or is gone. */
  #look(frame: FrameRef, { paste = null, wanted = null }: { paste?: string | null; wanted?: string | null } = {}) {
    return this.#frames
      .run(frame, fieldState, { paste, wanted }, SCRIPT_TIMEOUT_MS)
      .catch((): FieldState | null => null);
  }

  /** Whether the page has put the pasted text into its fields itself. A page may refuse a paste: then it is typed. */
  async #isHandled(frame: FrameRef, pasted: FieldState): Promise<boolean> {
    if (pasted.after !== pasted.before) return true;
    if (!pasted.isPrevented) return false;
    const changed = await this.#until(frame, PASTE_HANDLED_MS, (field) => field.after !== pasted.before);
    return changed === null || changed.after !== pasted.before;
  }

  async #type(frame: FrameRef, begin: FieldState, text: string, end: number): Promise<void> {
    let field: FieldState | null = begin;
    const characters = [...text].filter((character) => begin.kind !== "none" || !/\s/.test(character));
    for (const character of characters) {
      const isLate = performance.now() > end;
      if (field?.isBox && isSeparator(character)) continue;
      if (field?.isBox && field.isFull && (await this.#frames.run(frame, focusNextBox, null).catch(() => false))) {
        field = await this.#look(frame);
      }
      const key = keyThatTypes(character);
      const taking = key ? this.#typewriter.tap(key) : this.#typewriter.insert(character);
      if (isLate) continue;
      await this.#taken(taking);
      if (field?.isBox) field = await this.#settled(frame, field);
    }
  }

  /** The field that has the focus once the page has taken a character into a box: most pages go on to the next box. */
  #settled(frame: FrameRef, before: FieldState): Promise<FieldState | null> {
    return this.#until(frame, FOCUS_MOVED_MS, (field) => field.focus !== before.focus || (before.maxLength ?? 1) > 1);
  }

  /** The first state of the focused field that fits, or the last one seen; null where the frame does not answer. */
  async #until(frame: FrameRef, ms: number, fits: (field: FieldState) => boolean): Promise<FieldState | null> {
    const end = performance.now() + ms;
    for (;;) {
      const field = await this.#look(frame);
      if (!field || fits(field) || performance.now() > end) return field;
      await delay(LOOK_EVERY_MS);
    }
  }

  /** Types a date as its field wants it, in the order of the browser's language. False: the text is no such date. */
  async #typeDate(
    frame: FrameRef,
    field: FieldState,
    kind: Parameters<typeof waysToType>[0],
    text: string,
    end: number,
  ): Promise<boolean> {
    const ways = waysToType(kind, text, field);
    for (const way of ways) {
      if (performance.now() > end) break;
      await this.#frames.run(frame, emptyField, null).catch(() => {});
      for (const character of way) {
        const isMove = character === NEXT_PART;
        const key = isMove ? { key: NEXT_PART, code: NEXT_PART, modifiers: 0 } : keyThatTypes(character);
        if (key) await this.#taken(this.#typewriter.tap(key));
      }
      if ((await this.#look(frame, { wanted: valueFor(text) }))?.isWanted) return true;
    }
    if (ways.length > 0) await this.#frames.run(frame, setField, valueFor(text)).catch(() => {});
    return ways.length > 0;
  }

  #taken(work: Promise<void>): Promise<void> {
    return withDeadline(work, KEY_DEADLINE_MS, "key").catch(() => {});
  }
}

/** Between the parts of a code: boxes take the parts alone. */
function isSeparator(character: string): boolean {
  return /[\s\-–·.]/.test(character);
}
