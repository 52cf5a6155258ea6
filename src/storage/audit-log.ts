/** The audit trail in SQLite. The table's triggers refuse changes; the chain reveals those that bypass the triggers. */
import type { DatabaseSync } from "node:sqlite";
import type { AuditEntry, AuditLog, AuditQuery, ChainedEntry } from "../audit/audit-log.ts";
import { checkChain, FIRST_LINK, linkHash, type Noted, type Row, type Verification } from "../audit/chain.ts";
import { inOneStep } from "./database.ts";
import { parseOwn } from "./schema.ts";

/** Rows that are read at once while the chain is verified. */
const BATCH = 1_000;
/** The smallest integer of SQLite. */
const SMALLEST = -(2n ** 63n);

export class SqliteAuditLog implements AuditLog {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  append(entry: AuditEntry, at: number): void {
    // Inside a transaction of the caller's, the write lock is held already.
    if (this.#db.isTransaction) this.#append(entry, at);
    else inOneStep(this.#db, () => this.#append(entry, at));
  }

  page({ limit, before = Number.MAX_SAFE_INTEGER, sessionId }: AuditQuery): ChainedEntry[] {
    const ofSession = sessionId === undefined ? "" : "AND json_extract(entry, '$.session_id') = ?";
    return this.#db
      .prepare(`SELECT seq, at, entry, hash FROM audit WHERE seq < ? ${ofSession} ORDER BY seq DESC LIMIT ?`)
      .all(before, ...(sessionId === undefined ? [] : [sessionId]), limit)
      .map(({ seq, at, entry, hash }) => ({
        ...parseOwn<AuditEntry>(entry),
        seq: Number(seq),
        at: Number(at),
        hash: String(hash),
      }));
  }

  verify(noted?: Noted): Verification {
    return checkChain(this.#rows(), noted);
  }

  /** Reads the newest row inside the transaction, so that two processes never chain to the same row. */
  #append(entry: AuditEntry, at: number): void {
    const last = this.#db.prepare("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").get();
    const seq = Number(last?.["seq"] ?? 0) + 1;
    const { who, address, action, session_id, uid, detail } = entry;
    const text = JSON.stringify({ who, address, action, session_id, uid, detail });
    const hash = linkHash(String(last?.["hash"] ?? FIRST_LINK), { seq: String(seq), at: String(at), entry: text });
    this.#db.prepare("INSERT INTO audit (seq, at, entry, hash) VALUES (?, ?, ?, ?)").run(seq, at, text, hash);
  }

  /** All rows in batches; rows that are appended meanwhile come at the end. */
  *#rows(): Generator<Row> {
    const next = this.#db.prepare(
      `SELECT CAST(seq AS TEXT) AS seq, CAST(at AS TEXT) AS at, entry, hash FROM audit
       WHERE audit.seq >= ? ORDER BY audit.seq LIMIT ${BATCH}`,
    );
    for (let from = SMALLEST; ; ) {
      const rows = next.all(from) as unknown as Row[];
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < BATCH) return;
      from = BigInt(last.seq) + 1n;
    }
  }
}
