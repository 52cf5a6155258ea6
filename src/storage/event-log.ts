/** The event log in SQLite. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { EventLog, LoggedEvent, NewEvent } from "../events/event-log.ts";
import {
  type EventSubject,
  type FeedEvent,
  goesToWebhook,
  type PlacedEvent,
  type SessionEvent,
} from "../protocol/events.ts";
import { inOneStep, onDisk } from "./database.ts";
import { parseEvent } from "./schema.ts";

/** The most events of all sessions together, ends not counted. */
const MAX_EVENTS = 10_000;
/** The log is trimmed after this many events. */
const CUT_EVERY = 100;

/** The columns that loggedEvent() reads. */
export const EVENT_COLUMNS = "position, uid, owner, label, event";

export class SqliteEventLog implements EventLog {
  readonly #db: DatabaseSync;
  /** Prepared once, because it runs many times a second. */
  readonly #write: StatementSync;
  #newest: number;
  #removedTo: number;
  #nextCut: number;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#write = db.prepare(
      "INSERT INTO events (uid, owner, label, type, at, event) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#newest = Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()?.["seq"] ?? 0);
    const oldest = db.prepare("SELECT min(position) AS oldest FROM events WHERE type <> 'session.ended'").get();
    this.#removedTo = Number(oldest?.["oldest"] ?? this.#newest + 1) - 1;
    this.#nextCut = this.#newest + CUT_EVERY;
  }

  get newest(): number {
    return this.#newest;
  }

  get removedTo(): number {
    return this.#removedTo;
  }

  append(events: readonly NewEvent[]): LoggedEvent[] {
    // A published end must survive a power cut: otherwise the next server would publish another end.
    const step = events.some(({ event }) => event.type === "session.ended") ? onDisk : inOneStep;
    const { logged, removedTo } = step(this.#db, () => {
      const written = events.flatMap((given) => this.#insert(given));
      return { logged: written, removedTo: this.#cut(written.at(-1)?.position ?? 0) };
    });
    this.#newest = logged.at(-1)?.position ?? this.#newest;
    this.#removedTo = Math.max(this.#removedTo, removedTo);
    return logged;
  }

  at(position: number): LoggedEvent | undefined {
    const [row] = this.#db.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE position = ?`).all(position);
    return row && loggedEvent(row);
  }

  last(uid: string): LoggedEvent | undefined {
    const [row] = this.#db
      .prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE uid = ? ORDER BY position DESC LIMIT 1`)
      .all(uid);
    return row && loggedEvent(row);
  }

  after(uid: string, position: number, limit: number): PlacedEvent[] {
    return this.#db
      .prepare(
        `SELECT position, event FROM events WHERE uid = ? AND position > ? AND type <> 'session.progress'
         ORDER BY position LIMIT ?`,
      )
      .all(uid, position, limit)
      .map((row) => ({ position: Number(row["position"]), event: parseEvent<SessionEvent>(row["event"]) }));
  }

  allAfter(position: number, limit: number): LoggedEvent[] {
    return this.#db
      .prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?`)
      .all(position, limit)
      .map(loggedEvent);
  }

  removeBefore(time: number): void {
    const old = this.#db
      .prepare("SELECT max(position) AS last FROM events WHERE at < ? AND type <> 'session.ended'")
      .get(time);
    this.#db.prepare("DELETE FROM events WHERE at < ? AND type <> 'session.ended'").run(time);
    this.#removedTo = Math.max(this.#removedTo, Number(old?.["last"] ?? 0));
  }

  /** The event with its position; nothing if it is the second end of a session. */
  #insert({ subject, event }: NewEvent): LoggedEvent[] {
    const { uid, owner, label } = subject;
    const at = Date.parse(event.timestamp);
    const written = this.#write.run(uid, owner, label, event.type, at, JSON.stringify(event));
    if (Number(written.changes) === 0) return [];
    if (event.type === "session.ended") {
      this.#db.prepare("DELETE FROM deliveries WHERE uid = ? AND next_at IS NOT NULL").run(uid);
    }
    if (goesToWebhook(event)) this.#queue(uid, event);
    return [{ position: Number(written.lastInsertRowid), subject, event }];
  }

  #queue(uid: string, event: FeedEvent): void {
    this.#db
      .prepare(
        `INSERT INTO deliveries (id, uid, type, body, next_at)
         SELECT ?, uid, ?, ?, ? FROM callbacks WHERE uid = ?`,
      )
      .run(event.id, event.type, JSON.stringify(event), Date.parse(event.timestamp), uid);
  }

  /** Trims the log behind this newest position every CUT_EVERY events; returns the last removed position, 0 if none. */
  #cut(newest: number): number {
    const last = newest - MAX_EVENTS;
    if (newest < this.#nextCut || last <= 0) return 0;
    this.#nextCut = newest + CUT_EVERY;
    this.#db.prepare("DELETE FROM events WHERE position <= ? AND type <> 'session.ended'").run(last);
    return last;
  }
}

export function loggedEvent(row: Record<string, unknown>): LoggedEvent {
  const subject: EventSubject = {
    uid: String(row["uid"]),
    owner: row["owner"] as string | null,
    label: row["label"] as string | null,
  };
  return { position: Number(row["position"]), subject, event: parseEvent<FeedEvent>(row["event"]) };
}
