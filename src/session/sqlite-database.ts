/** The database file in DATA_DIR: held by one server, and brought to the newest schema when it is opened. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

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
  // AUTOINCREMENT: a position is never given twice, also when the newest rows are gone.
  `CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     uid TEXT NOT NULL,
     type TEXT NOT NULL,
     at INTEGER NOT NULL,
     event TEXT NOT NULL
   ) STRICT;
   CREATE INDEX events_by_session ON events (uid, position);
   CREATE UNIQUE INDEX one_end_a_session ON events (uid) WHERE type = 'session.ended';
   CREATE TABLE callbacks (
     uid TEXT PRIMARY KEY,
     url TEXT NOT NULL,
     host TEXT NOT NULL,
     secret TEXT
   ) STRICT;
   CREATE TABLE deliveries (
     id TEXT PRIMARY KEY,
     uid TEXT NOT NULL,
     type TEXT NOT NULL,
     body TEXT NOT NULL,
     tries INTEGER NOT NULL DEFAULT 0,
     first_tried_at INTEGER,
     next_at INTEGER,
     last_error TEXT
   ) STRICT;
   CREATE INDEX deliveries_by_time ON deliveries (next_at) WHERE next_at IS NOT NULL;
   CREATE INDEX deliveries_by_session ON deliveries (uid);`,
];

export interface HeldDatabase {
  readonly db: DatabaseSync;
  close(): void;
}

/**
 * Opens `DATA_DIR/sessions.db` (made when missing) and holds DATA_DIR for this process: a second server on the same
 * folder would reap the first one's browsers, so it is refused with a sentence.
 */
export function openDatabase(dataDir: string): HeldDatabase {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = holdDataDir(dataDir);
  try {
    const db = new DatabaseSync(join(dataDir, "sessions.db"));
    // WAL with NORMAL: a crash of the process loses nothing, a power cut at most the last moves.
    // What is deleted, secrets of callbacks among it, is overwritten: in the file, and once the write-ahead log has been
    // emptied, there too.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
    db.exec("PRAGMA secure_delete = ON;");
    migrate(db);
    return {
      db,
      close: () => {
        db.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** All of `work` or nothing of it is written. */
export function inOneStep<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const answer = work();
    db.exec("COMMIT");
    return answer;
  } catch (error) {
    // A full disk may have rolled back already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Brings everything into the file and cuts the write-ahead log to nothing: it still has what was deleted since. False
 * where that could not be done now, as somebody else is reading.
 */
export function emptyWriteAheadLog(db: DatabaseSync): boolean {
  return Number(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] ?? 1) === 0;
}

/** Text that was written here; the schema's version vouches for its shape. */
export function parseOwn<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
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
