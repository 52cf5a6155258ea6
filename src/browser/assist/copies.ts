/**
 * [W49] What a person copies in the page goes to that person. In an owned page each copy of the page is seen, also one by a
 * script, which is read from the clipboard of that browser; in a page of the bot's own what is selected is read for the person's own keys, which never reach the clipboard of that machine.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { PageEvents, PageInput } from "../../session/ports/page.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { nextCopy, type PageCopy, selectedIn } from "./in-page-copies.ts";

/** UTF-8. */
const MAX_BYTES = 100_000;
/** A copy later than this after the person's own key or press is the page's own idea. */
const OWN_COPY_MS = 1_000;
/** A change of the clipboard this close to a copy is that copy; documents report the same change one after the other. */
const SAME_COPY_MS = 250;
/** A page may have frames without end. */
const MAX_DOCUMENTS = 100;
const CTRL = 2;
const META = 4;
const SHIFT = 8;
/** They come before and after the key that they go with. */
const MODIFIERS: ReadonlySet<string> = new Set(["Control", "Meta", "Shift", "Alt"]);
/** Deletes what was cut. */
const DELETE = { type: "key", key: "Delete", code: "Delete", modifiers: 0 } as const;

export interface CopiesDeps {
  readonly frames: Pick<PageFrames, "run" | "whenSettled">;
  readonly events: Pick<PageEvents, "offer">;
}

/** What a key asks of the clipboard; null: nothing. */
export function clipboardAct(input: PageInput): "copy" | "cut" | "paste" | null {
  if (input.type !== "key") return null;
  const { key, modifiers } = input;
  const isCommand = (modifiers & (CTRL | META)) !== 0;
  const isShift = (modifiers & SHIFT) !== 0;
  const name = key.toLowerCase();
  if (isCommand && (name === "c" || name === "insert")) return "copy";
  if ((isCommand && name === "x") || (isShift && name === "delete")) return "cut";
  if ((isCommand && name === "v") || (isShift && name === "insert")) return "paste";
  return null;
}

export interface OwnedCopiesDeps extends CopiesDeps {
  /** The text on the browser's own clipboard, cut after so many characters. */
  readonly readClipboard: (most: number) => Promise<string>;
}

/** The copies of an owned page. */
export class OwnedCopies {
  readonly #deps: OwnedCopiesDeps;
  /** Documents that answer at their next copy. */
  readonly #waiting = new Set<string>();
  /** The person's last key or press, ms since 1970: the page's own clock is the same. */
  #acted: { readonly at: number; readonly how: "key" | "press" } = { at: -Infinity, how: "press" };

  /** When something was copied last, by the page's clock. */
  #copiedAt = -Infinity;

  constructor(deps: OwnedCopiesDeps) {
    this.#deps = deps;
  }

  /** The frames of the last scan. */
  watch(frames: readonly FrameRef[]): void {
    for (const frame of frames) {
      const document = `${frame.id} ${frame.loaderId}`;
      if (this.#waiting.has(document) || this.#waiting.size >= MAX_DOCUMENTS) continue;
      this.#waiting.add(document);
      void this.#follow(frame).finally(() => this.#waiting.delete(document));
    }
  }

  acted(input: PageInput): void {
    const isPress = input.type === "mouse_event" && input.event_type !== "move";
    const isKey = input.type === "key" && input.event_type === "down" && !MODIFIERS.has(input.key);
    if (isPress || isKey) this.#acted = { at: Date.now(), how: clipboardAct(input) ? "key" : "press" };
  }

  /** Until the document is gone. */
  async #follow(frame: FrameRef): Promise<void> {
    try {
      for (;;) this.#onCopy(await this.#deps.frames.whenSettled(frame, nextCopy, MAX_BYTES));
    } catch {
      // A document that is still there is watched again by the next scan.
    }
  }

  #onCopy({ text, at }: PageCopy): void {
    if (at - this.#acted.at > OWN_COPY_MS) return;
    const { how } = this.#acted;
    if (text === null) return void this.#onChange(at, how);
    this.#copiedAt = at;
    offer(this.#deps, text, how);
  }

  /** The clipboard has changed: by a copy that is known, or by a script. */
  async #onChange(at: number, how: "key" | "press"): Promise<void> {
    // A copy in another document may be reported after the change that it makes.
    await delay(SAME_COPY_MS, undefined, { ref: false });
    if (Math.abs(at - this.#copiedAt) < SAME_COPY_MS) return;
    this.#copiedAt = at;
    const text = await this.#deps.readClipboard(MAX_BYTES).catch(() => "");
    if (text !== "") offer(this.#deps, text, how);
  }
}

/** The copies of a page of the bot's own. */
export class GuestCopies {
  readonly #deps: CopiesDeps;
  readonly #replay: (input: PageInput) => void;
  #frames: readonly FrameRef[] = [];

  /** `replay` gives input to the page. */
  constructor(deps: CopiesDeps, replay: (input: PageInput) => void) {
    this.#deps = deps;
    this.#replay = replay;
  }

  /** The frames of the last scan. */
  watch(frames: readonly FrameRef[]): void {
    this.#frames = frames.slice(0, MAX_DOCUMENTS);
  }

  /** Whether this key would reach the clipboard of the bot's machine: then it is handled here. */
  takes(input: PageInput): boolean {
    const act = clipboardAct(input);
    if (act !== null && act !== "paste" && input.type === "key" && input.event_type === "down") void this.#copy(act);
    return act !== null;
  }

  async #copy(act: "copy" | "cut"): Promise<void> {
    const asked = this.#frames.map((frame) => this.#deps.frames.run(frame, selectedIn, MAX_BYTES).catch(() => null));
    const found = (await Promise.all(asked)).filter((selected) => selected !== null && selected.text !== "");
    const selected = found.find((each) => each?.hasFocus) ?? found[0];
    if (!selected) return;
    offer(this.#deps, selected.text, "key");
    if (act !== "cut" || !selected.isEditable) return;
    for (const event_type of ["down", "up"] as const) this.#replay({ ...DELETE, event_type });
  }
}

function offer({ events }: Pick<CopiesDeps, "events">, text: string, by: "key" | "press"): void {
  const bytes = Buffer.from(text);
  const cut = bytes.length > MAX_BYTES || text.length >= MAX_BYTES;
  // A character that the limit cuts in two is left out.
  const whole = new TextDecoder().decode(bytes.subarray(0, MAX_BYTES), { stream: true });
  events.offer({ type: "copied", text: whole, by, cut });
}
