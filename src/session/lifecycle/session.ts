/** One session: its record, its page, its deadline and its one end. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AppError, CODES, type Code, codeEntry, toAppError } from "../../errors.ts";
import type { CodeAnswerBody, CodeResult } from "../../protocol/code-answers.ts";
import { type EndState, isEnd } from "../../protocol/common.ts";
import type { SessionEvent } from "../../protocol/events.ts";
import type { ClientMessageOf } from "../../protocol/live.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { Claim } from "../operators/claim.ts";
import { Operators, type RestCaller } from "../operators/operators.ts";
import type { Viewer } from "../pictures/viewer.ts";
import type { CropHelper } from "../ports/crops.ts";
import type { ChallengePage, MouseInput, PageInput, ResumablePage, ResumePage, Verdict } from "../ports/page.ts";
import type { ResumeState } from "../ports/resume-state.ts";
import type { ResumeStates, SessionRecord, StorageStates } from "../ports/store.ts";
import type { Uploads } from "../ports/uploads.ts";
import { Attention } from "./attention.ts";
import { CodeAnswers } from "./code-answers.ts";
import { type CheckAnswer, CompletionChecks, checkAnswer } from "./completion-checks.ts";
import { SessionDeadline } from "./deadline.ts";
import { disconnectAtEnd, stateMessage } from "./operator-messages.ts";
import { noteChallenge, PageEventHandler } from "./page-event-handler.ts";
import { type PageOpener, PageSupervisor } from "./page-supervisor.ts";
import { type ProcessedMessages, processedMessagesOf } from "./processed-messages.ts";
import type { ResumableSession } from "./resume.ts";
import { type LiveFacts, SessionEventPublisher } from "./session-event-publisher.ts";
import { SessionFiles } from "./session-files.ts";
import { move } from "./state-machine.ts";

const STORAGE_STATE_DEADLINE_MS = 3_000;

interface SessionDeps {
  /** Stores the storage state and the processed messages. */
  readonly store: ResumeStates & StorageStates;
  readonly uploads: Uploads;
  /** Saves the record as it is now. Never throws: the session goes on, and ends, all the same. */
  readonly save: (record: SessionRecord) => void;
  /** Saves parts of the resume state. Never throws either. */
  readonly saveResumeState: (parts: Partial<ResumeState>) => void;
  readonly log: Logger;
  readonly maxTimeoutSeconds: number;
  /** [S11] How long a page may work by itself before a person is asked for; left out: 8 s. */
  readonly workingPatienceMs?: number | undefined;
  /** Publishes the session's events in order; the end comes last, once its storage state is stored. */
  readonly publish: (event: SessionEvent) => void;
  /** Called once, as soon as the end is saved. */
  readonly onEnd: (session: Session) => void;
}

type EndFacts = {
  readonly [Fact in "verified" | "evidence" | "contradicted_by" | "note"]?: SessionRecord[Fact] | undefined;
};

/** [W17] What an operator says of the challenge. */
export type OperatorsWord = Pick<ClientMessageOf<"finish">, "outcome" | "note" | "confirm">;

export class Session {
  readonly record: SessionRecord;
  readonly operators: Operators;
  readonly processed: ProcessedMessages;
  readonly claim: Claim;
  readonly files: SessionFiles;
  readonly #deps: SessionDeps;
  /** Aborted at the end of the session: it stops everything that was started for the session. */
  readonly #over = new AbortController();
  readonly #checks: CompletionChecks;
  readonly #codeAnswers: CodeAnswers;
  readonly #events: SessionEventPublisher;
  readonly #attention: Attention;
  readonly #pageEvents: PageEventHandler;
  readonly #supervisor: PageSupervisor;
  readonly #deadline: SessionDeadline;
  /** Whether the bot lets an operator's word stand against its rules. */
  readonly #operatorMayOverride: boolean;
  #released: Promise<void> = Promise.resolve();
  /** The next server serves the session: nothing more is published here. */
  #isDetached = false;

