/** CaptchaRemoteController: the one interface through which http/ reaches sessions. */
import type { Logger } from "pino";
import type { z } from "zod";
import { type Caller, ownerOf } from "../auth/caller.ts";
import { isOwner, mayList, type Subject, scopeOf } from "../auth/permissions.ts";
import { AppError } from "../errors.ts";
import type { EventPublisher } from "../events/event-publisher.ts";
import type { CodeAnswerBody, CodeResult } from "../protocol/code-answers.ts";
import { isEnd, LIVING_STATES, type SessionState } from "../protocol/common.ts";
import type { Invitation, InvitationWay } from "../protocol/invitations.ts";
import type { LinkAnswer, linkBodySchema, TicketAnswer } from "../protocol/links.ts";
import type { ReportAnswer, ReportBody } from "../protocol/reports.ts";
import type {
  CreateSession,
  SessionAnswer,
  SessionDetail,
  SessionListItem,
  SessionResult,
  SessionStatus,
} from "../protocol/rest.ts";
import { redactUrl } from "../util/redact-url.ts";
import { type CreationOptions, createSession, type SessionLimits } from "./create-session.ts";
import { type Created, Idempotency } from "./idempotency.ts";
import { outcomeOf } from "./lifecycle/outcome.ts";
import { lastNumber, type ResumableSession } from "./lifecycle/resume.ts";
import type { Session } from "./lifecycle/session.ts";
import { NO_LIVE_FACTS, stateEvent } from "./lifecycle/session-event-publisher.ts";
import type { SessionFiles } from "./lifecycle/session-files.ts";
import type { Claim } from "./operators/claim.ts";
import type { LinkBounds, OperatorLinks } from "./operators/operator-links.ts";
import type { RestCaller } from "./operators/operators.ts";
import { type Lens, Viewer, type ViewerForm, type ViewerRights, type ViewerSocket } from "./pictures/viewer.ts";
import type { CropHelper } from "./ports/crops.ts";
import type { MouseInput, OpenPage, ResumePage, Sound } from "./ports/page.ts";
import type { PublicUrls } from "./ports/public-urls.ts";
import type { SessionRecord, SessionStore } from "./ports/store.ts";
import type { Uploads } from "./ports/uploads.ts";
import { listItem, sessionAnswer, statusOf } from "./presenters.ts";
import { SessionRegistry } from "./registry.ts";
import { moveUrlCredentials } from "./url-credentials.ts";

/** The most rows of one list. */
const LIST_LIMIT = 500;
/** The longest wait of a timer; a session's own deadline comes first. */
const MAX_WAIT_MS = 2 ** 31 - 1;

const ANYBODY: Caller = { kind: "anybody" };

export interface ControllerDeps {
  readonly config: SessionLimits;
  readonly store: SessionStore;
  readonly uploads: Uploads;
  readonly events: EventPublisher;
  readonly openPage: OpenPage;
  readonly resumePage: ResumePage;
  /** Sessions of an earlier server whose pages may still exist. */
  readonly resumable: readonly ResumableSession[];
  readonly links: OperatorLinks;
  /** Ports of this machine that no URL of a caller may name. */
  readonly neverPorts: () => ReadonlySet<number>;
  readonly log: Logger;
  readonly urls: PublicUrls;
  /** Called with each new report [R23] of a bot on its ended session. */
  readonly onReported?: (record: SessionRecord, correct: boolean) => void;
  /** Interval of the store's maintenance; left out: a minute. */
  readonly sweepEveryMs?: number;
  /** [S11] How long a page may work by itself before a person is asked for; left out: 8 s. */
  readonly workingPatienceMs?: number | undefined;
}

/** A viewer and the session that it has joined. */
export interface Seat {
  readonly session: Session;
  readonly viewer: Viewer;
}

/** `welcomed` settles when the viewer was sent all that it needs to begin. */
export interface Joined extends Seat {
  readonly welcomed: Promise<void>;
}

