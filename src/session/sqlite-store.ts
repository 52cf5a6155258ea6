/** Sessions in SQLite: one file in DATA_DIR that a restart can read. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SessionState } from "../protocol/common.ts";
import type { StorageState } from "../protocol/rest.ts";
import type { IdempotentAnswer, SessionRecord, SessionStore } from "./store.ts";

/** Each entry brings the schema one version forward; never edit one that was released. */
const MIGRATIONS = [
  `CREATE TABLE sessions (
     uid TEXT PRIMARY KEY,
     session_id TEXT NOT NULL,
     state TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     ended_at INTEGER,
     record TEXT NOT NULL,
     storage_state TEXT
   ) STRICT;
   CREATE INDEX sessions_by_id ON sessions (session_id, created_at);
   CREATE INDEX sessions_by_state ON sessions (state, created_at);
   CREATE TABLE idempotent_answers (
     key TEXT PRIMARY KEY,
     created_at INTEGER NOT NULL,
     answer TEXT NOT NULL
   ) STRICT;`,
];

/**
 * Opens `DATA_DIR/sessions.db` (made when missing) and holds DATA_DIR for this process: a second server on the same
 * folder would reap the first one's browsers, so it is refused with a sentence.
 */
export function openSqliteStore(dataDir: string): SessionStore {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = holdDataDir(dataDir);
  try {
    return new SqliteStore(openDatabase(dataDir), lock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function openDatabase(dataDir: string): DatabaseSync {
  const db = new DatabaseSync(join(dataDir, "sessions.db"));
  // WAL with NORMAL: a crash of the process loses nothing, a power cut at most the last moves.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
  migrate(db);
  return db;
}

/** SQLite's own file lock: the system drops it with the process, however that ends. */
function holdDataDir(dataDir: string): DatabaseSync {
  const lock = new DatabaseSync(join(dataDir, "server.lock"));
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    return lock;
  } catch (cause) {
    lock.close();
    throw new Error(`Another server already uses ${dataDir}; stop it or set DATA_DIR.`, { cause });
  }
}

function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > MIGRATIONS.length) throw new Error(`sessions.db was written by a newer version (schema ${version}).`);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index >= version) db.exec(`BEGIN; ${sql} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}

class SqliteStore implements SessionStore {
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync;

  constructor(db: DatabaseSync, lock: DatabaseSync) {
    this.#db = db;
    this.#lock = lock;
  }

  save(record: SessionRecord): void {
    this.#db
      .prepare(
        `INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (uid) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, record = excluded.record`,
      )
      .run(record.uid, record.session_id, record.state, record.created_at, record.ended_at, JSON.stringify(record));
  }

  find(sessionId: string): SessionRecord | undefined {
    const row = this.#db
      .prepare("SELECT record FROM sessions WHERE session_id = ? ORDER BY created_at DESC, rowid DESC LIMIT 1")
      .get(sessionId);
    return row === undefined ? undefined : parse<SessionRecord>(row["record"]);
  }

  list(states: readonly SessionState[], limit: number): SessionRecord[] {
    const marks = states.map(() => "?").join(", ");
    return this.#db
      .prepare(`SELECT record FROM sessions WHERE state IN (${marks}) ORDER BY created_at DESC, rowid DESC LIMIT ?`)
      .all(...states, limit)
      .map((row) => parse<SessionRecord>(row["record"]));
  }

  saveStorageState(uid: string, state: StorageState): void {
    this.#db.prepare("UPDATE sessions SET storage_state = ? WHERE uid = ?").run(JSON.stringify(state), uid);
  }

  storageState(uid: string): StorageState | undefined {
    const text = this.#db.prepare("SELECT storage_state FROM sessions WHERE uid = ?").get(uid)?.["storage_state"];
    return typeof text === "string" ? parse<StorageState>(text) : undefined;
  }

  saveAnswer(key: string, answer: IdempotentAnswer, createdAt: number): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO idempotent_answers (key, created_at, answer) VALUES (?, ?, ?)")
      .run(key, createdAt, JSON.stringify(answer));
  }

  answer(key: string): IdempotentAnswer | undefined {
    const row = this.#db.prepare("SELECT answer FROM idempotent_answers WHERE key = ?").get(key);
    return row === undefined ? undefined : parse<IdempotentAnswer>(row["answer"]);
  }

  removeEndedBefore(time: number): number {
    this.#db.prepare("DELETE FROM idempotent_answers WHERE created_at < ?").run(time);
    return Number(this.#db.prepare("DELETE FROM sessions WHERE ended_at < ?").run(time).changes);
  }

  close(): void {
    this.#db.close();
    this.#lock.close();
  }
}

/** Text this store wrote itself; the schema version vouches for its shape. */
function parse<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
}
