/** One session: its record, its page, its deadline and its one end. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AppError, type Code, codeEntry, toAppError } from "../errors.ts";
import type { Verified } from "../protocol/common.ts";
import type { SessionEvent } from "../protocol/events.ts";
import type { Evidence } from "../protocol/rest.ts";
import { farewell, stateMessage } from "./answers.ts";
import { Crowd, type RestCaller } from "./crowd.ts";
import { type DoneMessages, doneMessagesOf } from "./done-messages.ts";
import { keepStorageState } from "./keep-storage.ts";
import type {
  ChallengePage,
  MouseInput,
  Notice,
  OpenPage,
  OpenPageRequest,
  PageEvents,
  PageInput,
  Picture,
  Verdict,
} from "./page.ts";
import { type Present, SessionNews } from "./session-news.ts";
import { type EndState, isEnd, move } from "./state.ts";
import type { SessionRecord, SessionStore } from "./store.ts";
import type { Viewer } from "./viewer.ts";

/** [W2] How long older clients wait for a page that is still starting. */
const WAIT_FOR_PAGE_MS = 5_000;

interface SessionDeps {
  /** Where the storage state is kept. */
  readonly store: SessionStore;
  /** Keeps the record as it is now. Never throws: the session goes on, and ends, all the same. */
  readonly save: (record: SessionRecord) => void;
  readonly log: Logger;
  readonly maxTimeoutSeconds: number;
  /** What happens in the session, in order; the end comes last, once its storage state is kept. */
  readonly tell: (event: SessionEvent) => void;
  /** Called once, as soon as the end stands. */
  readonly onEnd: (session: Session) => void;
}

interface EndFacts {
  readonly verified?: Verified;
  readonly evidence?: readonly Evidence[];
  readonly note?: string | undefined;
}

/** What a check of the rules came to; `reason` is a code of the table. */
export interface CheckAnswer {
  readonly completed: boolean;
  readonly reason: Code;
}

export class Session implements PageEvents {
  readonly record: SessionRecord;
  readonly crowd: Crowd;
  readonly done: DoneMessages;
  readonly #deps: SessionDeps;
  /** Aborted at the end of the session: everything that was started for it stops by it. */
  readonly #over = new AbortController();
  /** Checks under way: whoever asked is answered before the end closes the sockets [W7]. */
  readonly #asking = new Set<(answer: CheckAnswer) => void>();
  readonly #news: SessionNews;
  #page: ChallengePage | null = null;
  #deadline: NodeJS.Timeout | undefined;
  #opened: Promise<void> = Promise.resolve();
  #released: Promise<void> = Promise.resolve();

