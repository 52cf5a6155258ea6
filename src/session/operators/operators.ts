/** The operators of a session: who is connected, who is in control, and what each is sent. */
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import { type Offer, QUESTION_OF_ANSWER, type Question, type ServerMessage } from "../../protocol/live.ts";
import { isMove, isPress, isRelease } from "../../protocol/moves.ts";
import { Throttle } from "../../util/throttle.ts";
import { PictureDistributor } from "../pictures/picture-distributor.ts";
import { sessionInfo } from "../pictures/session-info.ts";
import { type LensChange, Viewer } from "../pictures/viewer.ts";
import type { RecordOperatorAct } from "../ports/operator-acts.ts";
import type {
  ChallengePage,
  FocusedField,
  NavigateAction,
  PageAnswer,
  PageInput,
  Picture,
  WindowAction,
} from "../ports/page.ts";
import { conditionNotice, visibilityNotice } from "../ports/page-notices.ts";
import type { ResumableControl } from "../ports/resume-state.ts";
import type { SessionRecord } from "../ports/store.ts";
import { type Actor, ControlLease } from "./control-lease.ts";
import { Offers } from "./offers.ts";
import { OpenQuestions, type QuestionOf } from "./open-questions.ts";

/** [W24] Buttons and keys that a lost socket held down are released after this time. */
const RELEASE_AFTER_LOSS_MS = 1_000;
/** [R4] The REST operator releases control after this time without input. */
const REST_OPERATOR_QUIET_MS = 10_000;

const REST_OPERATOR = "rest";
/** [W14] The shortest interval of a watcher's lens changes. */
const WATCHERS_LENS_MS = 1_000;

/** The caller that acts over REST, and the recorder of its acts. */
export interface RestCaller {
  readonly who: string;
  readonly recordAct?: RecordOperatorAct | undefined;
}
type RestOperator = Actor & RestCaller;

interface OperatorsDeps {
  readonly record: Readonly<SessionRecord>;
  /** The holder of control may have changed; null: nobody has it. */
  readonly onControl: (holder: string | null) => void;
  /** Input of the operator in control was replayed. */
  readonly onInput: (input: PageInput) => void;
  /** An operator came or left, by name. */
  readonly onPresence: (change: "joined" | "left", operator: string) => void;
}

/** The open page and its distributor of pictures: both come and go together. */
interface ShownPage {
  readonly page: ChallengePage;
  readonly pictures: PictureDistributor;
}

/** The last messages to all operators, and the code and reason that their sockets close with. */
export interface Disconnect {
  readonly messages: readonly ServerMessage[];
  readonly closeCode: number;
  readonly reason: string;
}

export class Operators {
  readonly #deps: OperatorsDeps;
  readonly #viewers = new Set<Viewer>();
  readonly #lease = new ControlLease(() => this.#syncControl());
  readonly #questions = new OpenQuestions();
  readonly #offers = new Offers();
  #restOperator: RestOperator = { name: REST_OPERATOR, who: "" };
  /** The holder of control that was last recorded for the audit trail. */
  #recordedHolder: Actor | null = null;
  /** Null while the page is opened, for the first time or again, and after the end. */
  #shown: ShownPage | null = null;
  readonly #watchersLenses = new Map<Viewer, { readonly wanted: LensChange; readonly throttle: Throttle }>();
  #restQuiet: NodeJS.Timeout | undefined;
  /** [W44] The viewer in control that hears which field has the focus; null: nobody does yet. */
  #focusListener: Viewer | null = null;
  /** Viewers that think that a field has the focus. */
  readonly #knowFocus = new WeakSet<Viewer>();
  /** [W47] Viewers were last sent a list with more than one window. */
  #hasWindows = false;

