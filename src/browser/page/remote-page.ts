/** One page with a challenge: implements the session's port with pictures, input, the challenge watcher and masking. */

import type { Logger } from "pino";
import type { ChallengeKind } from "../../config.ts";
import { AppError } from "../../errors.ts";
import { type CaptchaInfo, type Rect, type Size, sameRect } from "../../protocol/common.ts";
import type { PageWindow, Question } from "../../protocol/live.ts";
import { isMove, isPress, isRelease } from "../../protocol/moves.ts";
import type { Completion, Pictures, StorageState } from "../../protocol/rest.ts";
import type { CropHelper } from "../../session/ports/crops.ts";
import type {
  CaptureRequest,
  ChallengePage,
  CodeField,
  Damage,
  MaskedPicture,
  NavigateAction,
  Notice,
  PageAnswer,
  PageCondition,
  PageEvents,
  PageInput,
  PageTouch,
  Picture,
  Sound,
  Verdict,
  ViewMode,
} from "../../session/ports/page.ts";
import { visibilityNotice } from "../../session/ports/page-notices.ts";
import type { Checkpoint, HeldButtons, PageLocator, WatchState } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { FocusTracker } from "../assist/focus-tracker.ts";
import { type AssistOptions, PageAssist } from "../assist/page-assist.ts";
import { type DialogRow, type DialogSession, PageDialogs } from "../assist/page-dialogs.ts";
import { SignIn, type SignInDeps } from "../assist/sign-in.ts";
import type { CdpSender } from "../cdp/connection.ts";
import type { WindowFacts } from "../challenge/completion-rules.ts";
import { FailedAttempts } from "../challenge/failed-attempts.ts";
import { scrollToMatch } from "../challenge/in-page-scripts.ts";
import type { PageScan } from "../challenge/scan-page.ts";
import { SettledPage } from "../challenge/settled-page.ts";
import { ChallengeWatcher } from "../challenge/watcher.ts";
import { findCodeField } from "../input/code-field.ts";
import { InputReplay } from "../input/input-replay.ts";
import type { RemoteFrame } from "../input/input-targets.ts";
import { NO_TOUCH, readTouch } from "../input/page-touch.ts";
import { MaskedPictures } from "../masking/masked-pictures.ts";
import { type PictureCapture, untilDrawn } from "../pictures/capture-region.ts";
import { ChallengeView } from "../pictures/challenge-view.ts";
import { CroppedPictures } from "../pictures/crop-picture.ts";
import type { HelpedCapture } from "../pictures/helped-capture.ts";
import { KeptStill } from "../pictures/kept-still.ts";
import { PictureDamage } from "../pictures/picture-damage.ts";
import { RELAYED_BYTES_PER_SECOND, RELAYED_MOTION_SCALE, UNWATCHED } from "../pictures/quality.ts";
import { Screencast } from "../pictures/screencast.ts";
import { isShown, wholePage } from "../pictures/view-geometry.ts";
import { PageFrames } from "../tabs/frames.ts";
import type { Tab } from "../tabs/tab.ts";
import { takeCheckpoint } from "./checkpoint.ts";
import { HangDetector } from "./hang-detector.ts";
import { NoticeLimiter } from "./notice-limiter.ts";
import type { PageHistory } from "./page-history.ts";

/** After a press or a wheel the page may have moved the challenge. */
const SCAN_AFTER_INPUT_MS = 50;
/**
 * A press right after frames have changed waits at most this long for a scan of their positions: on a slow machine a late
 * press is better than one that lands elsewhere.
 */
const SCAN_BEFORE_PRESS_MS = 800;
const CLOSE_DEADLINE_MS = 2_000;
/** A page that does not answer within this time is left with what listens in it, which ends itself. */
const SILENCE_DEADLINE_MS = 300;
const CHALLENGE_POLL_MS = 60;
/** A page that has not answered a scan in this time is opened all the same: it may be busy for long. */
const FIRST_SCAN_MS = 5_000;

