/** The ends that readers of the feed have not acknowledged, in SQLite. */
import type { DatabaseSync } from "node:sqlite";
import type { Acknowledgements, LoggedEvent } from "../events/event-log.ts";
import { EVENT_COLUMNS, loggedEvent } from "./event-log.ts";

/** The most rows of one reader, and of all: a reader that never acknowledges must not fill the disk. */
const MOST_OF_ONE = 1_000;
const MOST = 20_000;
/** MOST is enforced after this many sent ends. */
const CUT_EVERY = 100;

export class SqliteAcknowledgements implements Acknowledgements {
  readonly #db: DatabaseSync;
  #sent = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  sent(reader: string, position: number): void {
    this.#db
      .prepare("INSERT INTO unacknowledged (reader, position) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(reader, position);
    this.#db
      .prepare(
        `DELETE FROM unacknowledged WHERE reader = ?1 AND position <=
           (SELECT position FROM unacknowledged WHERE reader = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(reader, MOST_OF_ONE);
    this.#sent += 1;
    if (this.#sent % CUT_EVERY === 0) this.#cut();
  }

  acknowledge(reader: string, position: number): void {
    this.#db.prepare("DELETE FROM unacknowledged WHERE reader = ? AND position = ?").run(reader, position);
  }

  waiting(reader: string): LoggedEvent[] {
    return this.#db
      .prepare(
        `SELECT ${EVENT_COLUMNS} FROM events WHERE position IN
           (SELECT position FROM unacknowledged WHERE reader = ?) ORDER BY position`,
      )
      .all(reader)
      .map(loggedEvent);
  }

  /** Enforces MOST, and removes rows whose sessions were removed. */
  #cut(): void {
    this.#db.prepare("DELETE FROM unacknowledged WHERE position NOT IN (SELECT position FROM events)").run();
    this.#db
      .prepare(
        `DELETE FROM unacknowledged WHERE position <=
           (SELECT position FROM unacknowledged ORDER BY position DESC LIMIT 1 OFFSET ?)`,
      )
      .run(MOST);
  }
}
