/** The port to the audit trail's storage: one append-only chain of entries. */
import type { Action } from "../protocol/audit.ts";
import type { Noted, Verification } from "./chain.ts";

/** Facts about an act: never typed text, secrets or URL queries. */
export type Detail = Readonly<Record<string, string | number | boolean | null>>;

/** One act. Stored as JSON with the fields in this order. */
export interface AuditEntry {
  /** The name of the caller (`nameOf`), or `server`, `program`, `cli`. */
  readonly who: string;
  readonly address: string | null;
  readonly action: Action;
  readonly session_id: string | null;
  /** The session's uid, because its session_id may be used again. */
  readonly uid: string | null;
  readonly detail: Detail | null;
}

export interface ChainedEntry extends AuditEntry {
  readonly seq: number;
  /** ms since 1970 */
  readonly at: number;
  readonly hash: string;
}

export interface AuditQuery {
  readonly limit: number;
  /** Only entries with a smaller `seq`. */
  readonly before?: number | undefined;
  readonly sessionId?: string | undefined;
}

export interface AuditLog {
  /** Appends an entry to the newest one, also if a command beside the server wrote that. Throws if it cannot write. */
  append(entry: AuditEntry, at: number): void;
  /** Newest first. */
  page(query: AuditQuery): ChainedEntry[];
  /** Verifies the whole chain. `noted` is an entry whose hash was written down elsewhere at an earlier time. */
  verify(noted?: Noted): Verification;
}
