/** The ports to the storage of sessions: plain records in and out. */
import type { SessionScope } from "../../auth/permissions.ts";
import type { Callback } from "../../events/event-log.ts";
import type { CaptchaInfo, Contradiction, SessionState, Size, Verified } from "../../protocol/common.ts";
import type { Report } from "../../protocol/reports.ts";
import type { CreateSession, Evidence, SessionAnswer, StorageState } from "../../protocol/rest.ts";
import type { ResumeState } from "./resume-state.ts";

/** A session as it is stored. Times are ms since 1970. */
export interface SessionRecord {
  /** Unique for all time; a session_id may be used again once its session has ended. */
  readonly uid: string;
  readonly session_id: string;
  /** The id of the key that created it; null: nobody's. */
  readonly owner: string | null;
  /** Whether its session_id alone opens it: for older clients, which have nothing else. */
  readonly legacy_open: boolean;
  state: SessionState;
  reason: string | null;
  verified: Verified;
  evidence: Evidence[];
  /** What spoke against the operator's word that it was solved by. */
  contradicted_by: Contradiction[];
  note: string | null;
  readonly label: string | null;
  readonly instructions: string | null;
  readonly metadata: CreateSession["metadata"] | null;
  /** The requested URL, or the URL of the bot's own page when it was attached. */
  url: string;
  viewport: Size;
  /** The port of its browser's proxy; null for a bot's own page, and before the page is open. */
  proxy_port: number | null;
  /** The last known challenge. */
  captcha_info: CaptchaInfo | null;
  /** The kind of the challenge that was shown last, also after it has gone; null: none was found. */
  challenge_kind: string | null;
  /** Whether a person should come [S11]: false while it starts, while its page works by itself, and after the end. */
  needs_person: boolean;
  /** Whether an operator who could act has joined: the event says which one was the first. */
  operator_came: boolean;
  /** The bot's own trace at the creation, as it was sent (W3C `traceparent`). */
  readonly traceparent: string | null;
  /** Changes only if the wall clock is set [S6]. */
  created_at: number;
  expires_at: number;
  ended_at: number | null;
}

/** The answer to a creation, without the URL of the console. */
export type CreatedAnswer = Omit<SessionAnswer, "control_url">;

/** The first answer to a creation with an Idempotency-Key, and a hash of the body it answered. */
export interface IdempotentAnswer {
  readonly body_hash: string;
  readonly uid: string;
  /** Without its link, which is a secret and made anew for each answer. */
  readonly answer: CreatedAnswer;
}

/** A record with its position in the history. */
export interface EndedRecord {
  readonly cursor: HistoryCursor;
  readonly record: SessionRecord;
  /** What the bot reported of it [R23]; null: nothing. */
  readonly correct: boolean | null;
}

/** A position in the history: a later end has a higher one. */
export interface HistoryCursor {
  readonly ended_at: number;
  /** The row number orders ends of the same millisecond. */
  readonly row: number;
}

/** The filter of a list, newest first. */
export interface ListFilter {
  readonly states: readonly SessionState[];
  /** Sessions that a key merely operates are listed only while they live; null: all sessions. */
  readonly scope: SessionScope | null;
  readonly limit: number;
}

/** The filter of the history; a field that is left out filters nothing. Times are ms since 1970. */
export interface HistoryFilter {
  readonly scope: SessionScope | null;
  readonly states?: readonly SessionState[] | undefined;
  readonly reason?: string | undefined;
  readonly label?: string | undefined;
  readonly session_id?: string | undefined;
  /** Ended at this time or later. */
  readonly since?: number | undefined;
  /** Ended before this time. */
  readonly until?: number | undefined;
  /** Before this position in the history. */
  readonly before?: HistoryCursor | undefined;
  readonly limit: number;
}

/** The port to session records. */
export interface SessionRecords {
  /** Inserts a new record and its callback, both on the disk when it returns. If it throws, neither is stored. */
  create(record: SessionRecord, callback: Callback | null): void;
  /**
   * Inserts or replaces the record with this uid. An end is on the disk when it returns; the same step removes the
   * resume state.
   */
  save(record: SessionRecord): void;
  /**
   * The record with this session_id that was inserted last, whatever its times say: the wall clock may have been set
   * back.
   */
  find(sessionId: string): SessionRecord | undefined;
  /** The newest records that pass the filter, at most `limit`. */
  list(filter: ListFilter): SessionRecord[];
  /** Ended records whose end is not in the event log, oldest first: a killed server did not publish it. */
  missedEnds(): SessionRecord[];
  /** Ended records that pass the filter, newest end first, at most `limit`. */
  history(filter: HistoryFilter): EndedRecord[];
}

/** The port to the resume state of living sessions. */
export interface ResumeStates {
  /** Adds or replaces parts of a living session's resume state; does nothing for an ended one. */
  saveResumeState(uid: string, parts: Partial<ResumeState>): void;
  /** All stored parts; empty after the session's end. */
  resumeState(uid: string): Partial<ResumeState>;
}

/** The port to the storage states that sessions ended with, by uid. */
export interface StorageStates {
  saveStorageState(uid: string, state: StorageState): void;
  storageState(uid: string): StorageState | undefined;
}

/** The port to the bots' reports [R23], by uid. They are apart from the records, so that no list contains their notes. */
export interface Reports {
  /**
   * Stores the first report of a session; it is on the disk when this returns. False for a session that has one already
   * or is not stored.
   */
  saveReport(uid: string, report: Report): boolean;
  report(uid: string): Report | undefined;
}

/** The port to answers to creations, by Idempotency-Key; an answer that is saved again replaces the first. */
export interface IdempotentAnswers {
  saveAnswer(key: string, answer: IdempotentAnswer, createdAt: number): void;
  answer(key: string): IdempotentAnswer | undefined;
}

/** The port to all that is stored of sessions. */
export interface SessionStore extends SessionRecords, ResumeStates, StorageStates, Reports, IdempotentAnswers {
  /**
   * Removes sessions that ended before this time (ms since 1970) with their events, links and failed webhooks, and
   * older answers to Idempotency-Keys. Returns the number of removed sessions. Waiting webhooks stay. Afterwards no
   * file contains what was removed, secrets among it.
   */
  removeEndedBefore(time: number): number;
}
