/** The log of events in SQLite. */
import type { DatabaseSync } from "node:sqlite";
import { goesToWebhook, type PlacedEvent, type SessionEvent } from "../protocol/events.ts";
import type { EventLog, LoggedEvent } from "./event-log.ts";
import { inOneStep, onDisk } from "./sqlite-database.ts";
import { parseOwn, parseRecord } from "./sqlite-schema.ts";
import type { SessionRecord } from "./store.ts";

/** Events of all sessions together, ends not counted. */
const MAX_EVENTS = 10_000;
/** The log is cut every so many events. */
const CUT_EVERY = 100;

export class SqliteEvents implements EventLog {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  append(uid: string, event: SessionEvent): number {
    // An end that was told must stand after a power cut: the next server would tell another one.
    const step = event.type === "session.ended" ? onDisk : inOneStep;
    return step(this.#db, () => {
      const written = this.#db
        .prepare("INSERT INTO events (uid, type, at, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .run(uid, event.type, Date.parse(event.timestamp), JSON.stringify(event));
      if (Number(written.changes) === 0) return this.last(uid)?.position ?? 0;
      const position = Number(written.lastInsertRowid);
      if (event.type === "session.ended") {
        this.#db.prepare("DELETE FROM deliveries WHERE uid = ? AND next_at IS NOT NULL").run(uid);
      }
      if (goesToWebhook(event)) this.#queue(uid, event);
      if (position % CUT_EVERY === 0) this.#cut(position);
      return position;
    });
  }

  at(position: number): LoggedEvent | undefined {
    return logged(this.#db.prepare("SELECT position, uid, event FROM events WHERE position = ?").get(position));
  }

  last(uid: string): LoggedEvent | undefined {
    return logged(
      this.#db.prepare("SELECT position, uid, event FROM events WHERE uid = ? ORDER BY position DESC LIMIT 1").get(uid),
    );
  }

  after(uid: string, position: number, limit: number): PlacedEvent[] {
    return this.#db
      .prepare("SELECT position, event FROM events WHERE uid = ? AND position > ? ORDER BY position LIMIT ?")
      .all(uid, position, limit)
      .map((row) => ({ position: Number(row["position"]), event: parseOwn<SessionEvent>(row["event"]) }));
  }

  untold(): SessionRecord[] {
    return this.#db
      .prepare(
        `SELECT record FROM sessions WHERE ended_at IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM events WHERE events.uid = sessions.uid AND events.type = 'session.ended')
         ORDER BY ended_at`,
      )
      .all()
      .map((row) => parseRecord(row["record"]));
  }

  removeBefore(time: number): void {
    this.#db.prepare("DELETE FROM events WHERE at < ? AND type <> 'session.ended'").run(time);
  }

  #queue(uid: string, event: SessionEvent): void {
    this.#db
      .prepare(
        `INSERT INTO deliveries (id, uid, type, body, next_at)
         SELECT ?, uid, ?, ?, ? FROM callbacks WHERE uid = ?`,
      )
      .run(event.id, event.type, JSON.stringify(event), Date.parse(event.timestamp), uid);
  }

  #cut(position: number): void {
    this.#db.prepare("DELETE FROM events WHERE position <= ? AND type <> 'session.ended'").run(position - MAX_EVENTS);
  }
}

function logged(row: Record<string, unknown> | undefined): LoggedEvent | undefined {
  if (row === undefined) return undefined;
  return {
    position: Number(row["position"]),
    uid: String(row["uid"]),
    event: parseOwn<SessionEvent>(row["event"]),
  };
}