  constructor(deps: OperatorsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** How many connected operators may act. */
  get actors(): number {
    return [...this.#viewers].filter(({ role }) => role === "control").length;
  }

  /** The name of the operator in control. */
  get holder(): string | null {
    return this.#lease.holder?.name ?? null;
  }

  /** Who is in control, if it is recognised when it reconnects; null otherwise. */
  get control(): ResumableControl | null {
    const { name, who } = this.#lease.holder ?? {};
    return name && who && name !== REST_OPERATOR ? { name, who } : null;
  }

  /** Reserves control for a while for the operator that had it on an earlier server. */
  reserve(control: ResumableControl): void {
    this.#lease.reserve(control);
  }

  /** The page is ready, for the first time or again: shows it to all connected viewers. */
  async pageReady(page: ChallengePage): Promise<void> {
    this.pageLost();
    const { record } = this.#deps;
    this.#shown = { page, pictures: new PictureDistributor({ record, page, viewers: this.#viewers }) };
    this.#syncKeepView();
    this.#syncControl();
    if (this.#hasWindows || page.windows.length > 1) this.windowsChanged();
    await Promise.all([...this.#viewers].map((viewer) => this.#welcome(viewer)));
  }

  /** The page is gone: stops its pictures, and input is refused. */
  pageLost(): void {
    this.#questions.withdrawAll();
    this.#offers.forget();
    this.#focusListener = null;
    this.#shown?.pictures.stop();
    this.#shown = null;
  }

  /**
   * Adds a viewer and sends all that it needs to begin; to an older client only once the page is ready or late [W2].
   */
  async join(viewer: Viewer, pageReadyOrLate: Promise<void>): Promise<void> {
    this.#viewers.add(viewer);
    // Only for operators who may act: a bot may refresh a stale challenge for them.
    if (viewer.role === "control") this.#deps.onPresence("joined", viewer.name);
    viewer.recordAct?.("operator.join", viewer.name);
    if (viewer.role === "control") this.#giveFreeControl(viewer);
    this.#shown?.pictures.add(viewer);
    this.#syncKeepView();
    if (this.#shown || !viewer.plain) {
      await this.#welcome(viewer);
    } else {
      await pageReadyOrLate;
      // If the page is ready now, pageReady() has welcomed all connected viewers.
      if (!this.#shown) await this.#welcome(viewer);
    }
    if (!this.#viewers.has(viewer)) return;
    this.#syncControl();
    this.#broadcastPresence();
    const page = this.#page;
    if (page?.hidden) viewer.send(visibilityNotice(page));
    if (page && page.condition !== "page_responsive") {
      viewer.send(conditionNotice(page.condition, this.#deps.record));
    }
  }

  /** Sends a session_info, with a picture if there is a page. */
  async #welcome(viewer: Viewer): Promise<void> {
    if (this.#shown) await this.#shown.pictures.welcome(viewer);
    if (viewer.isWelcomed || !this.#viewers.has(viewer)) return;
    viewer.sendInfo(sessionInfo(this.#deps.record, viewer, null, this.#page), null);
    viewer.sendEarly();
  }

  #giveFreeControl(viewer: Viewer): void {
    // Buttons that a lost holder still holds down must not become the new operator's.
    if (!this.#lease.holder) this.#page?.releaseAll();
    this.#lease.join(viewer);
  }

  /**
   * A viewer's socket is gone: an anonymous holder frees control at once, a recognisable one later. What it held down
   * is released 1 s later.
   */
  leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    this.#watchersLenses.get(viewer)?.throttle.stop();
    this.#watchersLenses.delete(viewer);
    const held = this.#lease.holds(viewer);
    this.#questions.leave(viewer);
    this.#lease.leave(viewer);
    this.#shown?.pictures.remove(viewer);
    this.#syncKeepView();
    this.#syncControl();
    this.#broadcastPresence();
    if (viewer.role === "control") this.#deps.onPresence("left", viewer.name);
    viewer.recordAct?.("operator.leave", viewer.name);
    if (held) void this.#releaseAllLater();
  }

  /** Gives control to this viewer. Throws forbidden for a watcher. */
  takeControl(viewer: Viewer): void {
    assertMayAct(viewer);
    if (!this.#lease.holds(viewer)) this.#page?.releaseAll();
    this.#lease.take(viewer);
    this.#syncControl();
  }

  releaseControl(viewer: Viewer): void {
    if (!this.#lease.holds(viewer)) return;
    this.#page?.releaseAll();
    this.#lease.release(viewer);
    this.#syncControl();
  }

  /**
   * Replays an operator's input. Throws forbidden for a watcher; not_in_control for presses, keys and wheels of an
   * operator without control, whose moves are dropped silently; page_unresponsive while there is no page.
   */
  input(actor: Actor, input: PageInput): void {
    assertMayAct(actor);
    const { page, pictures } = this.#shown ?? {};
    const isDown = isPress(input);
    const isHarmless = isMove(input) || isRelease(input);
    if (!page) {
      if (isHarmless) return;
      throw new AppError("page_unresponsive");
    }
    const before = this.#lease.holder;
    if (!(isDown ? this.#lease.press(actor) : this.#lease.act(actor))) {
      if (isHarmless) return;
      throw new AppError("not_in_control", { holder: this.#lease.holder?.name ?? null });
    }
    if (this.#lease.holder !== before) {
      page.releaseAll();
      this.#syncControl();
    }
    page.input(input);
    if (isMove(input) && (input.type === "touch_event" || hasButtons(input))) pictures?.moved();
    this.#deps.onInput(input);
    if (isRelease(input)) pictures?.released();
  }

  /**
   * [W52] Goes back in the page, or loads it anew. Throws forbidden for a watcher and for a page of the bot's own
   * browser, not_in_control, page_unresponsive.
   */
  async navigate(viewer: Viewer, action: NavigateAction): Promise<void> {
    assertMayAct(viewer);
    if (!this.#lease.act(viewer)) throw new AppError("not_in_control", { holder: this.holder });
    const page = this.#page;
    if (!page) throw new AppError("page_unresponsive");
    await page.navigate(action);
  }

  /** [W44] Another field of the page has the focus, or none: for the keyboard of who is in control. */
  focused(field: FocusedField): void {
    const holder = this.#holdingViewer;
    if (!holder?.can("focus") || (field === null && !this.#knowFocus.has(holder))) return;
    if (field === null) this.#knowFocus.delete(holder);
    else this.#knowFocus.add(holder);
    holder.send({ type: "focus", field });
  }

  /** [W40] What a viewer's console can do for the person. */
  setFeatures(viewer: Viewer, features: readonly string[]): void {
    viewer.setFeatures(features);
    if (this.#hasWindows) this.#sendWindows(viewer);
    this.#showOpen();
  }

  /** Offers something to the viewer in control, if its client can take it. */
  offer(offer: Offer): void {
    this.#offers.offer(offer, this.#holdingViewer);
  }

  /** [W45] Asks the viewer in control; false if there is none that can answer, or the page is not open yet. */
  ask(question: Question): boolean {
    return this.#shown !== null && this.#questions.ask(question, this.#holdingViewer);
  }

  /** [W45] The open question of this id and type. Throws question_gone. */
  question<T extends Question["type"]>(id: string, type: T): QuestionOf<T> {
    return this.#questions.find(id, type);
  }

  withdraw(questionId: string): void {
    this.#questions.withdraw(questionId);
  }

  /** [W45] Throws forbidden, not_in_control, question_gone, page_unresponsive (there is no page at the moment). */
  async answer(viewer: Viewer, answer: PageAnswer): Promise<void> {
    assertMayAct(viewer);
    if (!this.#lease.act(viewer)) throw new AppError("not_in_control", { holder: this.holder });
    this.#questions.find(answer.question_id, QUESTION_OF_ANSWER[answer.type]);
    const page = this.#page;
    if (!page) throw new AppError("page_unresponsive");
    await page.answer(answer);
    this.#questions.withdraw(answer.question_id);
  }

  /** [W47] Throws forbidden, not_in_control, page_unresponsive, and what ChallengePage.window() throws. */
  async window(viewer: Viewer, id: string, action: WindowAction): Promise<void> {
    assertMayAct(viewer);
    if (!this.#lease.act(viewer)) throw new AppError("not_in_control", { holder: this.holder });
    if (!this.#page) throw new AppError("page_unresponsive");
    await this.#page.window(id, action);
  }

  /** [W47] The list of windows has changed. */
  windowsChanged(): void {
    this.#hasWindows = (this.#page?.windows.length ?? 0) > 1;
    for (const viewer of this.#viewers) this.#sendWindows(viewer);
  }

  /** [W47] Another window is shown: pictures of the one before are not shown any more. */
  windowShown(): void {
    this.#shown?.pictures.otherWindow();
  }

  #sendWindows(viewer: Viewer): void {
    if (viewer.can("windows")) viewer.send({ type: "windows", windows: [...(this.#page?.windows ?? [])] });
  }

  /** Throws forbidden for a watcher, not_in_control while control is another operator's. */
  assertNotWatching(viewer: Viewer): void {
    assertMayAct(viewer);
    const { holder } = this.#lease;
    if (holder && holder !== viewer && !this.#lease.waitsFor(viewer))
      throw new AppError("not_in_control", { holder: holder.name });
  }

  /**
   * [R4] Replays a mouse event of the one REST operator, which releases control after 10 s without input. Throws as
   * input() does.
   */
  restInput(input: PageInput, { who, recordAct }: RestCaller = { who: "" }): void {
    // Another caller uses the same operator's name: the caller before is not in control any more.
    if (this.#restOperator.who !== who) {
      if (this.#lease.holds(this.#restOperator)) this.#leaveRest();
      this.#restOperator = { name: REST_OPERATOR, who, recordAct };
    }
    if (!this.#lease.holder || this.#lease.waitsFor(this.#restOperator)) {
      // Buttons that a lost socket still holds down must not become this operator's.
      this.#page?.releaseAll();
      this.#lease.join(this.#restOperator);
      this.#syncControl();
    }
    this.input(this.#restOperator, input);
    clearTimeout(this.#restQuiet);
    this.#restQuiet = setTimeout(() => this.#leaveRest(), REST_OPERATOR_QUIET_MS);
  }

  #leaveRest(): void {
    if (!this.#lease.holds(this.#restOperator)) return;
    this.#page?.releaseAll();
    this.#lease.release(this.#restOperator);
    this.#syncControl();
  }

  /** Shows a new picture of the page: the newest wins. */
  show(picture: Picture): void {
    this.#shown?.pictures.show(picture);
  }

  /**
   * [W15] A viewer acknowledges that this picture is on its screen; `wantsWhole`: it could not draw it [W63]. Throws
   * invalid_message for one never sent.
   */
  acknowledge(viewer: Viewer, seq: number, wantsWhole = false): void {
    viewer.acknowledge(seq);
    if (wantsWhole && viewer.lost(seq)) this.#shown?.pictures.showWhole(viewer);
    this.#shown?.pictures.next(viewer);
  }

  /** The picture `seq` and all before it have arrived at a viewer. */
  arrived(viewer: Viewer, seq: number): void {
    viewer.arrived(seq);
    this.#shown?.pictures.next(viewer);
  }

  /** The challenge or the view has changed: pictures of the old view are not shown any more. */
  challengeMoved(): void {
    this.#shown?.pictures.challengeMoved();
  }

  /** [W14] Changes a viewer's lens. A watcher's changes are throttled, because they change what is captured for all. */
  setLens(viewer: Viewer, wanted: LensChange): void {
    if (viewer.role === "control") {
      this.#changeLens(viewer, wanted);
      return;
    }
    const known = this.#watchersLenses.get(viewer);
    const all = Object.assign(known?.wanted ?? {}, wanted);
    const throttle = known?.throttle ?? new Throttle(() => this.#changeLens(viewer, all), WATCHERS_LENS_MS);
    this.#watchersLenses.set(viewer, { wanted: all, throttle });
    throttle.ask();
  }

  #changeLens(viewer: Viewer, { mode = viewer.lens.mode, scale = viewer.lens.scale }: LensChange): void {
    const before = viewer.lens;
    if (mode === before.mode && scale === before.scale) return;
    viewer.setLens({ mode, scale });
    this.#shown?.pictures.lensChanged(viewer, before);
  }

  /** Sends a message to all viewers. */
  broadcast(message: ServerMessage): void {
    for (const viewer of this.#viewers) viewer.send(message);
  }

  /** Sends a message to all viewers except older clients, which do not know it. */
  announce(message: ServerMessage): void {
    for (const viewer of this.#viewers) if (!viewer.plain) viewer.send(message);
  }

  /** Sends every operator these messages and closes all sockets: the session has ended here. */
  disconnectAll({ messages, closeCode, reason }: Disconnect): void {
    clearTimeout(this.#restQuiet);
    this.#lease.stop();
    this.pageLost();
    for (const { throttle } of this.#watchersLenses.values()) throttle.stop();
    for (const viewer of this.#viewers) {
      for (const message of messages) viewer.send(message);
      viewer.close(closeCode, reason);
    }
    this.#viewers.clear();
  }

  /** Skips the release if the operator reconnected in time and goes on with the drag. */
  async #releaseAllLater(): Promise<void> {
    await delay(RELEASE_AFTER_LOSS_MS, undefined, { ref: false });
    if (!this.#lease.isUsed) this.#page?.releaseAll();
  }

  get #holdingViewer(): Viewer | null {
    const { holder } = this.#lease;
    return holder instanceof Viewer ? holder : null;
  }

  get #page(): ChallengePage | null {
    return this.#shown?.page ?? null;
  }

  #syncKeepView(): void {
    this.#page?.setKeepView([...this.#viewers].some(({ plain, role }) => plain && role === "control"));
  }

  #syncControl(): void {
    const { holder } = this.#lease;
    this.#recordControl(holder);
    this.#deps.onControl(this.holder);
    for (const viewer of this.#viewers) {
      viewer.send({ type: "control", holder: holder?.name ?? null, you: holder === viewer });
    }
    this.#showOpen();
  }

  /** The viewer in control gets what the page asks and offers, and what it could not ask before. */
  #showOpen(): void {
    const holder = this.#holdingViewer;
    this.#questions.show(holder);
    this.#offers.show(holder);
    if (holder) this.#page?.askAgain();
    const listener = this.#page && holder?.can("focus") ? holder : null;
    if (listener === this.#focusListener) return;
    this.#focusListener = listener;
    if (listener) this.#page?.tellFocus();
  }

  #recordControl(holder: Actor | null): void {
    const before = this.#recordedHolder;
    if (holder === before) return;
    this.#recordedHolder = holder;
    before?.recordAct?.("control.release", before.name);
    holder?.recordAct?.("control.take", holder.name);
  }

  #broadcastPresence(): void {
    this.broadcast({ type: "presence", operators: this.#viewers.size });
  }
}

function hasButtons(input: PageInput): boolean {
  return "buttons" in input && Boolean(input.buttons);
}

function assertMayAct({ role }: Actor): void {
  if (role === "watch") throw new AppError("forbidden", { role });
}
