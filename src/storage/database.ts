/** The database file in DATA_DIR: held by one server, looked over, and brought to the newest schema when it is opened. */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type StorageFailure, storageFailure } from "./failure.ts";
import { MIGRATIONS, WIPE_PAGE_REQUESTS } from "./schema.ts";

const FILE = "sessions.db";
const LOCK = "server.lock";
/** A command beside the server writes a row or two. */
const BUSY_TIMEOUT_MS = 2_000;

export interface HeldDatabase {
  readonly db: DatabaseSync;
  close(): void;
}

/** Why DATA_DIR cannot be used, in a sentence that says what to do. */
export class StorageProblem extends Error {
  override readonly name = "StorageProblem";
}

/**
 * Opens the database and holds DATA_DIR for this process: a second server on the same folder would reap the first one's
 * browsers, so it is refused with a sentence. What is damaged or cannot be written is refused too, before anything in
 * it is relied on. Its writes survive the end of the process, and those `onDisk` a power cut. Throws StorageProblem.
 */
export function openDatabase(dataDir: string): HeldDatabase {
  makeDataDir(dataDir);
  const lock = holdDataDir(dataDir);
  try {
    const db = openFile(join(dataDir, FILE), (opened) => {
      assertWhole(opened, join(dataDir, FILE));
      migrate(opened, join(dataDir, FILE));
      opened.exec(WIPE_PAGE_REQUESTS);
      // The same number again: it is written all the same, so a folder without room or rights shows here.
      opened.exec(`PRAGMA user_version = ${MIGRATIONS.length}; PRAGMA synchronous = NORMAL;`);
    });
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
 * Opens `DATA_DIR/sessions.db` (made when missing) beside a server that may hold it: for keys, links and commands. They
 * write seldom, and a key that was revoked must stay so after a power cut: all they write is on the disk. The caller
 * closes it. Throws StorageProblem.
 */
export function attachDatabase(dataDir: string): DatabaseSync {
  makeDataDir(dataDir);
  const path = join(dataDir, FILE);
  return openFile(path, (db) => migrate(db, path));
}

/** The same schema without a file: nothing of it outlives `close`. */
export function openMemoryDatabase(): HeldDatabase {
  const db = new DatabaseSync(":memory:");
  migrate(db, "memory");
  return { db, close: () => db.close() };
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
 * The same in what openDatabase opened, and on the disk when this returns, with everything that was written before it: no
 * power cut takes it back.
 */
export function onDisk<T>(db: DatabaseSync, work: () => T): T {
  db.exec("PRAGMA synchronous = FULL");
  try {
    return inOneStep(db, work);
  } finally {
    db.exec("PRAGMA synchronous = NORMAL");
  }
}

/**
 * Brings everything into the file and cuts the write-ahead log to nothing: it still has what was deleted since. False
 * where that could not be done now, as somebody else is reading.
 */
export function emptyWriteAheadLog(db: DatabaseSync): boolean {
  return Number(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] ?? 1) === 0;
}

/** SQLite's own file lock: the system drops it with the process, however that ends. */
function holdDataDir(dataDir: string): DatabaseSync {
  const path = join(dataDir, LOCK);
  let lock: DatabaseSync | undefined;
  try {
    keepPrivate(path);
    lock = new DatabaseSync(path);
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    return lock;
  } catch (cause) {
    lock?.close();
    throw new StorageProblem(lockProblem(dataDir, path, cause), { cause });
  }
}

function lockProblem(dataDir: string, path: string, cause: unknown): string {
  const failure = storageFailure(cause);
  if (failure === "in_use") return `Another server already uses ${dataDir}; stop it or set DATA_DIR.`;
  if (failure === "damaged") return `${path} is damaged: remove it, nothing is kept in it.`;
  return problemOf(path, cause);
}

function openFile(path: string, prepare: (db: DatabaseSync) => void): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    keepPrivate(path);
    db = new DatabaseSync(path);
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`);
    // What is deleted, secrets of callbacks among it, is overwritten: in the file, and once the write-ahead log has
    // been emptied, there too.
    db.exec("PRAGMA secure_delete = ON;");
    prepare(db);
    return db;
  } catch (cause) {
    db?.close();
    throw cause instanceof StorageProblem ? cause : new StorageProblem(problemOf(path, cause), { cause });
  }
}

/** Reads every page once: a damaged one would show only when somebody asks for what is in it. */
function assertWhole(db: DatabaseSync, path: string): void {
  const found = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (found !== "ok") throw new StorageProblem(PROBLEMS.damaged(path), { cause: found });
}

const PROBLEMS: Readonly<Record<StorageFailure, (path: string, cause?: unknown) => string>> = {
  // The write-ahead log of an old database would be read into a new one.
  damaged: (path) =>
    `${path} is damaged: move it away to begin anew, with ${FILE}-wal and ${FILE}-shm beside it, or put a backup in their place.`,
  full: (path) => `${path} cannot be written, the disk is full: make room, or set DATA_DIR.`,
  in_use: (path) => `${path} is locked by another program: end that, and start again.`,
  unusable: (path, cause) =>
    `${path} cannot be written (${reasonOf(cause)}): see who may write there, or set DATA_DIR.`,
};

function problemOf(path: string, cause: unknown): string {
  return PROBLEMS[storageFailure(cause) ?? "unusable"](path, cause);
}

/** Node's short name of it (EACCES), or SQLite's words. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "errcode" in cause || !("code" in cause) ? cause.message : String(cause.code);
}

/** Only its owner reads what is in this file, whatever the folder allows. SQLite gives its side files the same rights. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
}

function makeDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
  } catch (cause) {
    const why = `${dataDir} cannot be made a folder (${reasonOf(cause)})`;
    throw new StorageProblem(`${why}: set DATA_DIR to one that can be written.`, { cause });
  }
}

/** With those above it. Node's own way never returns below a folder like /proc, where none can be made. */
function makeFolder(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isThere()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!isThere()) throw error;
  }
}

/** In one step, as a command may do the same beside a server that starts. */
function migrate(db: DatabaseSync, path: string): void {
  const version = () => Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version() === MIGRATIONS.length) return;
  inOneStep(db, () => {
    const from = version();
    if (from > MIGRATIONS.length) {
      throw new StorageProblem(
        `${path} was written by a newer version (schema ${from}): start that one, or set DATA_DIR.`,
      );
    }
    for (const sql of MIGRATIONS.slice(from)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}
