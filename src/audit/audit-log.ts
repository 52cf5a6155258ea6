/** The port to the audit trail's storage: entries in one chain, only ever added to. */
import type { Action } from "../protocol/audit.ts";
import type { Noted, Verification } from "./chain.ts";

/** Facts about an act; never what was typed, no secrets, no URL queries. */
export type Detail = Readonly<Record<string, string | number | boolean | null>>;

/** Somebody did something. Written as JSON, in this order. */
export interface AuditEntry {
  /** A caller by its name (`nameOf`), or `server`, `program`, `cli`. */
  readonly who: string;
  readonly address: string | null;
  readonly action: Action;
  readonly session_id: string | null;
  /** Of the session: its session_id may be used again. */
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
  /** Adds an entry behind the newest, whoever wrote that: a command may do so beside the server. Throws when it cannot. */
  append(entry: AuditEntry, at: number): void;
  /** Newest first. */
  page(query: AuditQuery): ChainedEntry[];
  /** Walks the whole chain. `noted` is an entry whose hash was written down somewhere else at an earlier time. */
  verify(noted?: Noted): Verification;
}
