/** What a page asks of the person in control, and what it offers them, beyond pictures and input. */
import { AppError } from "../../errors.ts";
import type { Notice, PageAnswer, PageEvents, PageInput, Sound } from "../../session/ports/page.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import type { TabSessions } from "../tabs/tab-sessions.ts";
import { GuestCopies, OwnedCopies } from "./copies.ts";
import { FileChoosers } from "./file-choosers.ts";
import { Pickers } from "./pickers.ts";
import { SoundClips } from "./sound-clips.ts";

/** What the bot allows. */
export interface AssistOptions {
  /** The most bytes of a file that an operator gives to the page; null: its file choosers are not taken over. */
  readonly maxFileBytes: number | null;
  /** Whether what is copied in the page reaches the operator. */
  readonly clipboard: boolean;
}

export interface PageAssistDeps extends AssistOptions {
  /** Reads the clipboard of a browser of our own; null: it is the bot's, which is neither read nor set. */
  readonly readClipboard: ((most: number) => Promise<string>) | null;
  readonly frames: PageFrames;
  readonly sessions: Pick<TabSessions, "follow">;
  readonly events: Pick<PageEvents, "ask" | "withdraw" | "offer">;
  readonly notice: (notice: Notice) => void;
  /** Gives input to the page. */
  readonly replay: (input: PageInput) => void;
  /** Resolves when the browser has all input so far. */
  readonly replayed: () => Promise<void>;
}

export class PageAssist {
  readonly #choosers: FileChoosers | null;
  readonly #owned: OwnedCopies | null;
  readonly #guest: GuestCopies | null;
  readonly #sounds: SoundClips;
  readonly #pickers: Pickers;
  /** The frames that show the challenge; null: there is none, so that all frames count. */
  #challenge: ReadonlySet<string> | null = null;

  constructor(deps: PageAssistDeps) {
    const { frames, sessions, events, notice, replay, replayed, maxFileBytes, clipboard, readClipboard } = deps;
    this.#choosers = maxFileBytes === null ? null : new FileChoosers({ maxBytes: maxFileBytes, events });
    this.#owned = readClipboard && clipboard ? new OwnedCopies({ frames, events, readClipboard }) : null;
    const copies = { frames, events: clipboard ? events : { offer: () => {} } };
    this.#guest = readClipboard ? null : new GuestCopies(copies, replay);
    const isOfChallenge = (id: string | undefined) => !this.#challenge || (id !== undefined && this.#challenge.has(id));
    this.#sounds = new SoundClips({ events, notice, isOfChallenge });
    this.#pickers = new Pickers({ frames, events, input: replay, replayed });
    sessions.follow((session) => {
      this.#choosers?.follow(session);
      this.#sounds.follow(session);
    });
  }

  /** Takes note of the person's input. True where it is handled here, and must not reach the page. */
  takes(input: PageInput): boolean {
    this.#owned?.acted(input);
    this.#pickers.acted(input);
    return this.#guest?.takes(input) ?? false;
  }

  /** The frames of the last scan, and the one that shows the challenge. */
  scanned(frames: readonly FrameRef[], challenge: FrameRef | null): void {
    this.#owned?.watch(frames);
    this.#pickers.watch(frames);
    this.#guest?.watch(frames);
    const isInside = (frame: FrameRef | null): boolean =>
      frame !== null && (frame.id === challenge?.id || isInside(frame.parent));
    this.#challenge = challenge && new Set(frames.filter(isInside).map(({ id }) => id));
    this.#sounds.update();
  }

  /** Rejects with AppError question_gone. */
  async answer(answer: PageAnswer): Promise<void> {
    if (answer.type === "answer_pick") return this.#pickers.answer(answer);
    if (answer.type === "answer_files" && this.#choosers) return this.#choosers.answer(answer);
    throw new AppError("question_gone", { field: "question_id", type: answer.type });
  }

  sound(id: string): Sound | null {
    return this.#sounds.find(id);
  }

  stop(): void {
    this.#pickers.stop();
  }
}
