/**
 * [W47] A page and the windows that it opens, as one page of the session: pictures and input are of the window that is
 * shown, verdicts and storage of the first one.
 */
import type { Logger } from "pino";
import { AppError } from "../../errors.ts";
import type { CaptchaInfo, Rect, Size } from "../../protocol/common.ts";
import { MAX_WINDOW_TITLE, MAX_WINDOWS, type PageWindow } from "../../protocol/live.ts";
import type { Pictures, StorageState } from "../../protocol/rest.ts";
import type { CropHelper } from "../../session/ports/crops.ts";
import type {
  CaptureRequest,
  ChallengePage,
  CodeField,
  Damage,
  MaskedPicture,
  NavigateAction,
  PageAnswer,
  PageCondition,
  PageEvents,
  PageInput,
  PageTouch,
  Picture,
  Sound,
  Verdict,
  ViewMode,
  WindowAction,
} from "../../session/ports/page.ts";
import type { Checkpoint, HeldButtons, PageLocator, WatchState } from "../../session/ports/resume-state.ts";
import { redactUrl } from "../../util/redact-url.ts";
import { Throttle } from "../../util/throttle.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { DialogRow, PageDialogs } from "../assist/page-dialogs.ts";
import type { CdpConnection, CdpSession } from "../cdp/connection.ts";
import { UNRESPONSIVE_LIMIT_MS, whenResponsive } from "../cdp/wait-for-page.ts";
import type { WindowFacts } from "../challenge/completion-rules.ts";
import type { RemotePage } from "./remote-page.ts";
import { type WindowTarget, WindowTargets } from "./window-targets.ts";

/** A page may open and close windows without end: the list is brought up to date at most so often. */
const LIST_EVERY_MS = 250;
/** The browser does not report new titles: pages are asked while there is more than one window. */
const TITLES_EVERY_MS = 1_000;
const REFUSED_EVERY_MS = 2_000;
/** A notice of a window waits for its address for so long. */
const ADDRESS_PATIENCE_MS = 2_000;
/** A window that does not answer for so long says nothing of the rules. */
const FACTS_DEADLINE_MS = 1_500;
const TITLE_DEADLINE_MS = 1_000;
const CALL_DEADLINE_MS = 2_000;

interface OpenWindow {
  readonly id: string;
  /** The window that opened it, or that one's opener where it is gone. */
  openerId: string;
  /** Null while it cannot be shown yet. */
  page: RemotePage | null;
  url: string;
  title: string;
  /** Operators were told that it was opened. */
  isTold: boolean;
}

export interface PageWindowsDeps {
  readonly connection: CdpConnection;
  readonly firstId: string;
  /** Every tab of the browser is the session's; else it is the bot's browser, whose tabs are never closed unasked. */
  readonly isOwnBrowser: boolean;
  /** A tab that this server has made for itself; left out: it makes none. */
  readonly isHelper?: (target: WindowTarget) => boolean;
  /** Whether this server answers dialogs; else the bot does. */
  readonly takesDialogs: boolean;
  readonly events: PageEvents;
  readonly log: Logger;
  /** Makes the first window's page. */
  readonly first: (parts: FirstWindowParts) => RemotePage;
  /** Attaches to a window that was opened. AppError `timeout`, `page_in_use`, `page_closed`. */
  readonly open: (window: OpenedWindow, events: PageEvents) => Promise<RemotePage>;
}

export interface OpenedWindow {
  readonly connection: CdpConnection;
  readonly targetId: string;
  /** What answers its dialogs; null: the bot does. */
  readonly dialogs: () => PageDialogs | null;
}

export interface FirstWindowParts extends Pick<PageWindows, "otherWindows"> {
  readonly events: PageEvents;
  readonly dialogRow: DialogRow;
}

