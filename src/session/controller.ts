/** CaptchaRemoteController: every living session, and the only door through which http/ reaches them. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Logger } from "pino";
import type { z } from "zod";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import type { SessionState } from "../protocol/common.ts";
import type {
  CreateSession,
  SessionAnswer,
  SessionDetail,
  SessionListItem,
  SessionResult,
  statusSchema,
} from "../protocol/rest.ts";
import { listItem, newRecord, outcomeOf, pageRequest, sessionAnswer } from "./answers.ts";
import { callbackOf } from "./callback.ts";
import type { EventFeed } from "./event-feed.ts";
import { endForgotten } from "./forgotten.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { MouseInput, OpenPage } from "./page.ts";
import { Session } from "./session.ts";
import { NOBODY, stateEvent } from "./session-news.ts";
import { isEnd, LIVING_STATES } from "./state.ts";
import type { SessionRecord, SessionStore } from "./store.ts";
import { Viewer, type ViewerForm, type ViewerLine } from "./viewer.ts";

/** Rows of one list answer. */
const LIST_LIMIT = 500;
const SESSION_ID_BYTES = 16;
/** A session's own deadline comes first; timers cannot wait longer. */
const MAX_WAIT_MS = 2 ** 31 - 1;

type Status = z.infer<typeof statusSchema>;

export interface ControllerDeps {
  readonly config: Pick<
    Config,
    | "maxSessions"
    | "defaultTimeoutSeconds"
    | "maxTimeoutSeconds"
    | "retentionSeconds"
    | "urlAllowPrivate"
    | "webhookSecret"
  >;
  readonly store: SessionStore;
  readonly events: EventFeed;
  readonly openPage: OpenPage;
  readonly log: Logger;
  /** Origin plus base path that links are built from; known once the server listens. */
  readonly publicUrl: () => string;
  /** How often what is left undone is looked for; once a minute when left out. */
  readonly sweepEveryMs?: number;
}

export interface CreateOptions {
  /** Answer at once, in `starting`. */
  readonly respondAsync?: boolean;
  readonly idempotencyKey?: string | undefined;
  /** In place of the usual way: for a page that is in hand already. */
  readonly openPage?: OpenPage;
  /** Aborted at any time, it ends the session as DELETE does. */
  readonly signal?: AbortSignal;
}

/** A viewer's place in a session. */
export interface Seat {
  readonly session: Session;
  readonly viewer: Viewer;
}

