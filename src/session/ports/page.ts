/** The port to a page: what a session needs of it. src/browser/ implements it. */
import type { Code } from "../../errors.ts";
import type { CaptchaInfo, Contradiction, Rect, Size } from "../../protocol/common.ts";
import type { ATTEMPT_FAILURES, ProgressStep } from "../../protocol/events.ts";
import type { DamageRect, PictureFacts } from "../../protocol/frame.ts";
import type {
  Answer,
  ClientMessageOf,
  Offer,
  PAGE_CONDITIONS,
  PageWindow,
  Question,
  ServerMessageOf,
} from "../../protocol/live.ts";
import type { Evidence, Pictures, StorageState } from "../../protocol/rest.ts";
import type { CropHelper } from "./crops.ts";
import type { OpenPageRequest } from "./page-request.ts";
import type { Checkpoint, PageLocator, ResumeState } from "./resume-state.ts";
import type { UploadedFile } from "./uploads.ts";

/** A larger picture is not sent: as base64 it takes two thirds of the megabyte that a socket may buffer. */
export const MAX_PICTURE_BYTES = 512 * 1024;

/** One JPEG of the page; `seq` is 1 for the first picture of a session. */
export interface Picture extends PictureFacts {
  readonly jpeg: Buffer;
}

/** [W63] What differs between two pictures of one view at one scale and quality. */
export interface Damage {
  /** Empty: nothing differs, and there is no JPEG. */
  readonly rects: readonly DamageRect[];
  /** One JPEG with the contents of all rectangles. */
  readonly jpeg: Buffer;
}

export type ViewMode = "challenge" | "page";

/** JPEG quality, 1 to 100, and picture px per CSS px. */
export interface Level {
  readonly quality: number;
  readonly scale: number;
}

/** What the pictures of a page show: the requests of all its viewers, taken together. */
export interface CaptureRequest {
  /** `page` if any viewer wants the whole page. */
  readonly mode: ViewMode;
  /** Scale of a picture of a page at rest, picture px per CSS px. */
  readonly scale: number;
  /** Level while something moves: what the fastest connection carries. */
  readonly motion: Level;
  /** An older client is among them: it needs at least 1 picture px per CSS px. */
  readonly exact: boolean;
  /** A watcher is among them: the places of secret fields must be known. */
  readonly masked: boolean;
}

/** A picture for watchers: secret fields are black. */
export interface MaskedPicture {
  readonly picture: Picture;
  /** False if a frame is black only because its fields are not known yet. */
  readonly isWhole: boolean;
}

type WithoutId<T extends ClientMessageOf<"mouse_event" | "touch_event" | "wheel" | "key" | "text">> = Omit<T, "id">;
export type MouseInput = WithoutId<ClientMessageOf<"mouse_event">>;
export type TouchInput = WithoutId<ClientMessageOf<"touch_event">>;
export type PageInput =
  | MouseInput
  | TouchInput
  | WithoutId<ClientMessageOf<"wheel">>
  | WithoutId<ClientMessageOf<"key">>
  | WithoutId<ClientMessageOf<"text">>;

export type NavigateAction = ClientMessageOf<"navigate">["action"];
/** The field that has the focus; null: none. */
export type FocusedField = ServerMessageOf<"focus">["field"];

/** Whether a page takes fingers. `isMobile`: it is a phone's, whose first pointer is a finger. */
export interface PageTouch {
  readonly isOn: boolean;
  readonly isMobile: boolean;
}

/** The verdict of the completion rules: `true` counts only once it is `stable`. */
export interface Verdict {
  readonly value: boolean | "unknown";
  readonly stable: boolean;
  readonly evidence: readonly Evidence[];
  /** What still shows; empty unless `value` is false. */
  readonly contradictions: readonly Contradiction[];
  /** Whether a person who says it twice is believed although `value` is false: nothing on the page could confirm it. */
  readonly mayOverride: boolean;
}

/** [W45] An answer as the page takes it: files are those that were uploaded for it. */
export type PageAnswer =
  | Exclude<Answer, { type: "answer_files" }>
  | {
      readonly type: "answer_files";
      readonly question_id: string;
      readonly files: readonly UploadedFile[];
    };

/** A sound clip as the page has loaded it. */
export interface Sound {
  readonly mime: string;
  readonly bytes: Buffer;
}
export type WindowAction = ClientMessageOf<"window">["action"];

export type Notice = ServerMessageOf<"dialog"> | ServerMessageOf<"page_notice">;