export class CaptchaRemoteController {
  readonly #deps: ControllerDeps;
  readonly #sessions: SessionRegistry;
  readonly #idempotency: Idempotency;
  #viewerNumber: number;
  #closing = false;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#idempotency = new Idempotency(deps.store, deps.log);
    const { store, uploads, events, log, config, sweepEveryMs, workingPatienceMs, openPage, resumePage } = deps;
    const { retentionSeconds, maxTimeoutSeconds } = config;
    const times = { retentionSeconds, maxTimeoutSeconds, sweepEveryMs, workingPatienceMs };
    this.#sessions = new SessionRegistry({ store, uploads, events, log, ...times });
    for (const resumable of deps.resumable) this.#sessions.resume(resumable, openPage, resumePage);
    this.#viewerNumber = lastNumber(deps.resumable);
  }

  /**
   * [R10] Creates a session. Resolves when its page is ready, or at once with `respondAsync`.
   * Throws AppError shutting_down, invalid_message, and as createSession() and Idempotency.get() do.
   */
  async create(given: CreateSession, options: CreationOptions = {}): Promise<SessionAnswer> {
    const body = moveUrlCredentials(given);
    const { idempotencyKey, caller } = options;
    const create = () => this.#create(body, options);
    // The owner is part of the key: a bot must not get the answer to another bot's creation.
    const key = `${(caller && ownerOf(caller)) ?? ""} ${idempotencyKey}`;
    return this.#answer(await (idempotencyKey === undefined ? create() : this.#idempotency.get(key, body, create)));
  }

  /** [R1] The sessions in these states that the caller may see, newest first, at most 500. */
  list(states: readonly SessionState[] = LIVING_STATES, caller: Caller = ANYBODY): SessionListItem[] {
    const records = this.#deps.store.list({ states, scope: scopeOf(caller), limit: LIST_LIMIT });
    return records.filter((record) => mayList(caller, record)).map((record) => this.#listItem(record));
  }

  /** [R20] How many sessions are open. */
  get open(): SessionRegistry["open"] {
    return this.#sessions.open;
  }

  /** The facts about a session that decide who may see it; undefined for an unknown id. */
  subject(id: string): Subject | undefined {
    return this.#sessions.find(id);
  }

  /** [R2] One session with a picture taken now, as base64. Throws session_not_found. */
  async detail(id: string, caller: Caller = ANYBODY): Promise<SessionDetail> {
    const record = this.#sessions.record(id);
    const page = this.#sessions.living(id)?.page ?? null;
    const picture = await page?.picture("challenge", 1).catch(() => null);
    return {
      ...this.#listItem(record),
      screenshot: picture?.jpeg.toString("base64") ?? null,
      captcha_info: page?.challenge ?? null,
      viewport: record.viewport,
      // A query may be as secret as a cookie: only the key that sent it knows it already.
      url: record.owner === ownerOf(caller) ? record.url : redactUrl(record.url),
      metadata: record.metadata ?? null,
      verified: record.verified,
      report: isOwner(caller, record) ? (this.#deps.store.report(record.uid) ?? null) : null,
    };
  }

  /**
   * [R3] A JPEG of a living session's view. Throws session_not_found, session_ended, timeout (the page is not ready).
   */
  async screenshot(id: string): Promise<Buffer> {
    const { page } = this.#sessions.session(id);
    if (!page) throw new AppError("timeout", { waiting_for: "page" });
    return (await page.picture("challenge", 1)).jpeg;
  }

  /** [R4] Replays one mouse event. Resolves with whether the session is solved now. Throws as Session.restInput(). */
  async mouse(id: string, input: MouseInput, by?: RestCaller): Promise<boolean> {
    const session = this.#sessions.session(id);
    await session.restInput(input, by);
    return session.record.state === "solved";
  }

  /** [R5] Checks the rules of a living session; an unknown id counts as not completed. */
  async checkCompletion(id: string): Promise<boolean> {
    const session = this.#sessions.living(id);
    return session ? (await session.check()).completed : this.#sessions.find(id)?.state === "solved";
  }

  /** [R6] Resolves at the end of the session, after `waitSeconds`, or when `signal` aborts. Never throws. */
  async status(id: string, waitSeconds: number, signal: AbortSignal): Promise<SessionStatus> {
    const session = this.#sessions.living(id);
    await session?.waitForEnd(waitSeconds * 1_000, signal);
    // The record of the session that was waited for: another one may have its id by now.
    const record = session?.record ?? this.#sessions.find(id);
    return statusOf(id, record);
  }

  /** [R7] Ends a living session as cancelled; false if there is none. */
  cancel(id: string): boolean {
    const session = this.#sessions.living(id);
    session?.end("cancelled", "cancelled_by_bot");
    return session !== undefined;
  }

  /** [R11] The result of an ended session. Throws session_not_found, not_ended. */
  async result(id: string): Promise<SessionResult> {
    const record = this.#sessions.record(id);
    if (!isEnd(record.state)) throw new AppError("not_ended", { state: record.state });
    await this.#sessions.released(record);
    const storageState = this.#deps.store.storageState(record.uid);
    const report = this.#deps.store.report(record.uid);
    return {
      ...outcomeOf(record, storageState !== undefined),
      ...(report === undefined ? {} : { report }),
      ...(storageState === undefined ? {} : { storage_state: storageState }),
    };
  }

  /**
   * [R23] Stores the bot's report on its ended session; `isNew` is false if the same report was stored before. Throws
   * session_not_found, not_ended, already_reported.
   */
  report(id: string, { correct, note = "" }: ReportBody): { readonly answer: ReportAnswer; readonly isNew: boolean } {
    const record = this.#sessions.record(id);
    if (!isEnd(record.state)) throw new AppError("not_ended", { state: record.state });
    const report = { correct, note: note === "" ? null : note, reported_at: new Date().toISOString() };
    const { store, onReported } = this.#deps;
    const isNew = store.saveReport(record.uid, report);
    const stored = isNew ? report : store.report(record.uid);
    if (!stored) throw new AppError("session_not_found", { session_id: id });
    if (stored.correct !== report.correct || stored.note !== report.note) {
      throw new AppError("already_reported", { correct: stored.correct, reported_at: stored.reported_at });
    }
    if (isNew) onReported?.(record, correct);
    return { answer: { session_id: id, ...stored }, isNew };
  }

  /** The same, but waits for the end. Rejects with the reason of `signal` when that aborts. */
  async resultAtEnd(id: string, signal: AbortSignal): Promise<SessionResult> {
    await this.#sessions.living(id)?.waitForEnd(MAX_WAIT_MS, signal);
    signal.throwIfAborted();
    return this.result(id);
  }

  /**
   * [R24] Types a person's one-time code. Throws session_not_found, and as CodeAnswers.give(). `repeatKey` is the
   * caller's own.
   */
  answerCode(
    id: string,
    answer: CodeAnswerBody,
    { by, repeatKey }: { readonly by: RestCaller; readonly repeatKey: string | undefined },
  ): Promise<CodeResult> {
    return this.#sessions.session(id).answerCode(answer, by, repeatKey);
  }

  /** [R32] Lets the bot crop its own page. Throws as Crops.takeCropHelper(). */
  async takeCropHelper(id: string, helper: CropHelper): Promise<() => void> {
    return this.#sessions.session(id).takeCropHelper(helper);
  }

  /** [R12] Moves the deadline and returns the new one, in ISO 8601. Throws session_not_found, session_ended. */
  extend(id: string, seconds: number): string {
    const session = this.#sessions.session(id);
    session.extend(seconds);
    return new Date(session.record.expires_at).toISOString();
  }

  /** [R19] The claim on a living session. Throws session_not_found, session_ended. */
  claim(id: string): Claim {
    return this.#sessions.session(id).claim;
  }

  /** [R13] Makes a link to a living session. Throws session_not_found, session_ended, rate_limited. */
  makeLink(
    id: string,
    body: Pick<z.output<typeof linkBodySchema>, "role" | "ttl_seconds">,
    bounds?: LinkBounds,
  ): Promise<LinkAnswer> {
    const usual = { seconds: this.#deps.config.maxTimeoutSeconds };
    return this.#deps.links.make(this.#sessions.session(id).record, body, bounds ?? usual);
  }

  /** [M5] What an agent gives to its person. Throws session_not_found, session_ended. */
  invite(id: string, way: InvitationWay): Promise<Invitation> {
    return this.#deps.links.invite(this.#sessions.session(id).record, way);
  }

  /** [M6] Exchanges a code for a link. An unknown or ended session has no code. Throws as OperatorLinks.redeem(). */
  async redeemCode(id: string, code: string): ReturnType<OperatorLinks["redeem"]> {
    const session = this.#sessions.living(id);
    if (!session) return { link: null, isCounted: false };
    return this.#deps.links.redeem(session.record, code, this.#deps.config.maxTimeoutSeconds);
  }

  /** [R13] Revokes a link. Throws session_not_found, link_not_found. */
  revokeLink(id: string, linkId: string): void {
    this.#deps.links.revoke(this.#sessions.record(id), linkId);
  }

  /**
   * [R16] Issues a ticket that opens the operator socket of a living session once. Throws session_not_found,
   * session_ended.
   */
  ticket(id: string, caller: Caller): TicketAnswer {
    return this.#deps.links.ticket(this.#sessions.session(id).record, caller);
  }

  /** [R25] The files of a living session's operators. Throws session_not_found, session_ended. */
  files(id: string): SessionFiles {
    return this.#sessions.session(id).files;
  }

  /** [R26] A sound of a living session's page. Throws session_not_found, session_ended, sound_not_found. */
  sound(id: string, soundId: string): Sound {
    const sound = this.#sessions.session(id).page?.sound(soundId);
    if (!sound) throw new AppError("sound_not_found", { sound_id: soundId });
    return sound;
  }

  /** [R14] The events of a session, as EventPublisher.follow() yields them. Throws session_not_found. */
  follow(id: string, after: number | undefined, signal: AbortSignal): ReturnType<EventPublisher["follow"]> {
    const { uid } = this.#sessions.record(id);
    const currentState = () =>
      stateEvent(this.#sessions.record(id), this.#sessions.living(id)?.liveFacts ?? NO_LIVE_FACTS);
    return this.#deps.events.follow({ uid, session_id: id, currentState }, after, signal);
  }

  /**
   * [W2] Joins a session as a viewer that sees it through `lens` from the start. It is one of its operators at once.
   * Throws session_not_found, session_ended; `welcomed` rejects with session_ended.
   */
  join(id: string, socket: ViewerSocket, form: ViewerForm, rights: ViewerRights = {}, lens?: Lens): Joined {
    const session = this.#sessions.session(id);
    const viewer = new Viewer(`operator-${++this.#viewerNumber}`, socket, form, rights);
    if (lens) viewer.setLens(lens);
    return { session, viewer, welcomed: session.join(viewer) };
  }

  /** The answer to the creation of a living session; undefined if there is none with this id. */
  async living(id: string): Promise<SessionAnswer | undefined> {
    const session = this.#sessions.living(id);
    return session && this.#answer(this.#created(session));
  }

  /**
   * Ends every session as cancelled / shutting_down; with KEEP_BROWSERS, detaches from those that the next server can
   * resume. Resolves when their browsers are gone or detached. The store stays open.
   */
  async close(): Promise<void> {
    this.#closing = true;
    for (const session of this.#sessions.all()) {
      if (this.#deps.config.keepBrowsers && session.detach()) this.#sessions.retire(session);
      else session.end("cancelled", "shutting_down");
    }
    await this.#sessions.close();
  }

  #listItem(record: SessionRecord): SessionListItem {
    const session = this.#sessions.livingOf(record);
    return listItem(record, session?.operators.size ?? 0, session?.claim.now);
  }

  async #create(body: CreateSession, options: CreationOptions): Promise<Created> {
    if (this.#closing) throw new AppError("shutting_down");
    const session = await createSession(body, options, { ...this.#deps, registry: this.#sessions });
    return this.#created(session);
  }

  #created({ record, page }: Session): Created {
    return { uid: record.uid, answer: sessionAnswer(record, page ?? null, this.#deps.urls) };
  }

  async #answer({ uid, answer }: Created): Promise<SessionAnswer> {
    return { ...answer, control_url: await this.#deps.links.controlUrl({ uid, session_id: answer.session_id }) };
  }
}