  constructor(record: SessionRecord, deps: SessionDeps) {
    this.record = record;
    this.#deps = deps;
    this.done = doneMessagesOf(record, deps);
    this.crowd = new Crowd({
      record,
      page: () => (this.ended ? null : this.#page),
      onControl: (holder) => this.#setControlled(holder),
      onPresence: (change, operator) => !this.ended && this.#news[change](operator),
    });
    this.#news = new SessionNews({ record, present: () => this.present, tell: deps.tell });
    this.#armDeadline();
  }

  get page(): ChallengePage | null {
    return this.#page;
  }

  /** What is so now, beyond the record. */
  get present(): Present {
    return { operators: this.crowd.size, holder: this.crowd.holder, challenge: this.#page?.challenge ?? null };
  }

  get completed(): boolean {
    return this.record.state === "solved";
  }

  get ended(): boolean {
    return isEnd(this.record.state);
  }

  /** Settles when the page and its browser are let go of and the storage state is kept. */
  get released(): Promise<void> {
    return this.#released;
  }

  /** Opens the page; resolves when it is ready. Throws the AppError that ended the session where it cannot be. */
  start(open: OpenPage, request: OpenPageRequest): Promise<void> {
    this.#news.created();
    this.#opened = this.#open(open, request);
    this.#opened.catch(() => {});
    return this.#opened;
  }

  // What the page tells.

  picture(picture: Picture): void {
    this.crowd.show(picture);
  }

  challenge(): void {
    if (this.#page) this.record.viewport = this.#page.viewport;
    this.crowd.challengeMoved();
    if (!this.ended) this.#news.challenge();
  }

  solved(verdict: Verdict): void {
    this.end("solved", "rules_met", { verified: "checked", evidence: verdict.evidence });
  }

  lost(code: Code): void {
    this.end("failed", code);
  }

  notice(notice: Notice): void {
    this.crowd.broadcast(notice);
  }

  // What people do.

  /** Throws session_ended. */
  async join(viewer: Viewer): Promise<void> {
    this.#assertLiving();
    await this.crowd.join(viewer, this.#pageReady());
  }

  /** Throws session_ended, forbidden, not_in_control, page_unresponsive (still starting), invalid_message (no such key). */
  input(viewer: Viewer, input: PageInput): void {
    this.#assertLiving();
    this.crowd.input(viewer, input);
  }

  /** [R4] A mouse event over REST, by the one anonymous operator. */
  async restInput(input: MouseInput, by?: RestCaller): Promise<void> {
    await this.#pageReady();
    this.#assertLiving();
    if (!this.#page) throw new AppError("timeout", { waiting_for: "page" });
    this.crowd.restInput(input, by);
  }

  // Completion and end.

  /** Asks the rules now; a verdict that holds ends the session. `tell` is called once, before that end is told. */
  async check(tell: (answer: CheckAnswer) => void = () => {}): Promise<CheckAnswer> {
    this.#asking.add(tell);
    await this.#ask();
    if (this.#asking.delete(tell)) tell(this.#checkAnswer());
    return this.#checkAnswer();
  }

  /** [W17] The operator's own word; rules that contradict it keep the session open. Throws forbidden, not_in_control, page_unresponsive. */
  async finish(viewer: Viewer, outcome: "done" | "cannot", note: string | undefined): Promise<CheckAnswer> {
    this.#assertLiving();
    this.crowd.assertNotWatching(viewer);
    if (outcome === "done" && !this.#page) throw new AppError("page_unresponsive");
    if (outcome === "cannot") this.end("failed", "operator_gave_up", { note });
    else if ((await this.#ask()) === "unknown") this.end("solved", "operator_done", { verified: "operator", note });
    return this.#checkAnswer();
  }

  /** [R12] Moves the deadline, up to the longest time a session may have. */
  extend(seconds: number): void {
    this.#assertLiving();
    const cap = this.record.created_at + this.#deps.maxTimeoutSeconds * 1_000;
    this.record.expires_at = Math.min(this.record.expires_at + seconds * 1_000, cap);
    this.#armDeadline();
    this.#changed();
  }

  /** [S4] Ends the session once; a later call changes nothing. */
  end(state: EndState, reason: Code, facts: EndFacts = {}): void {
    if (this.ended) return;
    Object.assign(this.record, {
      state: move(this.record.state, state),
      reason,
      verified: facts.verified ?? null,
      evidence: facts.evidence ?? [],
      note: facts.note ?? null,
      ended_at: Date.now(),
    });
    clearTimeout(this.#deadline);
    this.#deps.save(this.record);
    this.#news.stop();
    this.#news.state();
    this.#deps.log.info({ state, reason, verified: this.record.verified }, "session ended");
    this.#released = this.#release();
    this.#over.abort();
    for (const tell of this.#asking) tell(this.#checkAnswer());
    this.#asking.clear();
    this.crowd.dismiss(farewell(this.record, reason));
    this.#deps.onEnd(this);
  }

  /** Resolves at the end of the session, after `ms`, or when `signal` aborts, whichever is first. */
  async waitForEnd(ms: number, signal: AbortSignal): Promise<void> {
    if (this.ended || ms <= 0) return;
    await delay(ms, undefined, { signal: AbortSignal.any([signal, this.#over.signal]) }).catch(() => {});
  }

  async #open(open: OpenPage, request: OpenPageRequest): Promise<void> {
    try {
      const page = await open(request, this, this.#over.signal);
      if (this.ended) await page.close();
      else await this.#becomeReady(page);
    } catch (error) {
      const known = toAppError(error);
      if (!this.ended && known.code === "internal") this.#deps.log.error({ err: error }, "page could not be opened");
      this.end("failed", known.code);
      if (this.record.reason === known.code) throw known;
    }
    const { state, reason } = this.record;
    if (state === "solved" || !this.ended) return;
    const code = reason as Code;
    throw new AppError(codeEntry(code).status === undefined ? "session_ended" : code, { state, reason });
  }

  async #becomeReady(page: ChallengePage): Promise<void> {
    this.#page = page;
    this.record.viewport = page.viewport;
    this.record.proxy_port = page.proxyPort;
    if (this.record.url === "") this.record.url = page.url ?? "";
    this.record.state = move(this.record.state, "waiting");
    this.#changed();
    await this.crowd.pageReady();
  }

  async #pageReady(): Promise<void> {
    if (this.#page || this.ended) return;
    const late = delay(WAIT_FOR_PAGE_MS, undefined, { ref: false });
    await Promise.race([this.#opened, late]).catch(() => {});
  }

  /** Asks the rules; a page that does not answer, or not long enough, leaves them unknown. */
  async #ask(): Promise<Verdict["value"]> {
    if (this.ended || !this.#page) return "unknown";
    const verdict = await this.#page.check();
    if (verdict.value === true && verdict.stable) this.solved(verdict);
    return verdict.value === true && !verdict.stable ? "unknown" : verdict.value;
  }

  #checkAnswer(): CheckAnswer {
    return { completed: this.completed, reason: this.ended ? (this.record.reason as Code) : "rules_not_met" };
  }

  async #release(): Promise<void> {
    const page = this.#page;
    this.#news.ended(page !== null && (await keepStorageState(page, this.record.uid, this.#deps)));
    if (!page) return this.#opened.catch(() => {});
    await page.close().catch((error: unknown) => this.#deps.log.error({ err: error }, "page could not be closed"));
  }

  #setControlled(holder: string | null): void {
    if (this.ended) return;
    this.#news.control();
    const next = holder === null ? "waiting" : "active";
    if (!this.#page || this.record.state === next) return;
    this.record.state = move(this.record.state, next);
    this.#changed();
  }

  /** The state or the deadline: kept first, then told. */
  #changed(): void {
    this.#deps.save(this.record);
    this.#news.state();
    this.crowd.broadcast(stateMessage(this.record));
  }

  #armDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.end("expired", "timeout"), this.record.expires_at - Date.now());
  }

  #assertLiving(): void {
    const { state, reason } = this.record;
    if (this.ended) throw new AppError("session_ended", { state, reason });
  }
}
