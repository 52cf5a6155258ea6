/** Sessions in SQLite: records, resume state, storage states and answers to creations. */
import type { DatabaseSync } from "node:sqlite";
import type { Callback, DeliveryQueue } from "../events/event-log.ts";
import { isEnd } from "../protocol/common.ts";
import type { Report } from "../protocol/reports.ts";
import type { StorageState } from "../protocol/rest.ts";
import type { ResumeState } from "../session/ports/resume-state.ts";
import type {
  EndedRecord,
  HistoryFilter,
  IdempotentAnswer,
  ListFilter,
  SessionRecord,
  SessionStore,
} from "../session/ports/store.ts";
import { type DeletedRemains, inOneStep, onDisk } from "./database.ts";
import { readHistory, readList } from "./history.ts";
import { parseAnswer, parseOwn, parseRecord } from "./schema.ts";

export class SqliteSessionStore implements SessionStore {
  readonly #db: DatabaseSync;
  readonly #deliveries: DeliveryQueue;
  readonly #remains: DeletedRemains;

  /** `deliveries` uses the same database: a session and its callback are written in one transaction. */
  constructor(db: DatabaseSync, deliveries: DeliveryQueue, remains: DeletedRemains) {
    this.#db = db;
    this.#deliveries = deliveries;
    this.#remains = remains;
  }

  create(record: SessionRecord, callback: Callback | null): void {
    // A bot that got the session's id must find the session after a power cut.
    onDisk(this.#db, () => {
      this.#write(record);
      if (callback) this.#deliveries.saveCallback(record.uid, callback);
    });
  }

  save(record: SessionRecord): void {
    if (isEnd(record.state)) onDisk(this.#db, () => this.#writeEnd(record));
    else this.#write(record);
  }

  find(sessionId: string): SessionRecord | undefined {
    // Ordered by the row, because the wall clock may have been set back.
    const row = this.#db
      .prepare("SELECT record FROM sessions WHERE session_id = ? ORDER BY rowid DESC LIMIT 1")
      .get(sessionId);
    return row === undefined ? undefined : parseRecord(row["record"]);
  }

  missedEnds(): SessionRecord[] {
    return this.#db
      .prepare(
        `SELECT record FROM sessions WHERE ended_at IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM events WHERE events.uid = sessions.uid AND events.type = 'session.ended')
         ORDER BY ended_at`,
      )
      .all()
      .map((row) => parseRecord(row["record"]));
  }

  history(filter: HistoryFilter): EndedRecord[] {
    return readHistory(this.#db, filter);
  }

  list(filter: ListFilter): SessionRecord[] {
    return readList(this.#db, filter);
  }

  saveResumeState(uid: string, parts: Partial<ResumeState>): void {
    // Not for an ended session: nothing would remove the rows.
    const insert = this.#db.prepare(
      `INSERT OR REPLACE INTO page_memory (uid, part, value)
       SELECT uid, ?, ? FROM sessions WHERE uid = ? AND ended_at IS NULL`,
    );
    for (const [part, value] of Object.entries(parts)) insert.run(part, JSON.stringify(value), uid);
  }

  resumeState(uid: string): Partial<ResumeState> {
    const rows = this.#db.prepare("SELECT part, value FROM page_memory WHERE uid = ?").all(uid);
    return Object.fromEntries(rows.map(({ part, value }) => [part, parseOwn(value)])) as Partial<ResumeState>;
  }

  saveStorageState(uid: string, state: StorageState): void {
    this.#db.prepare("UPDATE sessions SET storage_state = ? WHERE uid = ?").run(JSON.stringify(state), uid);
  }

  storageState(uid: string): StorageState | undefined {
    const text = this.#db.prepare("SELECT storage_state FROM sessions WHERE uid = ?").get(uid)?.["storage_state"];
    return typeof text === "string" ? parseOwn<StorageState>(text) : undefined;
  }

  saveReport(uid: string, report: Report): boolean {
    return onDisk(this.#db, () => {
      const update = this.#db.prepare("UPDATE sessions SET report = ? WHERE uid = ? AND report IS NULL");
      return Number(update.run(JSON.stringify(report), uid).changes) > 0;
    });
  }

  report(uid: string): Report | undefined {
    const text = this.#db.prepare("SELECT report FROM sessions WHERE uid = ?").get(uid)?.["report"];
    return typeof text === "string" ? parseOwn<Report>(text) : undefined;
  }

  saveAnswer(key: string, answer: IdempotentAnswer, createdAt: number): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO idempotent_answers (key, created_at, answer) VALUES (?, ?, ?)")
      .run(key, createdAt, JSON.stringify(answer));
  }

  answer(key: string): IdempotentAnswer | undefined {
    const row = this.#db.prepare("SELECT answer FROM idempotent_answers WHERE key = ?").get(key);
    return row === undefined ? undefined : parseAnswer(row["answer"]);
  }

  removeEndedBefore(time: number): number {
    const count = inOneStep(this.#db, () => {
      this.#db.prepare("DELETE FROM idempotent_answers WHERE created_at < ?").run(time);
      this.#db.prepare("DELETE FROM events WHERE uid IN (SELECT uid FROM sessions WHERE ended_at < ?)").run(time);
      const { changes } = this.#db.prepare("DELETE FROM sessions WHERE ended_at < ?").run(time);
      this.#db.exec("DELETE FROM operator_links WHERE uid NOT IN (SELECT uid FROM sessions)");
      // Waiting deliveries continue without their session; those that fail later go with the next removal.
      this.#db.exec("DELETE FROM deliveries WHERE next_at IS NULL AND uid NOT IN (SELECT uid FROM sessions)");
      return Number(changes);
    });
    if (count > 0) this.#remains.add();
    this.#remains.wipe();
    return count;
  }

  #write(record: SessionRecord): void {
    this.#db
      .prepare(
        `INSERT INTO sessions (uid, session_id, owner, state, created_at, ended_at, record) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (uid) DO UPDATE SET state = excluded.state, created_at = excluded.created_at,
           ended_at = excluded.ended_at, record = excluded.record`,
      )
      .run(
        record.uid,
        record.session_id,
        record.owner,
        record.state,
        record.created_at,
        record.ended_at,
        JSON.stringify(record),
      );
  }

  /** Writes an end and removes the resume state, cookies and headers among it. */
  #writeEnd(record: SessionRecord): void {
    this.#write(record);
    const { changes } = this.#db.prepare("DELETE FROM page_memory WHERE uid = ?").run(record.uid);
    if (Number(changes) > 0) this.#remains.add();
  }
}
