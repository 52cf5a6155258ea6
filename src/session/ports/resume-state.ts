/** What a session must know to come back to its page after a restart or a crash. */
import type { StorageState } from "../../protocol/rest.ts";
import type { OpenPageRequest } from "./page-request.ts";

/** Where a page is, told once it is open. */
export type PageLocator =
  | {
      readonly kind: "owned";
      readonly target_id: string;
      /** Of the browser's process group. */
      readonly pid: number;
      /** In clock ticks since the machine started: with the pid it names one process for good. */
      readonly started: number;
    }
  | { readonly kind: "guest"; readonly target_id: string };

/** What the completion rules have seen so far: without it a challenge that is gone after a restart would be unknown. */
export interface WatchState {
  /** Selectors of `gone` rules, and kinds, that were visible once. */
  readonly selectors: readonly string[];
  readonly kinds: readonly string[];
  /** Frames in which they were. */
  readonly frames: readonly string[];
  /** Cookies at the start, name to a hash of the value; null where no rule asks for one. */
  readonly cookies: readonly (readonly [string, string])[] | null;
}

/** What a person holds down on the page, and where it was pressed (page CSS px). */
export interface HeldButtons {
  readonly x: number;
  readonly y: number;
  /** As MouseEvent.buttons. */
  readonly buttons: number;
}

/** Who is in control, where that can be recognised when it comes back. */
export interface ResumableControl {
  /** nameOf() the caller */
  readonly who: string;
  /** The operator's, as it is told. */
  readonly name: string;
}

/** What a page of ours is opened again with after a crash. */
export interface Checkpoint {
  readonly url: string;
  readonly storage_state: StorageState | null;
}

/** Each part is written by itself, when it changes. */
export interface ResumeState {
  /** As the page was asked for; what it was given to begin with is in the checkpoint. */
  readonly request: OpenPageRequest;
  readonly place: PageLocator;
  readonly watch: WatchState;
  readonly held: HeldButtons | null;
  readonly control: ResumableControl | null;
  readonly checkpoint: Checkpoint;
  /** The number of the last message that was done, of each client that numbers them. */
  readonly done: Readonly<Record<string, number>>;
}
