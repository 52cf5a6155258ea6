/** The port to a page: what a session needs of it. Implemented in browser/. */
import type { Code } from "../../errors.ts";
import type { CaptchaInfo, Rect, Size } from "../../protocol/common.ts";
import type { ATTEMPT_FAILURES, ProgressStep } from "../../protocol/events.ts";
import type { PictureFacts } from "../../protocol/frame.ts";
import type { ClientMessageOf, PAGE_CONDITIONS, ServerMessageOf } from "../../protocol/live.ts";
import type { Evidence, StorageState } from "../../protocol/rest.ts";
import type { OpenPageRequest } from "./page-request.ts";
import type { Checkpoint, PageLocator, ResumeState } from "./resume-state.ts";

/** A larger picture is not sent: as base64 two thirds of a megabyte, of the one that a socket may hold back. */
export const MAX_PICTURE_BYTES = 512 * 1024;

/** One JPEG of the page; `seq` is 1 for the first of its session. */
export interface Picture extends PictureFacts {
  readonly jpeg: Buffer;
}

export type ViewMode = "challenge" | "page";

/** JPEG quality, 1 to 100, and picture px per CSS px. */
export interface Level {
  readonly quality: number;
  readonly scale: number;
}

/** What the pictures of a page are to show: what all its viewers want, taken together. */
export interface CaptureRequest {
  /** `page` where anybody wants to see the whole. */
  readonly mode: ViewMode;
  /** Of the picture once the page rests. */
  readonly scale: number;
  /** While something moves: what the fastest of their connections carries. */
  readonly motion: Level;
  /** An older client is among them, which counts on 1 picture px per CSS px at least. */
  readonly exact: boolean;
  /** A watcher is among them: where secret fields are must be known. */
  readonly masked: boolean;
}

/** A picture as watchers may see it: secret fields are black. */
export interface MaskedPicture {
  readonly picture: Picture;
  /** False where a frame is black only because it is not known well enough yet. */
  readonly isWhole: boolean;
}

type WithoutId<T extends ClientMessageOf<"mouse_event" | "wheel" | "key" | "text">> = Omit<T, "id">;
export type MouseInput = WithoutId<ClientMessageOf<"mouse_event">>;
export type PageInput =
  | MouseInput
  | WithoutId<ClientMessageOf<"wheel">>
  | WithoutId<ClientMessageOf<"key">>
  | WithoutId<ClientMessageOf<"text">>;

/** What the completion rules say: `true` counts only once it is `stable`. */
export interface Verdict {
  readonly value: boolean | "unknown";
  readonly stable: boolean;
  readonly evidence: readonly Evidence[];
}

export type Notice = ServerMessageOf<"dialog"> | ServerMessageOf<"page_notice">;

/** `dialog_open`: it waits for an answer that is not ours to give. */
export type PageCondition = Exclude<(typeof PAGE_CONDITIONS)[number], "page_reopening" | "page_reopened">;

export type AttemptFailure = (typeof ATTEMPT_FAILURES)[number];
export type OpeningStep = Extract<ProgressStep, "browser" | "page" | "challenge">;

/** What a page tells its session; called in the order things happened. */
export interface PageEvents {
  /** The number of the next picture: it grows from picture to picture of a session, whatever page it is of [W5]. */
  nextSeq(): number;
  /** A new picture: of what was requested, or of more. */
  picture(picture: Picture): void;
  /** The challenge was found, has moved or is lost, and the view with it; pictures of the new view come after it. */
  challenge(): void;
  /** The rules hold and have been stable. Told once. */
  solved(verdict: Verdict): void;
  /** The page cannot go on. Told once, never after close(). */
  lost(code: Extract<Code, "page_closed" | "page_crashed" | "browser_lost">): void;
  notice(notice: Notice): void;
  /** How far its opening is. */
  progress(step: OpeningStep): void;
  /** What somebody did to the challenge has failed. */
  attemptFailed(why: AttemptFailure): void;
  /** It does not answer any more, or does again. */
  condition(condition: PageCondition): void;
  /** What the next server must know to go on with this page. */
  resumeStateChanged(changed: Partial<Pick<ResumeState, "watch" | "held">>): void;
}