/** `dialog_open`: the page waits for an answer that the server may not give. */
export type PageCondition = Exclude<(typeof PAGE_CONDITIONS)[number], "page_reopening" | "page_reopened">;

export type AttemptFailure = (typeof ATTEMPT_FAILURES)[number];
export type OpeningStep = Extract<ProgressStep, "browser" | "page" | "challenge">;

/** The events that a page reports to its session, in the order in which they happened. */
export interface PageEvents {
  /**
   * The number of the next picture: it grows over all pictures of a session, also when the page is opened again [W5].
   */
  nextSeq(): number;
  /** A new picture: of the requested part, or of more. */
  picture(picture: Picture): void;
  /**
   * The challenge was found, has moved or is lost, and the view with it; pictures of the new view follow. Also called
   * when `isWorking` changes.
   */
  challenge(): void;
  /** The rules hold and are stable. Called once. */
  solved(verdict: Verdict): void;
  /**
   * The page has moved on after a person acted, and no rule says whether that was the end. Nothing is concluded. Called
   * again only when it happens again.
   */
  movedOn(): void;
  /** The page is lost. Called once, never after close(). */
  lost(code: Extract<Code, "page_closed" | "page_crashed" | "browser_lost">): void;
  notice(notice: Notice): void;
  /** [W47] The list of windows has changed. */
  windowsChanged(): void;
  /** [W47] Another window is shown from here on: pictures of the one before are not shown any more. */
  windowShown(): void;
  /**
   * [W45] Asks the person in control. False if nobody is there who can answer: the page gets its default at once. The
   * page keeps its own deadline, and withdraws what it does not wait for any more.
   */
  ask(question: Question): boolean;
  withdraw(questionId: string): void;
  /** Offers something to the person in control that needs no answer. */
  offer(offer: Offer): void;
  /** [W44] Another field has the focus, or none. */
  focused(field: FocusedField): void;
  /** The opening of the page has reached this step. */
  progress(step: OpeningStep): void;
  /** An attempt at the challenge has failed. */
  attemptFailed(why: AttemptFailure): void;
  /** The page does not answer any more, or answers again. */
  condition(condition: PageCondition): void;
  /** These parts of the resume state have changed. */
  resumeStateChanged(changed: Partial<Pick<ResumeState, "watch" | "held">>): void;
}

/** Points in CSS px of the page: the field, or the first of its boxes, and the button that sends it where Enter does not. */
export interface CodeField {
  readonly x: number;
  readonly y: number;
  readonly button: { readonly x: number; readonly y: number } | null;
}

/** What a distributor of pictures needs of a page; the pictures themselves arrive by PageEvents. */
export interface PictureSource {
  readonly challenge: CaptchaInfo | null;
  readonly touch: PageTouch;
  /** Whether navigate() takes it anywhere. */
  readonly canNavigate: boolean;
  readonly condition: PageCondition;
  /** The part of the page, in CSS px, that a view of this mode shows now. */
  view(mode: ViewMode): Rect;
  /**
   * A sharp JPEG of that view at most at this scale, taken now or known to be current. For a watcher it is taken now,
   * so that it can be masked. Rejects with AppError `timeout` if the page does not answer.
   */
  picture(mode: ViewMode, scale: number, forWatcher?: boolean): Promise<Picture>;
  /**
   * [W62] The still of that view that was kept since the page was ready, once; null: there is none, or the page has
   * changed since. Its secret fields show.
   */
  keptStill(mode: ViewMode): Promise<Picture | null>;
  /**
   * What a watcher may see of a picture through such a view; null if the secret fields are unknown. Rejects as cut()
   * does.
   */
  masked(picture: Picture, mode: ViewMode, scale: number): Promise<MaskedPicture | null>;
  /**
   * The part of a picture that such a view shows, at most at this scale. Rejects if the picture does not contain it.
   */
  cut(picture: Picture, mode: ViewMode, scale: number): Promise<Picture>;
  /**
   * [W63] What has changed from `before` to `picture`, as this page's viewers see them; null where the whole picture
   * costs less, or comparing takes too long. Never rejects.
   */
  damage(before: Picture, picture: Picture): Promise<Damage | null>;
  /** Sets what pictures show; null while nobody watches. */
  setCaptureRequest(request: CaptureRequest | null): void;
  /**
   * Starts or stops capturing. It stops while no viewer has room: capturing costs CPU, and a waiting picture grows old.
   */
  setCapturing(capturing: boolean): void;
}

