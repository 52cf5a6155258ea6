/** What is stored of a living session to resume it after a restart or a crash. */
import type { StorageState } from "../../protocol/rest.ts";
import type { OpenPageRequest } from "./page-request.ts";

/** Where an open page is found. */
export type PageLocator =
  | {
      readonly kind: "owned";
      readonly target_id: string;
      /** The browser's process group. */
      readonly pid: number;
      /** Start time in clock ticks since the machine's start: with the pid it names one process for good. */
      readonly started: number;
      /** The name of its profile; left out: the session's id. */
      readonly profile?: string;
    }
  | { readonly kind: "guest"; readonly target_id: string }
  /** [W57] A page that a bot lends: the secret of its relay shows that it is the same bot which comes back. */
  | { readonly kind: "relayed"; readonly target_id: string; readonly secret: string };

/**
 * What the completion rules have seen so far: without it, a challenge that is gone after a restart counts as unknown.
 */
export interface WatchState {
  /** Selectors of `gone` rules that were visible once. */
  readonly selectors: readonly string[];
  /** The challenge that was shown last, by kind, and where: the main document's id, the frame and its document's id. */
  readonly challenge?: {
    readonly kind: string;
    readonly page: string;
    readonly frame: string;
    readonly document: string;
    readonly url: string;
    /** Somebody pressed or typed since it was shown. */
    readonly acted: boolean;
    /** Where: in its box, in its form, or elsewhere; null: nobody pressed, or that is not known. */
    readonly place?: "box" | "form" | "elsewhere" | null;
  } | null;
  /** The host that cookies belong to: that of the address with which the session was opened. */
  readonly host?: string | null;
  /** The frames in which they were visible. */
  readonly frames: readonly string[];
  /** Cookies at the start, each with a hash of its value; null if no rule is about cookies. */
  readonly cookies: readonly (readonly [string, string])[] | null;
}

/** What an operator holds down, and where the pointer is (page CSS px). */
export interface HeldButtons {
  readonly x: number;
  readonly y: number;
  /** As MouseEvent.buttons. */
  readonly buttons: number;
  /** Where fingers are down; left out: there are none. */
  readonly fingers?: readonly { readonly x: number; readonly y: number }[];
  /** As KeyboardEvent has them; left out: there are none. */
  readonly keys?: readonly { readonly key: string; readonly code: string }[];
  /** The window in which that is; left out: the first one. */
  readonly window?: string;
}

/** Who is in control; only an operator that is recognised when it reconnects. */
export interface ResumableControl {
  /** The caller's name, as nameOf() gives it. */
  readonly who: string;
  /** The operator's name, as messages have it. */
  readonly name: string;
}

/** What an owned page is opened again with after a crash. */
export interface Checkpoint {
  readonly url: string;
  readonly storage_state: StorageState | null;
}

/** Each part is stored by itself, when it changes. */
export interface ResumeState {
  /** The request that opened the page; the storage state it began with is in the checkpoint. */
  readonly request: OpenPageRequest;
  readonly place: PageLocator;
  readonly watch: WatchState;
  readonly held: HeldButtons | null;
  readonly control: ResumableControl | null;
  readonly checkpoint: Checkpoint;
  /** When the page moved on, ms since 1970; null: it has not, or a challenge shows again. */
  readonly moved_on: number | null;
  /** The number of the last processed message of each client that numbers its messages. */
  readonly done: Readonly<Record<string, number>>;
}
