/** The database file in DATA_DIR: held by one server, and brought to the newest schema when it is opened. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
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
  // Who may do what, and who did. Of keys only hashes are kept, of links only what they may open.
  `ALTER TABLE sessions ADD COLUMN owner TEXT;
   ALTER TABLE callbacks ADD COLUMN allow TEXT NOT NULL DEFAULT '[]';
   CREATE INDEX sessions_by_owner ON sessions (owner, created_at);
   CREATE TABLE api_keys (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     hash TEXT NOT NULL UNIQUE,
     grants TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX one_living_key_a_name ON api_keys (name) WHERE revoked_at IS NULL;
   CREATE TABLE operator_links (
     id TEXT PRIMARY KEY,
     uid TEXT NOT NULL,
     role TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   CREATE INDEX operator_links_by_session ON operator_links (uid);
   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     entry TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_session ON audit (json_extract(entry, '$.session_id'), seq);
   CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
     WHEN NEW.seq <> (SELECT ifnull(max(seq), 0) + 1 FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
   CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
   CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;`,
  // What living sessions need to come back to their pages, part by part: each is written when it changes.
  `CREATE TABLE page_memory (
     uid TEXT NOT NULL,
     part TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (uid, part)
   ) STRICT, WITHOUT ROWID;`,
];

export interface HeldDatabase {
  readonly db: DatabaseSync;
  close(): void;
}

/**
 * Opens the database and holds DATA_DIR for this process: a second server on the same folder would reap the first one's
 * browsers, so it is refused with a sentence.
 */
export function openDatabase(dataDir: string): HeldDatabase {
  makeDataDir(dataDir);
  const lock = holdDataDir(dataDir);
  try {
    const db = attachDatabase(dataDir);
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

/**
 * Opens `DATA_DIR/sessions.db` (made when missing) beside a server that may hold it: for a command that reads or adds a
 * row. The caller closes it.
 */
export function attachDatabase(dataDir: string): DatabaseSync {
  makeDataDir(dataDir);
  const path = join(dataDir, "sessions.db");
  keepPrivate(path);
  const db = new DatabaseSync(path);
  try {
    // WAL with NORMAL: a crash of the process loses nothing, a power cut at most the last moves.
    // What is deleted, secrets of callbacks among it, is overwritten: in the file, and once the write-ahead log has been
    // emptied, there too.
    db.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    db.exec("PRAGMA secure_delete = ON;");
    migrate(db);
    return db;
  } catch (error) {
    db.close();
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
  const path = join(dataDir, "server.lock");
  keepPrivate(path);
  const lock = new DatabaseSync(path);
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    return lock;
  } catch (cause) {
    lock.close();
    throw new Error(`Another server already uses ${dataDir}; stop it or set DATA_DIR.`, { cause });
  }
}

/** Only its owner reads what is in this file, whatever the folder allows. SQLite gives its side files the same rights. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
}

function makeDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** In one step, as a command may do the same beside a server that starts. */
function migrate(db: DatabaseSync): void {
  const version = () => Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version() === MIGRATIONS.length) return;
  inOneStep(db, () => {
    const from = version();
    if (from > MIGRATIONS.length) throw new Error(`sessions.db was written by a newer version (schema ${from}).`);
    for (const sql of MIGRATIONS.slice(from)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}