/** What a page is made of: the same for owned pages, for guests and for pages that are handed over. */
export interface RemotePageParts {
  readonly tab: Tab;
  readonly capture: PictureCapture;
  readonly viewport: Size;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  /** The address that the session was opened with; null: where the page is now. */
  readonly openedUrl: string | null;
  readonly events: PageEvents;
  readonly log: Logger;
  /** An owned page: only this server can scroll to its challenge, for clients that cannot. */
  readonly isOurs: boolean;
  /** [R29] What pictures of a relayed page show before they leave the bot; left out for other pages. */
  readonly pictures?: Pictures | undefined;
  /** [R32] `capture`, where the page's bot may crop it; left out: it may not. */
  readonly helped?: HelpedCapture | undefined;
  /** The round trip of the line to the page's browser, ms; left out: it is on this machine, or near. */
  readonly lineMs?: (() => number) | undefined;
  /** Null for a page that is not ours: it is asked itself. */
  readonly touch: PageTouch | null;
  /** Null for a page that only its bot takes elsewhere. */
  readonly history: PageHistory | null;
  /** The port of its browser's proxy; null for a page that is not ours. */
  readonly proxyPort: number | null;
  /** Where the next server finds the page; null for a page that ends with this process. */
  readonly place: PageLocator | null;
  /** [W47] A window that the session's page has opened: nothing is concluded from it, and its end is reported at once. */
  readonly isOpened?: boolean;
  /** [W47] What the other windows of the session say of rules that are `of` any. */
  readonly otherWindows?: () => Promise<readonly (WindowFacts | null)[]>;
  /** The page's session, over which this server answers its dialogs, or what does so already; null: the bot answers them. */
  readonly dialogs: DialogSession | PageDialogs | null;
  /** [W47] Of all windows of the session; left out: there are no others. */
  readonly dialogRow?: DialogRow;
  /** Where and with what this server signs in to sites (HTTP Basic and Digest); null: it does not. */
  readonly signIn: Pick<SignInDeps, "session" | "frameId" | "given"> | null;
  /** The browser of a page whose dialogs the bot answers, to see whether one is open; null: it is not looked for. */
  readonly dialogsOf: CdpSender | null;
  readonly assist: AssistOptions;
  /** [W49] Reads the clipboard of a browser of our own; null: it is the bot's. */
  readonly readClipboard: ((most: number) => Promise<string>) | null;
  /** Resolves to null where the cookies belong to the bot's own browser. */
  readonly storageState: () => Promise<StorageState | null>;
  /** Releases the page's connection, and ends its browser where that is ours; `detach`: the browser runs on. */
  readonly release: (how: "end" | "detach") => Promise<void>;
}