export class PageWindows implements ChallengePage {
  readonly first: RemotePage;
  /** What the windows other than the first say of the completion rules. */
  readonly otherWindows = (): Promise<readonly (WindowFacts | null)[]> => this.#factsOfOthers();
  readonly #deps: PageWindowsDeps;
  readonly #targets: WindowTargets;
  /** The windows that were opened, in that order; the first one is not among them. */
  readonly #opened = new Map<string, OpenWindow>();
  readonly #closing = new AbortController();
  readonly #list = new Throttle(() => void this.#publishList(), LIST_EVERY_MS);
  /** Beside the limit on notices, which a page that opens windows without end has reached already. */
  readonly #refused = new Throttle(
    () =>
      this.#deps.events.notice({ type: "page_notice", notice: "popup_refused", url: redactUrl(this.first.url ?? "") }),
    REFUSED_EVERY_MS,
  );
  /** Which window has asked what, by the question's id. */
  readonly #askedBy = new Map<string, string>();
  readonly #dialogRow = new DialogRow();
  /** What answers the dialogs of each opened window, from before it can be shown. */
  readonly #dialogs = new Map<string, PageDialogs>();
  readonly #goneFacts: WindowFacts[] = [];
  #firstFacts: Pick<OpenWindow, "url" | "title"> = { url: "", title: "" };
  #shownId: string;
  #published = "";
  #titlesTimer: NodeJS.Timeout | undefined;
  #request: CaptureRequest | null = null;
  #isCapturing = false;
  #keepsView = false;
  /** What an earlier server left pressed in a window that cannot be reached yet. */
  #left: HeldButtons | null = null;

  constructor(deps: PageWindowsDeps) {
    const { connection, firstId, isOwnBrowser } = deps;
    this.#deps = deps;
    this.#shownId = firstId;
    this.first = deps.first({
      events: this.#eventsOf(firstId),
      otherWindows: this.otherWindows,
      dialogRow: this.#dialogRow,
    });
    this.#targets = new WindowTargets({
      connection,
      firstId,
      isOwnBrowser,
      isHelper: deps.isHelper ?? (() => false),
      most: MAX_WINDOWS - 1,
      onNew: (id, session) => {
        if (deps.takesDialogs) this.#takeDialogs(id, session);
      },
      onOpened: (target, wasThere) => void this.#follow(target, wasThere),
      onChanged: (target) => this.#changed(target),
      onGone: (id) => this.#gone(id),
      onRefused: () => this.#refused.ask(),
    });
  }

  /** Follows the windows from now on. AppError `timeout`. */
  followWindows(): Promise<void> {
    return this.#targets.begin();
  }

  get viewport(): Size {
    return this.#shown.viewport;
  }

  get url(): string | null {
    return this.#shown.url;
  }

  get challenge(): CaptchaInfo | null {
    return this.#shown.challenge;
  }

  get isWorking(): boolean {
    return this.#shown.isWorking;
  }

  get touch(): PageTouch {
    return this.#shown.touch;
  }

  get canNavigate(): boolean {
    return this.#shown.canNavigate;
  }

  get proxyPort(): number | null {
    return this.first.proxyPort;
  }

  get place(): PageLocator | null {
    return this.first.place;
  }

  get pictures(): Pictures | undefined {
    return this.first.pictures;
  }

  get condition(): PageCondition {
    return this.#shown.condition;
  }

  get hidden(): boolean {
    return this.#shown.hidden;
  }

  get windows(): readonly PageWindow[] {
    const { firstId } = this.#deps;
    const opened = [...this.#opened.values()].filter(({ page }) => page !== null);
    return [{ id: firstId, ...this.#firstFacts }, ...opened].map(({ id, url, title }) => ({
      id,
      title,
      site: siteOf(url),
      active: id === this.#shownId,
    }));
  }

  /** Whether a button or a finger is down in any of its windows. */
  get isPressed(): boolean {
    return this.#pages.some((page) => page.isPressed);
  }

  get isOver(): boolean {
    return this.first.isOver;
  }

  view(mode: ViewMode): Rect {
    return this.#shown.view(mode);
  }

  /** As RemotePage.begin(). */
  begin(ms: number, signal: AbortSignal): Promise<void> {
    return this.first.begin(ms, signal);
  }

  /** As RemotePage.resume(). The windows that are still open are followed again, and the first one is shown. */
  async resume(watched: WatchState | undefined, held: HeldButtons | null): Promise<void> {
    const inWindow = held?.window;
    await this.first.resume(watched, inWindow === undefined ? held : null);
    if (inWindow === undefined) return;
    this.#left = held;
    this.#letGo(inWindow);
  }

  /** [W24] Releases what an earlier server left pressed in this window, once it can be reached. */
  #letGo(id: string): void {
    const page = this.#opened.get(id)?.page;
    if (!page || !this.#left || this.#left.window !== id) return;
    page.letGo(this.#left);
    this.#left = null;
  }

  picture(mode: ViewMode, scale: number, forWatcher?: boolean): Promise<Picture> {
    return this.#shown.picture(mode, scale, forWatcher);
  }

  keptStill(mode: ViewMode): Promise<Picture | null> {
    return this.#shown.keptStill(mode);
  }

  masked(picture: Picture, mode: ViewMode, scale: number): Promise<MaskedPicture | null> {
    return this.#shown.masked(picture, mode, scale);
  }

  cut(picture: Picture, mode: ViewMode, scale: number): Promise<Picture> {
    return this.#shown.cut(picture, mode, scale);
  }

  damage(before: Picture, picture: Picture): Promise<Damage | null> {
    return this.#shown.damage(before, picture);
  }

  setCaptureRequest(request: CaptureRequest | null): void {
    this.#request = request;
    // The verdict is the first window's, whichever is shown.
    for (const page of this.#pages) page.attend(request !== null);
    this.#shown.setCaptureRequest(request);
  }

  setCapturing(capturing: boolean): void {
    this.#isCapturing = capturing;
    this.#shown.setCapturing(capturing);
  }

  setKeepView(keep: boolean): void {
    this.#keepsView = keep;
    for (const page of this.#pages) page.setKeepView(keep);
  }

  input(input: PageInput): void {
    this.#shown.input(input);
  }

  answer(answer: PageAnswer): void | Promise<void> {
    const id = this.#askedBy.get(answer.question_id);
    if (id === undefined) throw new AppError("question_gone", { field: "question_id" });
    const own = { ...answer, question_id: ownQuestionId(id, answer.question_id) };
    const dialogs = this.#dialogs.get(id);
    // A window whose dialog is open from the start cannot be shown yet.
    if (dialogs && own.type === "answer_dialog") return dialogs.answer(own);
    const page = this.#pageOf(id);
    if (!page) throw new AppError("question_gone", { field: "question_id" });
    return page.answer(own);
  }

  askAgain(): void {
    for (const page of this.#pages) page.askAgain();
  }

  tellFocus(): void {
    this.#shown.tellFocus();
  }

  codeField(): Promise<CodeField | null> {
    return this.#shown.codeField();
  }

  /** Sounds of any window: they are offered by their own ids. */
  sound(id: string): Sound | null {
    for (const page of this.#pages) {
      const sound = page.sound(id);
      if (sound) return sound;
    }
    return null;
  }

  navigate(action: NavigateAction): Promise<void> {
    return this.#shown.navigate(action);
  }

  async window(id: string, action: WindowAction): Promise<void> {
    if (!this.#pageOf(id)) throw new AppError("window_gone", { field: "window_id" });
    if (action === "show") {
      this.#show(id);
      return;
    }
    if (id === this.#deps.firstId) {
      throw new AppError("invalid_message", { field: "window_id", why: "the first window stays" });
    }
    await this.#targets.close(id);
    this.#gone(id);
  }

  takeCropHelper(helper: CropHelper): () => void {
    return this.first.takeCropHelper(helper);
  }

  releaseAll(): void {
    this.#shown.releaseAll();
  }

  check(): Promise<Verdict> {
    return this.first.check();
  }

  checkpoint(last: Checkpoint | null): Promise<Checkpoint> {
    return this.first.checkpoint(last);
  }

  /** To read it a tab may be opened, which is no window: call it at the session's end, as none is followed from here on. */
  storageState(): Promise<StorageState | null> {
    this.#targets.stop();
    return this.first.storageState();
  }

  async close(): Promise<void> {
    await this.#releaseOpened("close");
    await this.first.close();
  }

  async detach(): Promise<void> {
    await this.#releaseOpened("detach");
    await this.first.detach();
  }

  get #shown(): RemotePage {
    return this.#pageOf(this.#shownId) ?? this.first;
  }

  get #pages(): RemotePage[] {
    return [this.first, ...[...this.#opened.values()].flatMap(({ page }) => page ?? [])];
  }

  #pageOf(id: string): RemotePage | null {
    return id === this.#deps.firstId ? this.first : (this.#opened.get(id)?.page ?? null);
  }

  async #releaseOpened(how: "close" | "detach"): Promise<void> {
    this.#closing.abort();
    this.#targets.stop();
    this.#list.stop();
    this.#refused.stop();
    clearInterval(this.#titlesTimer);
    // An open dialog would hold up the page.
    for (const dialogs of this.#dialogs.values()) dialogs.stop();
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    await Promise.all(opened.map(({ page }) => page?.[how]()));
  }

  /** What a window publishes; what is about pictures only while it is the one that is shown. */
  #eventsOf(id: string): PageEvents {
    const { events, firstId } = this.#deps;
    const isFirst = id === firstId;
    const ifShown = (publish: () => void) => {
      if (this.#shownId === id) publish();
    };
    const ifFirst = (publish: () => void) => {
      if (isFirst) publish();
    };
    return {
      nextSeq: () => events.nextSeq(),
      picture: (picture) => ifShown(() => events.picture(picture)),
      challenge: () => ifShown(() => events.challenge()),
      condition: (condition) => ifShown(() => events.condition(condition)),
      attemptFailed: (why) => ifShown(() => events.attemptFailed(why)),
      solved: (verdict) => ifFirst(() => events.solved(verdict)),
      movedOn: () => ifFirst(() => events.movedOn()),
      progress: (step) => ifFirst(() => events.progress(step)),
      resumeStateChanged: (changed) => {
        if (isFirst) events.resumeStateChanged(changed);
        else if (changed.held !== undefined) {
          events.resumeStateChanged({ held: changed.held && { ...changed.held, window: id } });
        }
      },
      lost: (code) => (isFirst ? events.lost(code) : this.#lost(id)),
      notice: (notice) => {
        const isOfPicture = notice.type === "page_notice" && /^page_(not_)?visible$/.test(notice.notice);
        if (isOfPicture) ifShown(() => events.notice(notice));
        else events.notice(notice);
      },
      ask: (question) => {
        const question_id = sessionQuestionId(id, isFirst, question.question_id);
        this.#askedBy.set(question_id, id);
        const isAsked = events.ask({ ...question, question_id });
        if (!isAsked) this.#askedBy.delete(question_id);
        return isAsked;
      },
      withdraw: (ownId) => {
        const question_id = sessionQuestionId(id, isFirst, ownId);
        this.#askedBy.delete(question_id);
        events.withdraw(question_id);
      },
      offer: (offer) => events.offer(offer),
      focused: (field) => ifShown(() => events.focused(field)),
      windowsChanged: () => {},
      windowShown: () => {},
    };
  }

  /** [W46] Takes over the dialogs of a window from here on. One that operators are not told of gets the default. */
  #takeDialogs(id: string, session: CdpSession): void {
    const { ask, withdraw } = this.#eventsOf(id);
    const isOver = () => this.#closing.signal.aborted || !this.#opened.has(id);
    const dialogs = new PageDialogs({
      session,
      row: this.#dialogRow,
      ask: (question) => !isOver() && ask(question),
      withdraw: (question) => !isOver() && withdraw(question),
      notice: (notice) => this.first.notices.publish(notice),
      log: this.#deps.log,
    });
    this.#dialogs.set(id, dialogs);
    void session.gone.then(() => {
      dialogs.gone();
      this.#dialogs.delete(id);
    });
    dialogs
      .begin()
      .catch((error: unknown) => this.#deps.log.info({ err: error }, "a window's dialogs are not taken over"));
  }

  /** Attaches to a window as soon as it answers, however long a person takes to answer its dialog. */
  #whenAttached(id: string, isOver: () => boolean): Promise<RemotePage> {
    const { connection, open } = this.#deps;
    const window = { connection, targetId: id, dialogs: () => this.#dialogs.get(id) ?? null };
    const attach = () => {
      if (isOver()) throw new AppError("page_closed");
      return open(window, this.#eventsOf(id)).catch(asNotYet);
    };
    const isAsking = () => this.#dialogRow.isOpen;
    return whenResponsive(attach, UNRESPONSIVE_LIMIT_MS, this.#closing.signal, isAsking);
  }

  async #follow({ targetId: id, openerId, url }: WindowTarget, wasThere: boolean): Promise<void> {
    const { firstId, connection, isOwnBrowser, takesDialogs, log } = this.#deps;
    const window: OpenWindow = { id, openerId: openerId ?? firstId, page: null, url, title: "", isTold: wasThere };
    this.#opened.set(id, window);
    const { signal } = this.#closing;
    const isOver = () => signal.aborted || this.#opened.get(id) !== window;
    let page: RemotePage | null = null;
    try {
      // A window that nobody holds may open a dialog at once.
      if (takesDialogs && (wasThere || !isOwnBrowser)) this.#takeDialogs(id, await connection.attach(id));
      page = await this.#whenAttached(id, isOver);
      if (!isOver()) await page.begin(0, signal);
    } catch (error) {
      // It was closed at once, or belongs to another session.
      if (!isOver()) log.info({ err: error }, "a window could not be followed");
    }
    if (!page || isOver()) {
      if (!isOver()) this.#lost(id);
      await page?.close();
      return;
    }
    page.setKeepView(this.#keepsView);
    page.attend(this.#request !== null);
    window.page = page;
    this.#letGo(id);
    this.#titlesTimer ??= setInterval(() => this.#list.ask(), TITLES_EVERY_MS);
    if (!wasThere) this.#show(id);
    this.#list.ask();
    this.#tell(window);
    setTimeout(() => this.#tell(window, true), ADDRESS_PATIENCE_MS).unref();
  }

  /** Tells operators of a window, with its address as soon as it has one. */
  #tell(window: OpenWindow, isLate = false): void {
    const hasAddress = window.url !== "" && window.url !== "about:blank";
    if (window.isTold || !window.page || !(hasAddress || isLate) || this.#closing.signal.aborted) return;
    window.isTold = true;
    this.first.notices.publish({ type: "page_notice", notice: "popup", url: window.url });
  }

  #changed({ targetId, url }: WindowTarget): void {
    const window = this.#opened.get(targetId);
    if (window) {
      window.url = url;
      this.#tell(window);
    }
    if (this.#opened.size > 0) this.#list.ask();
  }

  /** Shows another window: buttons that are down are let go of in the one before. */
  #show(id: string): void {
    const page = this.#pageOf(id);
    if (!page || id === this.#shownId || this.#closing.signal.aborted) return;
    const before = this.#shown;
    before.releaseAll();
    this.#shownId = id;
    before.setCapturing(false);
    before.setCaptureRequest(null, this.#request !== null);
    this.#bringToFront(id);
    page.setCaptureRequest(this.#request);
    page.setCapturing(this.#isCapturing);
    page.shown();
    const { events } = this.#deps;
    events.windowShown();
    if (page.condition !== before.condition) events.condition(page.condition);
    this.#list.ask();
  }

  #bringToFront(targetId: string): void {
    const activating = this.#deps.connection.send("Target.activateTarget", { targetId });
    withDeadline(activating, CALL_DEADLINE_MS, "window").catch(() => {});
  }

  /** It has crashed, or does not answer any more: it is closed, in the bot's browser only left alone. */
  #lost(id: string): void {
    if (this.#deps.isOwnBrowser) void this.#targets.close(id);
    this.#gone(id);
  }

  /** A window is closed, or not followed any more: its opener is shown again. */
  #gone(id: string): void {
    const window = this.#opened.get(id);
    if (!window || this.#closing.signal.aborted) return;
    const { page, openerId } = window;
    if (page) this.#keepFacts(page.factsWhenClosed);
    for (const other of this.#opened.values()) if (other.openerId === id) other.openerId = openerId;
    if (this.#shownId === id) this.#show(this.#pageOf(openerId) ? openerId : this.#deps.firstId);
    this.#opened.delete(id);
    this.#targets.forget(id);
    if (this.#opened.size === 0) {
      clearInterval(this.#titlesTimer);
      this.#titlesTimer = undefined;
    }
    for (const [questionId, asker] of this.#askedBy) {
      if (asker !== id) continue;
      this.#askedBy.delete(questionId);
      this.#deps.events.withdraw(questionId);
    }
    this.#list.ask();
    void page?.close().catch(() => {});
  }

  /** Of windows that are closed only counts what they have shown: together that is one window. */
  #keepFacts(facts: WindowFacts): void {
    if (facts.seen.size === 0) return;
    const seen = new Set(this.#goneFacts.flatMap((each) => [...each.seen]));
    this.#goneFacts.splice(0, 1, { ...facts, seen: new Set([...seen, ...facts.seen]) });
  }

  async #factsOfOthers(): Promise<readonly (WindowFacts | null)[]> {
    const asking = [...this.#opened.values()].map(({ page }) =>
      page ? withDeadline(page.facts(), FACTS_DEADLINE_MS, "window").catch(() => null) : null,
    );
    return [...(await Promise.all(asking)), ...this.#goneFacts];
  }

  /** Publishes the list where it has changed. Titles come from the pages: the browser's own may be an address. */
  async #publishList(): Promise<void> {
    const { firstId, events } = this.#deps;
    const ids = [firstId, ...this.#opened.keys()];
    await Promise.all(ids.map((id) => this.#readTitle(id)));
    if (this.#closing.signal.aborted) return;
    const published = JSON.stringify(this.windows);
    if (published === this.#published) return;
    this.#published = published;
    events.windowsChanged();
  }

  async #readTitle(id: string): Promise<void> {
    const page = this.#pageOf(id);
    if (!page) return;
    const reading = page.frames.list().then(async ([main]) => {
      return main ? { url: main.url, title: await page.frames.run(main, titleOf, MAX_WINDOW_TITLE) } : null;
    });
    const facts = await withDeadline(reading, TITLE_DEADLINE_MS, "title").catch(() => null);
    if (!facts) return;
    if (id === this.#deps.firstId) this.#firstFacts = facts;
    const window = this.#opened.get(id);
    if (window) Object.assign(window, facts);
  }
}

/** A window that goes elsewhere while it is attached to breaks off what was asked of it: that is to be asked again. */
function asNotYet(cause: unknown): never {
  if (cause instanceof AppError && cause.code !== "page_closed") throw cause;
  throw new AppError("timeout", { waiting_for: "window" }, { cause });
}

/** Runs inside a page, sent as text. */
function titleOf(most: number): string {
  return document.title.slice(0, most);
}

/** The origin; empty for what has none, such as about:blank. */
function siteOf(url: string): string {
  const origin = URL.parse(url)?.origin ?? "null";
  return origin === "null" ? "" : origin;
}

/** Pages number their own questions: those of opened windows carry the window, too. */
function sessionQuestionId(windowId: string, isFirst: boolean, ownId: string): string {
  return isFirst ? ownId : `${windowId.slice(0, 12)}.${ownId}`;
}

function ownQuestionId(windowId: string, questionId: string): string {
  const prefix = `${windowId.slice(0, 12)}.`;
  return questionId.startsWith(prefix) ? questionId.slice(prefix.length) : questionId;
}