export class CaptchaRemoteController {
  readonly #deps: ControllerDeps;
  readonly #living = new Map<string, Session>();
  /** Ended sessions whose pages are still being let go of, by uid. */
  readonly #releasing = new Map<string, { readonly id: string; readonly released: Promise<void> }>();
  readonly #creating = new Map<string, { bodyHash: string; answer: Promise<SessionAnswer> }>();
  readonly #housekeeping: Housekeeping;
  #viewerNumber = 0;
  #closing = false;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    endForgotten(deps.store, deps.events);
    const { store, events, log, config, sweepEveryMs } = deps;
    const isReleasing = (uid: string) => this.#releasing.has(uid);
    const { retentionSeconds } = config;
    this.#housekeeping = new Housekeeping({ store, events, log, retentionSeconds, isReleasing, sweepEveryMs });
  }

  /**
   * [R10] Creates a session and answers when its page is ready (or at once with `respondAsync`).
   * AppError: shutting_down, capacity, session_exists, invalid_message, and whatever OpenPage throws.
   */
  async create(body: CreateSession, options: CreateOptions = {}): Promise<SessionAnswer> {
    const { idempotencyKey } = options;
    if (idempotencyKey === undefined) return this.#create(body, options);
    const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
    const stored = this.#deps.store.answer(idempotencyKey);
    const first = stored
      ? { bodyHash: stored.body_hash, answer: Promise.resolve(stored.answer) }
      : this.#creating.get(idempotencyKey);
    if (first) {
      if (first.bodyHash === bodyHash) return first.answer;
      throw new AppError("invalid_message", { field: "idempotency-key", why: "already used with another body" });
    }
    const answer = this.#create(body, options);
    this.#creating.set(idempotencyKey, { bodyHash, answer });
    try {
      this.#deps.store.saveAnswer(idempotencyKey, { body_hash: bodyHash, answer: await answer }, Date.now());
      return await answer;
    } finally {
      this.#creating.delete(idempotencyKey);
    }
  }

  /** [R1] Living sessions, or the stored ones in the given states; newest first. */
  list(states: readonly SessionState[] = LIVING_STATES): SessionListItem[] {
    return this.#deps.store.list(states, LIST_LIMIT).map((record) => listItem(record, this.#operators(record)));
  }

  /** [R2] One session with a picture taken now. */
  async detail(id: string): Promise<SessionDetail> {
    const record = this.#record(id);
    const page = this.#living.get(id)?.page ?? null;
    const picture = await page?.picture("challenge", 1).catch(() => null);
    return {
      ...listItem(record, this.#operators(record)),
      screenshot: picture?.jpeg.toString("base64") ?? null,
      captcha_info: page?.challenge ?? null,
      viewport: record.viewport,
      url: record.url,
      instructions: record.instructions,
      metadata: record.metadata ?? null,
      verified: record.verified,
    };
  }

  /** [R3] The JPEG of a living session's view. */
  async screenshot(id: string): Promise<Buffer> {
    const { page } = this.#session(id);
    if (!page) throw new AppError("timeout", { waiting_for: "page" });
    return (await page.picture("challenge", 1)).jpeg;
  }

  /** [R4] */
  async mouse(id: string, input: MouseInput): Promise<boolean> {
    const session = this.#session(id);
    await session.restInput(input);
    return session.completed;
  }

  /** [R5] An unknown id is simply not completed. */
  async checkCompletion(id: string): Promise<boolean> {
    const session = this.#living.get(id);
    return session ? (await session.check()).completed : this.#housekeeping.find(id)?.state === "solved";
  }

  /** [R6] Answers at the end of the session or after `waitSeconds`. */
  async status(id: string, waitSeconds: number, signal: AbortSignal): Promise<Status> {
    await this.#living.get(id)?.waitForEnd(waitSeconds * 1_000, signal);
    const record = this.#housekeeping.find(id);
    return {
      success: true,
      completed: record?.state === "solved",
      session_exists: record !== undefined && (!isEnd(record.state) || record.state === "solved"),
      session_id: id,
      state: record?.state ?? null,
      reason: record?.reason ?? null,
      verified: record?.verified ?? null,
    };
  }

  /** [R7] */
  cancel(id: string): void {
    this.#living.get(id)?.end("cancelled", "cancelled_by_bot");
  }

  /** [R11] What the session came to. Throws not_ended before. */
  async result(id: string): Promise<SessionResult> {
    const record = this.#record(id);
    if (!isEnd(record.state)) throw new AppError("not_ended", { state: record.state });
    await this.#releasing.get(record.uid)?.released;
    const storageState = this.#deps.store.storageState(record.uid);
    const outcome = outcomeOf(record, storageState !== undefined);
    return storageState === undefined ? outcome : { ...outcome, storage_state: storageState };
  }

  /** The same, as soon as the session has ended. Rejects with what `signal` aborts with. */
  async resultAtEnd(id: string, signal: AbortSignal): Promise<SessionResult> {
    await this.#living.get(id)?.waitForEnd(MAX_WAIT_MS, signal);
    signal.throwIfAborted();
    return this.result(id);
  }

  /** [R12] The new deadline. */
  extend(id: string, seconds: number): string {
    const session = this.#session(id);
    session.extend(seconds);
    return new Date(session.record.expires_at).toISOString();
  }

  /** [R14] The events of a session, as EventFeed.follow gives them. Throws session_not_found. */
  follow(id: string, after: number | undefined, signal: AbortSignal): ReturnType<EventFeed["follow"]> {
    const { uid } = this.#record(id);
    const present = () => stateEvent(this.#record(id), this.#living.get(id)?.present ?? NOBODY);
    return this.#deps.events.follow({ uid, session_id: id, present }, after, signal);
  }

  /** [W2] A viewer joins a session. Throws session_not_found, session_ended. */
  async join(id: string, line: ViewerLine, form: ViewerForm, role?: Viewer["role"]): Promise<Seat> {
    const session = this.#session(id);
    const seat = { session, viewer: new Viewer(`operator-${++this.#viewerNumber}`, line, form, role) };
    await session.join(seat.viewer);
    return seat;
  }

  /** What creation answered, for a session that lives; undefined otherwise. */
  living(id: string): SessionAnswer | undefined {
    const session = this.#living.get(id);
    return session && this.#answer(session);
  }

  /** Ends every session as cancelled / shutting_down and waits until their browsers are gone. The store stays open. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const session of [...this.#living.values()]) session.end("cancelled", "shutting_down");
    await Promise.all([...this.#releasing.values()].map(({ released }) => released));
    this.#housekeeping.stop();
  }

  async #create(body: CreateSession, options: CreateOptions): Promise<SessionAnswer> {
    if (this.#closing) throw new AppError("shutting_down");
    const id = body.session_id ?? randomBytes(SESSION_ID_BYTES).toString("base64url");
    if (this.#living.has(id)) throw new AppError("session_exists", { field: "session_id" });
    if (this.#living.size >= this.#deps.config.maxSessions) throw new AppError("capacity");
    const callback = callbackOf(body, this.#deps.config);
    const cancel = () => this.cancel(id);
    const record = newRecord(id, body, this.#deps.config);
    // First, and in one step: what cannot be written leaves nothing behind.
    this.#deps.store.create(record, callback);
    const session = new Session(record, {
      store: this.#deps.store,
      save: (changed) => this.#housekeeping.save(changed),
      log: this.#deps.log.child({ session_id: id }),
      maxTimeoutSeconds: this.#deps.config.maxTimeoutSeconds,
      tell: (event) => this.#deps.events.publish(record.uid, event),
      onEnd: (ended) => {
        options.signal?.removeEventListener("abort", cancel);
        this.#forget(ended);
      },
    });
    this.#living.set(id, session);
    options.signal?.addEventListener("abort", cancel, { once: true });
    const openPage = options.openPage ?? this.#deps.openPage;
    const ready = session.start(this.#openPageAfterLast(id, openPage), pageRequest(record, body));
    if (!options.respondAsync) await ready;
    return this.#answer(session);
  }

  /** An ended session with this id must have let go of its page first: both use the same profile folder. */
  #openPageAfterLast(id: string, openPage: OpenPage): OpenPage {
    const last = [...this.#releasing.values()].filter((ended) => ended.id === id).map(({ released }) => released);
    return async (request, events, signal) => {
      if (last.length > 0) await Promise.race([Promise.all(last), once(signal, "abort")]);
      signal.throwIfAborted();
      return openPage(request, events, signal);
    };
  }

  #answer({ record, page }: Session): SessionAnswer {
    return sessionAnswer(record, page?.challenge ?? null, this.#deps.publicUrl());
  }

  #forget(session: Session): void {
    const { uid, session_id: id } = session.record;
    this.#living.delete(id);
    const released = session.released.finally(() => this.#releasing.delete(uid));
    this.#releasing.set(uid, { id, released });
  }

  #operators(record: SessionRecord): number {
    return isEnd(record.state) ? 0 : (this.#living.get(record.session_id)?.crowd.size ?? 0);
  }

  #record(id: string): SessionRecord {
    const record = this.#living.get(id)?.record ?? this.#housekeeping.find(id);
    if (!record) throw new AppError("session_not_found", { session_id: id });
    return record;
  }

  /** The living session with this id. Throws session_not_found, session_ended. */
  #session(id: string): Session {
    const session = this.#living.get(id);
    if (session) return session;
    const { state, reason } = this.#record(id);
    throw new AppError("session_ended", { state, reason });
  }
}