export class RemotePage implements ChallengePage {
  readonly frames: PageFrames;
  /** Publishes notices to the page's operators. */
  readonly notices: NoticeLimiter;
  readonly #parts: RemotePageParts;
  readonly #screencast: Screencast;
  readonly #masked: MaskedPictures;
  readonly #cropped = new CroppedPictures();
  readonly #kept = new KeptStill({
    take: async () => this.#keepStill(),
    look: () => (this.#lastScan ? lookOf(this.#lastScan) : ""),
  });
  readonly #damages = new PictureDamage();
  readonly #input: InputReplay;
  readonly #watcher: ChallengeWatcher;
  readonly #hangDetector: HangDetector;
  readonly #dialogs: PageDialogs | null;
  readonly #signIn: SignIn | null;
  readonly #focus: FocusTracker;
  readonly #attempts = new FailedAttempts();
  readonly #assist: PageAssist;
  readonly #view: ChallengeView;
  #captureRequest: CaptureRequest | null = null;
  #isCapturing = false;
  #touch: PageTouch;
  #lastScan: PageScan | null = null;
  #wasWorking = false;
  /** Frames with a process of their own, outermost first. */
  #remoteFrames: readonly RemoteFrame[] = [];
  #ended = false;

  constructor(parts: RemotePageParts) {
    const { tab, capture, viewport, lineMs = () => 0 } = parts;
    this.#parts = parts;
    this.#touch = parts.touch ?? NO_TOUCH;
    this.#view = new ChallengeView(viewport);
    this.frames = new PageFrames(tab);
    this.notices = new NoticeLimiter((notice) => this.#publish((events) => events.notice(notice)));
    this.#screencast = new Screencast(tab.pageSession, viewport, capture, {
      nextSeq: () => parts.events.nextSeq(),
      picture: (picture) => {
        this.#kept.stop();
        this.#masked.arrived(picture);
        this.#publish((events) => events.picture(picture));
      },
      lineMs,
      // Half of a page cannot be made cheap: it would only be hard to read.
      mostBytes: parts.pictures === "part" ? RELAYED_BYTES_PER_SECOND : undefined,
    });
    this.#masked = new MaskedPictures(this.frames, (view) => this.#screencast.still(view, true));
    this.#input = new InputReplay(tab.pageSession, this.frames, {
      onPressed: (pressed) => this.#onPressed(pressed),
      onHeld: () => this.#publishHeld(),
      beforePress: async () => {
        if (this.#lastScan?.framesVersion === this.frames.version) return;
        await withDeadline(this.#watcher.scan(), SCAN_BEFORE_PRESS_MS, "scan").catch(() => {});
      },
      beforeAct: (target) => this.#watcher.actedAt(target),
      fingers: (areDown) => this.#screencast.fingers(areDown),
      untilDrawn: () => untilDrawn(tab.pageSession),
      lineMs,
    });
    this.#watcher = new ChallengeWatcher({
      ...parts,
      frames: this.frames,
      onScan: (scan) => this.#onScan(scan),
      onSolved: (verdict) => this.#publish((events) => events.solved(verdict)),
      onMovedOn: () => this.#publish((events) => events.movedOn()),
      onAlive: () => this.#hangDetector.heard(),
      onSeen: (watch) => this.#publish((events) => events.resumeStateChanged({ watch })),
    });
    const asking = {
      ask: (question: Question) => !this.#ended && parts.events.ask(question),
      withdraw: (id: string) => this.#publish((events) => events.withdraw(id)),
      notice: (notice: Notice) => this.notices.publish(notice),
      log: parts.log,
    };
    const { dialogs, dialogRow: row } = parts;
    this.#dialogs =
      dialogs instanceof PageDialogs ? dialogs : dialogs && new PageDialogs({ ...asking, session: dialogs, row });
    this.#signIn = parts.signIn && new SignIn({ ...asking, ...parts.signIn });
    this.#focus = new FocusTracker(this.frames, (field) => this.#publish((events) => events.focused(field)));
    this.#hangDetector = new HangDetector({
      page: tab.pageSession,
      isDialogOpen: () => this.#dialogs?.isOpen ?? false,
      dialogsOf: parts.dialogsOf,
      onChange: (condition) => this.#publish((events) => events.condition(condition)),
      onDead: () => this.lost("browser_lost"),
    });
    this.#assist = new PageAssist({
      ...parts.assist,
      readClipboard: parts.readClipboard,
      frames: this.frames,
      sessions: tab.sessions,
      events: parts.events,
      notice: (notice) => this.notices.publish(notice),
      replay: (input) => this.#input.add(input),
      replayed: () => this.#input.settled,
    });
    tab.listen({ changed: () => this.#onChanged(), gone: (code) => this.lost(code) });
  }

  get viewport(): Size {
    return this.#view.viewport;
  }

  /** The page's address at the last scan; null before the first. */
  get url(): string | null {
    return this.#lastScan?.main.url ?? null;
  }

  get challenge(): CaptchaInfo | null {
    return this.#view.challenge;
  }

  get isWorking(): boolean {
    return this.#watcher.isWorking;
  }

  get touch(): PageTouch {
    return this.#touch;
  }

  get canNavigate(): boolean {
    return this.#parts.history !== null;
  }

  get proxyPort(): number | null {
    return this.#parts.proxyPort;
  }

  get place(): PageLocator | null {
    return this.#parts.place;
  }

  get pictures(): Pictures | undefined {
    return this.#parts.pictures;
  }

  get condition(): PageCondition {
    return this.#hangDetector.condition;
  }

  get hidden(): boolean {
    return this.#lastScan?.hidden ?? false;
  }

  /** Whether a button or a finger is down. */
  get isPressed(): boolean {
    return this.#input.pressed;
  }

  /** It was closed, or detached from. */
  get isOver(): boolean {
    return this.#ended;
  }

  view(mode: ViewMode): Rect {
    return mode === "page" ? wholePage(this.viewport) : this.#view.rect;
  }

  /** Gives the page its size, and takes over its dialogs and sign-ins. Call it before the first navigation. */
  async prepare(): Promise<void> {
    await Promise.all([this.#screencast.prepare(), this.takeDialogs(), this.#signIn?.begin()]);
  }

  /** Takes over the dialogs of a page whose dialogs this server answers. */
  async takeDialogs(): Promise<void> {
    await this.#dialogs?.begin();
  }

  /** Scans for the challenge until it is found, the page has come to rest, or `ms` have passed; then starts to watch it. */
  async begin(ms: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + ms;
    const latest = performance.now() + FIRST_SCAN_MS;
    if (!this.#parts.touch) this.#touch = await readTouch(this.frames);
    const settled = new SettledPage(this.#parts.tab, this.frames, this.#parts.kinds);
    for (;;) {
      await this.#watcher.scan();
      await this.#showFound();
      // What a scan alone knows must be known before anybody comes: frames, and which fields are secret.
      const isOver = performance.now() > (this.#lastScan ? end : Math.max(end, latest));
      if (this.challenge || signal.aborted || isOver) break;
      if (this.#lastScan && (await settled.look(this.#lastScan))) break;
      await new Promise((resolve) => setTimeout(resolve, CHALLENGE_POLL_MS));
    }
    await this.#watcher.begin();
    this.#begin();
  }

  /** Continues to watch a page of an earlier server, and releases the buttons that it left pressed. */
  async resume(watched: WatchState | undefined, held: HeldButtons | null): Promise<void> {
    if (watched) this.#watcher.recall(watched);
    if (!this.#parts.touch) this.#touch = await readTouch(this.frames);
    await this.#watcher.scan();
    if (held) this.letGo(held);
    await this.#watcher.begin();
    this.#begin();
  }

  #begin(): void {
    if (this.#ended) return;
    this.#hangDetector.start();
    // A bot's own page may look different at any moment, and a window is there because somebody acts.
    if (this.#parts.isOurs && !this.#parts.isOpened && !this.#captureRequest) this.#kept.begin();
  }

  /** Releases what an earlier server left pressed in this page. Call it once it was scanned. */
  letGo(held: HeldButtons): void {
    this.#input.takeOver(held);
    this.releaseAll();
  }

  async picture(mode: ViewMode, scale: number, forWatcher = false): Promise<Picture> {
    if (this.hidden) throw new AppError("timeout", { waiting_for: "a page that its browser shows" });
    const taking = forWatcher ? this.#masked.fresh(this.view(mode)) : this.#screencast.still(this.view(mode));
    const whole = await taking;
    const part = await this.cut(whole, mode, scale);
    if (forWatcher) this.#masked.isPartOf(part, whole);
    return part;
  }

  async keptStill(mode: ViewMode): Promise<Picture | null> {
    if (this.hidden) return null;
    const still = await this.#kept.handOut();
    return still && sameRect(still.view, this.view(mode)) ? this.#screencast.kept(still) : null;
  }

  async masked(picture: Picture, mode: ViewMode, scale: number): Promise<MaskedPicture | null> {
    const part = await this.cut(picture, mode, scale);
    this.#masked.isPartOf(part, picture);
    return this.#masked.masked(part);
  }

  cut(picture: Picture, mode: ViewMode, scale: number): Promise<Picture> {
    return this.#cropped.crop(picture, this.view(mode), scale);
  }

  damage(before: Picture, picture: Picture): Promise<Damage | null> {
    return this.#damages.between(before, picture);
  }

  /** `isAttended`: somebody is connected, to another window perhaps. */
  setCaptureRequest(request: CaptureRequest | null, isAttended = request !== null): void {
    this.#captureRequest = request;
    this.attend(isAttended);
    if (request) this.#kept.watched();
    else this.#screencast.forget();
    this.#masked.setWanted(request?.masked === true && !this.#ended);
    this.#updateScreencast();
  }

  /** Whether somebody is connected to the session: the page is asked more often. */
  attend(isAttended: boolean): void {
    this.#watcher.attend(isAttended);
    this.#hangDetector.attend(isAttended);
  }

  setCapturing(capturing: boolean): void {
    this.#isCapturing = capturing;
    this.#updateScreencast();
  }

  setKeepView(keep: boolean): void {
    this.#view.isKept = keep;
  }

  input(input: PageInput): void {
    if (input.type === "touch_event" && !this.#touch.isOn) {
      throw new AppError("invalid_message", { field: "type", why: "the page has no touch" });
    }
    if (this.#dialogs?.isOpen && !isRelease(input)) {
      // What is pressed now would reach the page once the dialog is closed.
      if (isMove(input)) return;
      throw new AppError("page_unresponsive", { waiting_for: "an answer to the page's dialog" });
    }
    this.#kept.stop();
    if (this.#assist.takes(input)) return;
    this.#input.add(input);
    this.#screencast.inputGiven(this.#input.pressed);
    if (isMove(input)) {
      if (this.#input.pressed) this.#watcher.prompt();
      else this.#watcher.hovered();
    } else {
      this.#hangDetector.acted();
      this.#attempts.acted(performance.now());
      // What is let go may have been pressed on the page before.
      if (!isRelease(input)) {
        this.#watcher.acted();
        this.#dialogs?.acted();
      }
      if (!isPress(input)) this.#focus.acted();
      this.#watcher.prompt(SCAN_AFTER_INPUT_MS);
    }
  }

  async navigate(action: NavigateAction): Promise<void> {
    if (!this.#parts.history) throw new AppError("forbidden", { why: "only the bot takes its own page elsewhere" });
    this.#kept.stop();
    await this.#parts.history.navigate(action);
  }

  async answer(answer: PageAnswer): Promise<void> {
    switch (answer.type) {
      case "answer_dialog":
        if (this.#dialogs) return this.#dialogs.answer(answer);
        break;
      case "answer_sign_in":
        if (this.#signIn) return this.#signIn.answer(answer);
        break;
      default:
        return this.#assist.answer(answer);
    }
    throw new AppError("question_gone", { field: "question_id" });
  }

  askAgain(): void {
    this.#signIn?.askAgain();
  }

  tellFocus(): void {
    if (!this.#ended) this.#focus.tell();
  }

  sound(id: string): Sound | null {
    return this.#assist.sound(id);
  }

  codeField(): Promise<CodeField | null> {
    const main = this.#lastScan?.main;
    const holder = this.#watcher.challenge?.holder;
    return findCodeField(
      this.frames,
      [main, holder].filter((frame) => frame !== undefined),
    );
  }

  get windows(): readonly PageWindow[] {
    return [];
  }

  async window(id: string): Promise<void> {
    throw new AppError("window_gone", { field: "window_id", window_id: id });
  }

  /** [W47] What this window says of the completion rules now; null: nothing. Never rejects. */
  facts(): Promise<WindowFacts | null> {
    return this.#watcher.facts();
  }

  /** [W47] What is left of this window for the rules once it is closed. */
  get factsWhenClosed(): WindowFacts {
    return this.#watcher.factsWhenClosed;
  }

  /** [W47] It is shown again: what has happened meanwhile is looked for at once. */
  shown(): void {
    this.#watcher.prompt(0);
    this.#focus.shown();
  }

  takeCropHelper(helper: CropHelper): () => void {
    const { helped } = this.#parts;
    if (this.#ended) throw new AppError("session_ended");
    if (!helped) throw new AppError("invalid_message", { why: "only a page that `cdp` names is cropped by its bot" });
    return helped.begin(helper, () => {
      this.#updateScreencast();
      this.#screencast.restart();
    });
  }

  releaseAll(): void {
    this.#input.releaseAll();
  }

  check(): Promise<Verdict> {
    return this.#watcher.check();
  }

  checkpoint(last: Checkpoint | null): Promise<Checkpoint> {
    return takeCheckpoint(this.frames, this.#parts.tab, last);
  }

  async storageState(): Promise<StorageState | null> {
    return this.#parts.storageState();
  }

  close(): Promise<void> {
    return this.#release("end");
  }

  detach(): Promise<void> {
    return this.#release("detach");
  }

  /** Reports that the page is gone or cannot be reached: the session ends. */
  lost(code: Parameters<PageEvents["lost"]>[0]): void {
    if (code === "page_closed" && !this.#parts.isOpened) void this.#closed();
    else this.#publish((events) => events.lost(code));
  }

  /** A login window closes itself on success: the rules that need no page are asked before the page counts as lost. */
  async #closed(): Promise<void> {
    const verdict = await this.#watcher.verdictAtClose().catch(() => null);
    if (verdict?.value === true) this.#publish((events) => events.solved(verdict));
    else this.#publish((events) => events.lost("page_closed"));
  }

  async #release(how: "end" | "detach"): Promise<void> {
    this.releaseAll();
    this.#end();
    this.#parts.helped?.finish(how === "detach" ? "shutting_down" : "session_ended");
    await withDeadline(this.#watcher.stop(), SILENCE_DEADLINE_MS, "page").catch(() => {});
    await withDeadline(this.#parts.tab.close(), CLOSE_DEADLINE_MS, "page").catch(() => {});
    await this.#parts.release(how);
  }

  #publishHeld(): void {
    this.#publish((events) => events.resumeStateChanged({ held: this.#input.held }));
  }

  #onPressed(pressed: boolean): void {
    this.#publishHeld();
    if (pressed) this.#screencast.pressed();
    else {
      this.#screencast.released();
      void this.#watcher.scan();
    }
  }

  /** Scrolls to a challenge outside of the viewport once, while the page opens: older clients cannot scroll to it. */
  async #showFound(): Promise<void> {
    const challenge = this.#watcher.challenge;
    if (!this.#parts.isOurs || !challenge || isShown(challenge.info, this.viewport)) return;
    await this.frames.run(challenge.holder, scrollToMatch, challenge.info.selector).catch(() => {});
    await this.#watcher.scan();
  }

  /** The page's frames or documents have changed. */
  #onChanged(): void {
    this.#kept.changed();
    this.#watcher.changed();
  }

  /** A screenshot waits for a page that does not answer, and all pictures behind it. */
  async #keepStill() {
    const isStuck = this.hidden || this.condition !== "page_responsive" || this.#dialogs?.isOpen;
    return isStuck ? null : this.#screencast.keep(this.view("challenge"));
  }

  #onScan(scan: PageScan): void {
    if (this.#ended) return;
    const wasHidden = this.hidden;
    this.#lastScan = scan;
    this.#kept.looked();
    const { challenge } = this.#watcher;
    const failure = this.#attempts.scanned(challenge, performance.now());
    if (failure) this.#publish((events) => events.attemptFailed(failure));
    if (this.hidden !== wasHidden) this.notices.publish(visibilityNotice(this));
    this.#assist.scanned(
      scan.frames.map(({ frame }) => frame),
      challenge?.frame ?? null,
    );
    this.#resize(scan.viewport);
    const remote = scan.frames.flatMap(({ frame, rect }) =>
      rect && this.frames.isRemote(frame) ? [{ frame, rect }] : [],
    );
    // A frame that is busy for the moment is where it was.
    const silent = new Set(scan.silent.map(({ id }) => id));
    this.#remoteFrames = [...remote, ...this.#remoteFrames.filter(({ frame }) => silent.has(frame.id))];
    this.#input.setRemoteFrames(this.#remoteFrames);
    // The view neither moves nor resizes while the operator presses a button.
    const hasMoved = !this.#input.pressed && this.#view.follow(challenge?.info ?? null);
    if (hasMoved || this.isWorking !== this.#wasWorking) this.#publish((events) => events.challenge());
    this.#wasWorking = this.isWorking;
    this.#updateScreencast(scan.scroll);
  }

  /** The bot may give its page another size at any time. */
  #resize(viewport: Size): void {
    if (!this.#view.resize(viewport)) return;
    this.#screencast.setViewport(viewport);
    this.#publish((events) => events.challenge());
  }

  /** Brings the screencast in line with what is requested and where it is. */
  #updateScreencast(scroll?: PageScan["scroll"]): void {
    const { mode, scale, motion, exact } = this.#captureRequest ?? UNWATCHED;
    const most = this.#parts.pictures === "part" && !exact ? RELAYED_MOTION_SCALE : motion.scale;
    const coarser = { ...motion, scale: Math.min(motion.scale, most) };
    this.#screencast.setTarget({ view: this.view(mode), scale, motion: coarser, isExact: exact }, scroll);
    this.#screencast.setWanted(this.#captureRequest !== null && this.#isCapturing && !this.#ended);
  }

  #publish(publish: (events: PageEvents) => void): void {
    if (!this.#ended) publish(this.#parts.events);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#kept.stop();
    this.#dialogs?.stop();
    this.notices.stop();
    this.#assist.stop();
    this.#hangDetector.stop();
    this.#focus.stop();
    this.#masked.stop();
    this.#damages.stop();
    this.#screencast.close();
    const { pictures, restarts } = this.#screencast;
    this.#parts.log.info({ pictures, restarts }, "no more pictures");
  }
}

/** All that a look at the page can see of a change. */
function lookOf({ main, frames, sightings, signs, scroll, viewport, hidden }: PageScan): string {
  const boxes = sightings.map(({ widget, selector, box, state }) => [widget, selector, box, state]);
  const answers = signs.map(({ id, isAnswered }) => [id, isAnswered]);
  const documents = frames.map(({ frame: { id, loaderId } }) => [id, loaderId]);
  return JSON.stringify([main.address, documents, boxes, answers, scroll, viewport, hidden]);
}
