/** The audit trail: who did what, and when. A failed write does not stop the act. */
import type { Logger } from "pino";
import type { Action } from "../protocol/audit.ts";
import { Allowance } from "./allowance.ts";
import type { AuditEntry, AuditLog, ChainedEntry, Detail } from "./audit-log.ts";

/** Longer texts are cut: no recorded fact needs more. */
const MAX_TEXT_LENGTH = 200;
/** The most facts of one act; more are left out. */
const MAX_FACTS = 10;
/** The most entries that wait while the store cannot write; beyond them the newest are lost. */
const MAX_WAITING = 1_000;

export interface AuditTrailDeps {
  readonly entries: AuditLog;
  /** The uid of the newest session with this session_id. */
  readonly uidOf: (sessionId: string) => string | null;
  readonly log: Logger;
}

/** An act to record. */
export interface Act {
  readonly who: string;
  readonly address: string | null;
  readonly action: Action;
  readonly session_id?: string | null;
  /** The session's uid; left out: that of the newest session with this session_id. */
  readonly uid?: string;
  readonly detail?: Detail | null;
}

export class AuditTrail {
  readonly #deps: AuditTrailDeps;
  readonly #allowance = new Allowance();
  /** Entries that the store could not write (disk full, say), oldest first: they are written before newer ones. */
  readonly #waiting: { readonly entry: AuditEntry; readonly at: number }[] = [];

  constructor(deps: AuditTrailDeps) {
    this.#deps = deps;
    this.#logNewest();
  }

  /** Records an act that has succeeded. Never throws: an entry that cannot be written yet waits. */
  record({ who, address, action, session_id: sessionId = null, uid, detail = null }: Act): void {
    const { allowed, leftOut } = this.#allowance.ask(sessionId ?? who, action, performance.now());
    if (!allowed) return;
    const facts = leftOut > 0 ? { ...detail, left_out: leftOut } : detail;
    const entry = {
      who: who.slice(0, MAX_TEXT_LENGTH),
      address: address?.slice(0, MAX_TEXT_LENGTH) ?? null,
      action,
      session_id: sessionId,
      uid: uid ?? this.#uidOf(sessionId),
      detail: facts && bounded(facts),
    };
    this.#waiting.push({ entry, at: Date.now() });
    this.#write();
  }

  /** Newest first. */
  page(query: Parameters<AuditLog["page"]>[0]): ChainedEntry[] {
    return this.#deps.entries.page(query);
  }

  /** Tries once more to write the entries that wait. */
  close(): void {
    this.#write();
    this.#logNewest();
  }

  /**
   * Logs the newest entry and its hash: the log is stored elsewhere, so entries that are cut off later are missed
   * there.
   */
  #logNewest(): void {
    const [newest] = this.#deps.entries.page({ limit: 1 });
    if (newest) this.#deps.log.info({ seq: newest.seq, hash: newest.hash }, "newest entry of the audit trail");
  }

  #write(): void {
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        this.#deps.entries.append(next.entry, next.at);
        this.#waiting.shift();
      }
    } catch (error) {
      const isFull = this.#waiting.length > MAX_WAITING;
      const given = isFull ? this.#waiting.pop() : this.#waiting.at(-1);
      const { action, session_id } = given?.entry ?? {};
      const what = isFull ? "audit entry lost: it could not be written" : "audit entry could not be written yet";
      this.#deps.log.error({ err: error, action, session_id }, what);
    }
  }

  #uidOf(sessionId: string | null): string | null {
    try {
      return sessionId === null ? null : this.#deps.uidOf(sessionId);
    } catch {
      // A store that cannot be read cannot be written either, and that failure is logged.
      return null;
    }
  }
}

function bounded(detail: Detail): Detail {
  const facts = Object.entries(detail).slice(-MAX_FACTS);
  return Object.fromEntries(
    facts.map(([name, value]) => [name, typeof value === "string" ? value.slice(0, MAX_TEXT_LENGTH) : value]),
  );
}