/** What a distributor of pictures needs of a page; the pictures themselves come by PageEvents. */
export interface PictureSource {
  readonly challenge: CaptchaInfo | null;
  readonly condition: PageCondition;
  /** The part of the page, in CSS px, that a view of this mode shows now. */
  view(mode: ViewMode): Rect;
  /**
   * A sharp JPEG of that view, taken now or known to be current, at most this fine.
   * For a watcher it is taken now, when it can be masked. AppError `timeout` when the page does not answer.
   */
  picture(mode: ViewMode, scale: number, forWatcher?: boolean): Promise<Picture>;
  /** What a watcher may see of a picture through such a view; null where it cannot be told. Rejects as cut() does. */
  masked(picture: Picture, mode: ViewMode, scale: number): Promise<MaskedPicture | null>;
  /** The part of a picture that such a view shows, at most this fine; rejects where the picture does not hold it. */
  cut(picture: Picture, mode: ViewMode, scale: number): Promise<Picture>;
  /** What pictures are to show; null while nobody watches. */
  setCaptureRequest(request: CaptureRequest | null): void;
  /** Whether somebody can take a picture now: capturing costs CPU, and a picture that waits grows old. */
  setCapturing(capturing: boolean): void;
}

export interface ChallengePage extends PictureSource {
  readonly viewport: Size;
  /** The address of its document; null before it was looked at. */
  readonly url: string | null;
  /** In a tab that its browser does not show: there are no pictures of it. */
  readonly hidden: boolean;
  /** Where its browser's proxy listens on loopback; null for a page that is not ours. */
  readonly proxyPort: number | null;
  /** Where the next server finds it; null for a page that goes with this process. */
  readonly place: PageLocator | null;
  /** After a view was shown it stays, even without a challenge, while this is true (plain clients, [W20]). */
  setKeepView(keep: boolean): void;
  /** Replays input in order; returns at once. AppError `invalid_message` for a key that does not exist. */
  input(input: PageInput): void;
  /** Lets go of every button and key that is down. */
  releaseAll(): void;
  /** Asks the rules now and, where they hold, waits until that is stable; at most about `stable_ms` + 2 s. */
  check(): Promise<Verdict>;
  /**
   * Where it is, and its cookies and local storage as far as its frames have them: to be opened again with. Nothing of
   * the page is touched. Rejects where it does not answer.
   */
  checkpoint(last: Checkpoint | null): Promise<Checkpoint>;
  /** Cookies and local storage in Playwright's format; null where the page is not ours or cannot tell. */
  storageState(): Promise<StorageState | null>;
  /** Releases the page and all that was started for it. */
  close(): Promise<void>;
  /** Detaches from the page and leaves it and its browser running, for the next server. */
  detach(): Promise<void>;
}

/**
 * Opens an owned page, or attaches to a guest: resolves when its document is there and its challenge was found, or
 * looked for long enough. AppError: url_not_allowed, invalid_message, browser_unavailable, navigation_failed, timeout;
 * for guests cdp_unreachable, target_not_found, target_ambiguous, page_in_use.
 * `signal` gives up; whatever was started is then stopped.
 */
export type OpenPage = (request: OpenPageRequest, events: PageEvents, signal: AbortSignal) => Promise<ChallengePage>;

/**
 * Comes back to a page that an earlier server held, as `memory` has it. AppError: browser_lost, page_closed, timeout
 * (it does not answer), and for guests what OpenPage throws. What cannot be come back to is ended, if it is ours.
 */
export type ResumePage = (memory: ResumablePage, events: PageEvents, signal: AbortSignal) => Promise<ChallengePage>;

export interface ResumablePage extends Pick<ResumeState, "request" | "place" | "held"> {
  readonly watch: ResumeState["watch"] | undefined;
  readonly checkpoint: Checkpoint | null;
  readonly proxy_port: number | null;
}