export interface ChallengePage extends PictureSource {
  readonly viewport: Size;
  /** The URL of its document; null before the first scan. */
  readonly url: string | null;
  /** Whether its tab is in the background: there are no pictures of it then. */
  readonly hidden: boolean;
  /**
   * What shows works by itself: nobody need come yet. It stays true while a verdict on that ripens. Changes come with
   * PageEvents.challenge().
   */
  readonly isWorking: boolean;
  /** The loopback port of its browser's proxy; null for a guest page. */
  readonly proxyPort: number | null;
  /** Where the next server finds the page; null for a page that ends with this process. */
  readonly place: PageLocator | null;
  /** [R29] What pictures of a relayed page show; left out for other pages. */
  readonly pictures?: Pictures | undefined;
  /** While true, a view that was shown stays, even without a challenge (plain clients, [W20]). */
  setKeepView(keep: boolean): void;
  /** Replays input in order; returns at once. Throws AppError `invalid_message` for a key that does not exist. */
  input(input: PageInput): void;
  /**
   * [W52] Goes back, or loads the page anew. Rejects with AppError `forbidden` for a page of the bot's own browser,
   * `invalid_message` where there is no page before this one.
   */
  navigate(action: NavigateAction): Promise<void>;
  /** [W45] Answers a question that the page has asked. Throws AppError `question_gone`. */
  answer(answer: PageAnswer): void | Promise<void>;
  /** [W45] Whoever can answer may be in control now: asks what still stands and nobody was asked. */
  askAgain(): void;
  /** [W44] Somebody else is in control: reports the field that has the focus, whatever it is, by PageEvents.focused(). */
  tellFocus(): void;
  /** [R24] Where the page shows a field for a one-time code; null if it shows none. */
  codeField(): Promise<CodeField | null>;
  /** A sound that the page has offered, one of the last; null: there is none with this id. */
  sound(id: string): Sound | null;
  /** [W47] The windows of the session, the first one first; empty where windows are not followed. */
  readonly windows: readonly PageWindow[];
  /** [W47] Shows or closes a window. Throws AppError `window_gone`; `invalid_message` for closing the first one. */
  window(id: string, action: WindowAction): Promise<void>;
  /**
   * [R32] Lets the bot crop its own page from now on. Returns a function that ends it. Throws AppError `invalid_message`
   * for a page that is not the helper's, or that the server does not reach itself.
   */
  takeCropHelper(helper: CropHelper): () => void;
  /** Releases every button and key that is down. */
  releaseAll(): void;
  /** Checks the rules now and, if they hold, waits until that is stable: at most about `stable_ms` + 2 s. */
  check(): Promise<Verdict>;
  /**
   * The page's URL, cookies and the local storage of its frames, to open it again with. The page itself is not touched.
   * Rejects if it does not answer.
   */
  checkpoint(last: Checkpoint | null): Promise<Checkpoint>;
  /** Cookies and local storage in Playwright's format; null for a guest page, or if they cannot be read. */
  storageState(): Promise<StorageState | null>;
  /** Closes the page and all that was started for it. */
  close(): Promise<void>;
  /** Detaches from the page and leaves it and its browser running, for the next server. */
  detach(): Promise<void>;
}

/**
 * Opens an owned page, or attaches to a guest page. Resolves when its document is loaded and its challenge was found,
 * or the search for it took too long. Rejects with AppError url_not_allowed, invalid_message, browser_unavailable,
 * navigation_failed, timeout; for guests cdp_unreachable, target_not_found, target_ambiguous, page_in_use,
 * relay_not_found. `signal` cancels the opening and stops what was started for it.
 */
export type OpenPage = (request: OpenPageRequest, events: PageEvents, signal: AbortSignal) => Promise<ChallengePage>;

/**
 * Attaches again to a page of an earlier server. Rejects with AppError browser_lost, page_closed, timeout (the page
 * does not answer), and for guests as OpenPage does. An owned page that cannot be resumed is closed.
 */
export type ResumePage = (page: ResumablePage, events: PageEvents, signal: AbortSignal) => Promise<ChallengePage>;

/** The stored facts by which a page of an earlier server is found and resumed. */
export interface ResumablePage extends Pick<ResumeState, "request" | "place" | "held"> {
  readonly watch: ResumeState["watch"] | undefined;
  readonly checkpoint: Checkpoint | null;
  readonly proxy_port: number | null;
}
