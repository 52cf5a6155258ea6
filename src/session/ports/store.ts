/** The ports to what is kept of sessions: plain records in and out. */
import type { SessionScope } from "../../auth/permissions.ts";
import type { Callback } from "../../events/event-log.ts";
import type { CaptchaInfo, SessionState, Size, Verified } from "../../protocol/common.ts";
import type { CreateSession, Evidence, SessionAnswer, StorageState } from "../../protocol/rest.ts";
import type { ResumeState } from "./resume-state.ts";

/** What is kept of a session. Times are ms since 1970. */
export interface SessionRecord {
  /** Unique over all time; a session_id may be used again once its session has ended. */
  readonly uid: string;
  readonly session_id: string;
  /** The id of the key that created it; null: nobody's. */
  readonly owner: string | null;
  /** Its id alone opens it: for older clients, which have nothing else. */
  readonly legacy_open: boolean;
  state: SessionState;
  reason: string | null;
  verified: Verified;
  evidence: Evidence[];
  note: string | null;
  readonly label: string | null;
  readonly instructions: string | null;
  readonly metadata: CreateSession["metadata"] | null;
  /** As it was asked for, or where the bot's own page was when it was attached. */
  url: string;
  viewport: Size;
  /** Where the proxy of its browser listens; null for a bot's own page, and before the page is open. */
  proxy_port: number | null;
  /** Where the challenge was when it was last told. */
  captcha_info: CaptchaInfo | null;
  /** Whether an operator who could act was there: the first is told apart. */
  operator_came: boolean;
  /** Where its bot's own trace was when it was asked for (W3C `traceparent`), as it was sent. */
  readonly traceparent: string | null;
  /** Moves only with the wall clock, when that is set [S6]. */
  created_at: number;
  expires_at: number;
  ended_at: number | null;
}

/** What a creation answered, but for the address of the console. */
export type CreatedAnswer = Omit<SessionAnswer, "control_url">;

/** The first answer to a creation with an Idempotency-Key, and a hash of the body it answered. */
export interface IdempotentAnswer {
  readonly body_hash: string;
  readonly uid: string;
  /** Without its link, which is a secret and made again when asked for. */
  readonly answer: CreatedAnswer;
}

/** A record with its place in the history: what ended later has a higher one. */
export interface EndedRecord {
  readonly cursor: HistoryCursor;
  readonly record: SessionRecord;
}

export interface HistoryCursor {
  readonly ended_at: number;
  /** Tells apart what ended in the same millisecond. */
  readonly row: number;
}

/** Which records a list has, newest first. */
export interface ListFilter {
  readonly states: readonly SessionState[];
  /** Of the sessions that a key operates only those that live; null: everybody's. */
  readonly scope: SessionScope | null;
  readonly limit: number;
}

/** What is left out is not asked for. Times are ms since 1970. */
export interface HistoryFilter {
  readonly scope: SessionScope | null;
  readonly states?: readonly SessionState[] | undefined;
  readonly reason?: string | undefined;
  readonly label?: string | undefined;
  readonly session_id?: string | undefined;
  /** Ended then or later. */
  readonly since?: number | undefined;
  /** Ended before. */
  readonly until?: number | undefined;
  /** Ended before what has this place. */
  readonly before?: HistoryCursor | undefined;
  readonly limit: number;
}

/** Records of sessions. */
export interface SessionRecords {
  /** Inserts a new record and where its webhooks go, if anywhere: both, for good, or, where that throws, nothing. */
  create(record: SessionRecord, callback: Callback | null): void;
  /**
   * Inserts or replaces the record with this uid. An end is written for good, and what was remembered of the page is
   * forgotten in the same step.
   */
  save(record: SessionRecord): void;
  /** The record with this session_id that was created last, whatever its times say: the wall clock may have been set back. */
  find(sessionId: string): SessionRecord | undefined;
  /** The newest records, as many as `limit`, among those that the filter lets through. */
  list(filter: ListFilter): SessionRecord[];
  /** Ended records whose end is not in the log of events, oldest first: a server that was killed did not publish it. */
  missedEnds(): SessionRecord[];
  /** Ended records, newest end first, as far as they fit. */
  history(filter: HistoryFilter): EndedRecord[];
}

/** What is remembered of the pages of living sessions, for a restart. */
export interface ResumeStates {
  /** Adds to what is known of a living session's page, or replaces it; forgotten with the session's end. */
  saveResumeState(uid: string, parts: Partial<ResumeState>): void;
  resumeState(uid: string): Partial<ResumeState>;
}

/** Cookies and local storage at the end of sessions, by their uid. */
export interface StorageStates {
  saveStorageState(uid: string, state: StorageState): void;
  storageState(uid: string): StorageState | undefined;
}

/** Answers to creations by Idempotency-Key; an answer that is saved again replaces the first. */
export interface IdempotentAnswers {
  saveAnswer(key: string, answer: IdempotentAnswer, createdAt: number): void;
  answer(key: string): IdempotentAnswer | undefined;
}

/** All that is kept of sessions. */
export interface SessionStore extends SessionRecords, ResumeStates, StorageStates, IdempotentAnswers {
  /**
   * Removes what ended before this time (ms since 1970), with its events and links and what was given up of its webhooks,
   * and answers to Idempotency-Keys from before; returns how many sessions. Webhooks that wait stay. Afterwards no file
   * has what was removed before, secrets among it.
   */
  removeEndedBefore(time: number): number;
}