  constructor(record: SessionRecord, opener: PageOpener, deps: SessionDeps) {
    this.record = record;
    this.#deps = deps;
    // A request of an earlier version has no such field.
    this.#operatorMayOverride = opener.request.completion?.operator_may_override ?? false;
    this.#codeAnswers = new CodeAnswers({
      page: () => this.#askable,
      waitForEnd: (ms) => this.waitForEnd(ms, this.#over.signal),
      check: (page) => this.#checks.ask(page),
      isSolved: () => (this.ended ? this.record.state === "solved" : null),
    });
    this.#checks = new CompletionChecks({
      answer: () => checkAnswer(this.record),
      onSolved: (verdict) => this.#solved(verdict),
    });
    this.processed = processedMessagesOf(record, deps);
    this.operators = new Operators({
      record,
      onControl: (holder) => this.#setControlled(holder),
      onInput: (input) => {
        this.#deadline.acted(input);
        this.#events.acted(input);
      },
      onPresence: (change, operator) => !this.ended && !this.#isDetached && this.#events[change](operator),
    });
    const { uploads } = deps;
    this.files = new SessionFiles({ uid: record.uid, uploads, operators: this.operators, over: this.#over.signal });
    this.#events = new SessionEventPublisher({ record, liveFacts: () => this.liveFacts, publish: deps.publish });
    this.claim = new Claim({
      isAttended: () => this.operators.actors > 0,
      onChange: (claim) => this.#events.claimed(claim),
    });
    const { save, saveResumeState, log } = deps;
    this.#attention = new Attention({
      record,
      isWorking: () => this.page?.isWorking ?? false,
      patienceMs: deps.workingPatienceMs,
      onNeeded: () => {
        save(record);
        this.#events.state();
      },
    });
    this.#pageEvents = new PageEventHandler({
      record,
      operators: this.operators,
      events: this.#events,
      page: () => this.page,
      isOver: () => this.ended,
      save,
      saveResumeState,
      onChallenge: () => this.#attention.challengeChanged(),
      onSolved: (verdict) => this.#solved(verdict),
      onLost: (code) => this.#lost(code),
    });
    this.#supervisor = new PageSupervisor({
      ...opener,
      events: this.#pageEvents,
      saveResumeState,
      log,
      signal: this.#over.signal,
      onReady: (page) => this.#becomeReady(page),
      onLost: (code) => {
        this.operators.pageLost();
        this.#pageEvents.withdrawMovedOn();
        this.#pageEvents.announceCondition("page_reopening", code);
      },
      onReopened: () => this.#pageEvents.announceCondition("page_reopened", null),
    });
    this.#deadline = new SessionDeadline({
      record,
      maxTimeoutSeconds: deps.maxTimeoutSeconds,
      onMoved: () => this.#changed(),
      onExpiring: (warning) => {
        this.#events.expiring(warning);
        this.operators.announce(warning);
      },
      onPassed: () => this.end("expired", "timeout"),
    });
  }

  get page(): ChallengePage | null {
    return this.#supervisor.page;
  }

  /** The page whose rules can be checked; null if there is none. */
  get #askable(): ChallengePage | null {
    return this.ended ? null : this.page;
  }

  /** The current facts that are not in the record. */
  get liveFacts(): LiveFacts {
    return { operators: this.operators.size, holder: this.operators.holder, challenge: this.page?.challenge ?? null };
  }

  get ended(): boolean {
    return isEnd(this.record.state);
  }

  /** Settles when the page and its browser are closed or detached and the storage state is stored. */
  get released(): Promise<void> {
    return this.#released;
  }

  /** Opens the page; resolves when it is ready. Rejects with the AppError that ended the session. */
  start(): Promise<void> {
    this.#events.created();
    return this.#endOnFailure(this.#supervisor.open());
  }

  /**
   * Resumes the page of an earlier server; resolves when it is ready. Rejects with the AppError that ended the session.
   */
  resume(
    resumePage: ResumePage,
    resumable: ResumablePage,
    { control, movedOnAt }: Pick<ResumableSession, "control" | "movedOnAt">,
  ): Promise<void> {
    if (control) this.operators.reserve(control);
    this.#pageEvents.recallMovedOn(movedOnAt);
    this.#events.resumed({ holder: this.operators.holder, challenge: this.record.captcha_info });
    return this.#endOnFailure(this.#supervisor.resume(resumePage, resumable));
  }

  /** Adds a viewer; resolves when it was sent all that it needs to begin. Throws session_ended. */
  async join(viewer: Viewer): Promise<void> {
    this.#assertLiving();
    // The viewer gets them behind its session_info, and later ones as all others do.
    for (const standing of [this.#deadline.warning, this.#pageEvents.movedOnMessage]) {
      if (standing && !viewer.plain) viewer.send(standing);
    }
    await this.operators.join(viewer, this.#supervisor.ready());
  }

  /**
   * Replays an operator's input. Throws session_ended, forbidden, not_in_control, page_unresponsive (still starting),
   * invalid_message (no such key).
   */
  input(viewer: Viewer, input: PageInput): void {
    this.#assertLiving();
    this.operators.input(viewer, input);
  }

  /**
   * [R4] Replays a mouse event of the one REST operator. Throws as input() does, and timeout if the page is not ready
   * in time.
   */
  async restInput(input: MouseInput, by?: RestCaller): Promise<void> {
    await this.#supervisor.ready();
    this.#assertLiving();
    if (!this.page) throw new AppError("timeout", { waiting_for: "page" });
    this.operators.restInput(input, by);
  }

  /** [R32] Lets the bot crop its own page. Throws as Crops.takeCropHelper(). */
  async takeCropHelper(helper: CropHelper): Promise<() => void> {
    await this.#supervisor.ready();
    this.#assertLiving();
    if (!this.page) throw new AppError("timeout", { waiting_for: "page" });
    return this.page.takeCropHelper(helper);
  }

  /** [R24] Types a person's one-time code. Throws as CodeAnswers.give(). */
  async answerCode(answer: CodeAnswerBody, by: RestCaller, repeatKey: string | undefined): Promise<CodeResult> {
    this.#assertLiving();
    const key = repeatKey === undefined ? undefined : `${by.who} ${repeatKey}`;
    return this.#codeAnswers.give(answer, key, (input) => this.operators.restInput(input, by));
  }

  /**
   * Checks the rules now; a stable verdict ends the session. `sendAnswer` is called once, before that end is published.
   */
  check(sendAnswer: (answer: CheckAnswer) => void = () => {}): Promise<CheckAnswer> {
    return this.#checks.check(this.#askable, sendAnswer);
  }

  /**
   * [W17] Ends the session on the operator's word, unless the rules contradict it. Throws session_ended, forbidden,
   * not_in_control, page_unresponsive.
   */
  async finish(viewer: Viewer, { outcome, note, confirm = false }: OperatorsWord): Promise<CheckAnswer> {
    this.#assertLiving();
    this.operators.assertNotWatching(viewer);
    if (outcome === "done" && !this.page) throw new AppError("page_unresponsive");
    if (outcome === "done") return this.#finishOnWord(note, confirm);
    this.end("failed", "operator_gave_up", { note });
    return checkAnswer(this.record);
  }

  /** [S2] A contradicted word stands only where it may, and only once it is confirmed. */
  async #finishOnWord(note: string | undefined, isConfirmed: boolean): Promise<CheckAnswer> {
    const { value, contradictions, mayOverride } = await this.#checks.ask(this.#askable);
    const contradicted_by = [...contradictions];
    const mayStand = value === "unknown" || (value === false && (mayOverride || this.#operatorMayOverride));
    if (!mayStand || this.ended) return checkAnswer(this.record);
    if (value === false && !isConfirmed) return { completed: false, reason: "confirm_needed", contradicted_by };
    this.end("solved", "operator_done", { verified: "operator", note, contradicted_by });
    return checkAnswer(this.record);
  }

  /** [R12] Moves the deadline, up to the longest time a session may have. Throws session_ended. */
  extend(seconds: number): void {
    this.#assertLiving();
    this.#deadline.extend(seconds);
  }

  /** [S4] Ends the session once; a later call changes nothing. */
  end(state: EndState, reason: Code, facts: EndFacts = {}): void {
    if (this.ended) return;
    this.#stopTimers();
    const { record } = this;
    const { verified = null, evidence = [], contradicted_by = [], note = null } = facts;
    const outcome = { reason, verified, evidence, contradicted_by, note };
    const ended = { state: move(record.state, state), needs_person: false, ended_at: Date.now() };
    Object.assign(record, outcome, ended);
    this.#deps.save(record);
    this.#events.state();
    this.#deps.log.info({ state, reason, verified }, "session ended");
    this.#released = this.#release();
    this.#over.abort();
    this.#checks.settle();
    this.operators.disconnectAll(disconnectAtEnd(record, reason));
    this.#deps.onEnd(this);
  }

  /**
   * Detaches from the session and its page, so that the next server resumes them: only the sockets here are closed.
   * False if that is impossible: the page is not open yet, or ends with this process.
   */
  detach(): boolean {
    const page = this.page;
    if (this.ended || !page?.place) return false;
    this.#isDetached = true;
    this.#stopTimers();
    this.#deps.save(this.record);
    this.#over.abort();
    this.operators.disconnectAll({ messages: [], closeCode: CODES.shutting_down.close, reason: "shutting_down" });
    this.#released = page.detach();
    return true;
  }

  /** Resolves at the end of the session, when it is detached, after `ms`, or when `signal` aborts. Never rejects. */
  async waitForEnd(ms: number, signal: AbortSignal): Promise<void> {
    if (this.ended || ms <= 0) return;
    await delay(ms, undefined, { signal: AbortSignal.any([signal, this.#over.signal]) }).catch(() => {});
  }

  /** Settles with `opening`; a failure ends the session, and also rejects for the caller that waits. */
  #endOnFailure(opening: Promise<void>): Promise<void> {
    const settled = this.#settle(opening);
    settled.catch(() => {});
    return settled;
  }

  async #settle(opening: Promise<void>): Promise<void> {
    await opening.catch((error: unknown) => {
      const known = toAppError(error);
      if (!this.ended && known.code === "internal") this.#deps.log.error({ err: error }, "page could not be opened");
      this.end("failed", known.code);
      if (this.record.reason === known.code) throw known;
    });
    const { state, reason } = this.record;
    if (state === "solved" || !this.ended) return;
    const code = reason as Code;
    throw new AppError(codeEntry(code).status === undefined ? "session_ended" : code, { state, reason });
  }

  #solved(verdict: Verdict): void {
    this.end("solved", "rules_met", { verified: "checked", evidence: [...verdict.evidence] });
  }

  #lost(code: Code): void {
    const again = this.ended ? null : this.#supervisor.reopen(code);
    if (again) void this.#endOnFailure(again);
    else this.end("failed", code);
  }

  async #becomeReady(page: ChallengePage): Promise<void> {
    noteChallenge(this.record, page);
    this.record.proxy_port = page.proxyPort;
    if (this.record.url === "") this.record.url = page.url ?? "";
    if (page.challenge) this.#pageEvents.withdrawMovedOn();
    this.#attention.pageReady();
    if (this.record.state === "starting") this.record.state = move(this.record.state, "waiting");
    this.#changed();
    await this.operators.pageReady(page);
  }

  async #release(): Promise<void> {
    const { page } = this;
    this.#events.ended(page !== null && (await keepStorageState(page, this.record.uid, this.#deps)));
    await this.#supervisor.release();
    await this.files.remove();
  }

  #setControlled(holder: string | null): void {
    if (this.ended) return;
    this.#events.control();
    this.#deps.saveResumeState({ control: this.operators.control });
    const next = holder === null ? "waiting" : "active";
    if (!this.page || this.record.state === next) return;
    this.record.state = move(this.record.state, next);
    this.#changed();
  }

  /** The state or the deadline has changed: saves it first, then publishes it. */
  #changed(): void {
    this.#deps.save(this.record);
    this.#events.state();
    this.operators.broadcast(stateMessage(this.record));
  }

  #stopTimers(): void {
    const { claim } = this;
    const owned = [this.#deadline, claim, this.#attention, this.#pageEvents, this.#supervisor, this.#events];
    for (const each of owned) each.stop();
  }

  #assertLiving(): void {
    const { state, reason } = this.record;
    if (this.ended) throw new AppError("session_ended", { state, reason });
  }
}

/**
 * Stores the page's cookies and local storage for the result [R11]; false if there are none, or they cannot be read or
 * stored.
 */
async function keepStorageState(
  page: ChallengePage,
  uid: string,
  { store, log }: { readonly store: Pick<StorageStates, "saveStorageState">; readonly log: Logger },
): Promise<boolean> {
  try {
    const state = await withDeadline(page.storageState(), STORAGE_STATE_DEADLINE_MS, "storage state");
    if (state) store.saveStorageState(uid, state);
    return state !== null;
  } catch (error) {
    log.warn({ err: error }, "storage state could not be kept");
    return false;
  }
}
