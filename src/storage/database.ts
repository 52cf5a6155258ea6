/** The database file in DATA_DIR: one server locks it; it is checked and migrated when it is opened. */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type StorageFailure, storageFailure } from "./failure.ts";
import { MIGRATIONS, WIPE_PAGE_REQUESTS } from "./schema.ts";

const FILE = "sessions.db";
const LOCK = "server.lock";
/** A command beside the server writes a few rows, so a write waits this long for the lock. */
const BUSY_TIMEOUT_MS = 2_000;

export interface HeldDatabase {
  readonly db: DatabaseSync;
  close(): void;
}

/** DATA_DIR cannot be used; the message says why and what to do. */
export class StorageProblem extends Error {
  override readonly name = "StorageProblem";
}

/**
 * Opens the database and locks DATA_DIR for this process: a second server on the same folder would reap the first one's
 * browsers, so it is refused. A damaged or unwritable file is refused too, before anything relies on it. Writes survive
 * the end of the process, and those of onDisk() a power cut. Throws StorageProblem.
 */
export function openDatabase(dataDir: string): HeldDatabase {
  makeDataDir(dataDir);
  const lock = holdDataDir(dataDir);
  try {
    const db = openFile(join(dataDir, FILE), (opened) => {
      assertWhole(opened, join(dataDir, FILE));
      migrate(opened, join(dataDir, FILE));
      opened.exec(WIPE_PAGE_REQUESTS);
      // The same version is written again, so that a folder without room or rights fails here.
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
 * Opens `DATA_DIR/sessions.db` (made if missing) beside a server that may hold it: for commands about keys, links and
 * the audit trail. These write seldom, and a revoked key must stay revoked after a power cut, so each write is on the
 * disk when it returns. The caller closes it. Throws StorageProblem.
 */
export function attachDatabase(dataDir: string): DatabaseSync {
  makeDataDir(dataDir);
  const path = join(dataDir, FILE);
  return openFile(path, (db) => migrate(db, path));
}

/** A database in memory with the same schema; close() discards it. */
export function openMemoryDatabase(): HeldDatabase {
  const db = new DatabaseSync(":memory:");
  migrate(db, "memory");
  return { db, close: () => db.close() };
}

/** Runs `work` in a transaction: all of it is written or, if it throws, nothing. */
export function inOneStep<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const answer = work();
    db.exec("COMMIT");
    return answer;
  } catch (error) {
    // SQLite may have rolled back already, on a full disk for one.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The same, and the disk has it when this returns, with all earlier writes: they survive a power cut. */
export function onDisk<T>(db: DatabaseSync, work: () => T): T {
  const usual = Number(db.prepare("PRAGMA synchronous").get()?.["synchronous"]);
  db.exec("PRAGMA synchronous = FULL");
  try {
    return inOneStep(db, work);
  } finally {
    db.exec(`PRAGMA synchronous = ${usual}`);
  }
}

/** The same; inside a transaction of the caller's it is a part of that, and as durable as that is. */
export function onDiskOrWithin<T>(db: DatabaseSync, work: () => T): T {
  return db.isTransaction ? work() : onDisk(db, work);
}

/** Deleted rows, secrets among them, may remain in the write-ahead log: this class empties it after deletions. */
export class DeletedRemains {
  readonly #db: DatabaseSync;
  /** True at the start: the log of a killed server may contain some. */
  #areThere = true;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Notes that something was deleted which must not remain. */
  add(): void {
    this.#areThere = true;
  }

  /** Writes the log into the file and truncates it. If another process is reading, the next call does it. */
  wipe(): void {
    if (!this.#areThere) return;
    this.#areThere = Number(this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] ?? 1) !== 0;
  }
}

/** Locks DATA_DIR by SQLite's file lock: the system releases it with the process, however that ends. */
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
    // Deleted rows, secrets of callbacks among them, are overwritten in the file, and in the write-ahead log once that
    // is emptied.
    db.exec("PRAGMA secure_delete = ON;");
    prepare(db);
    return db;
  } catch (cause) {
    db?.close();
    throw cause instanceof StorageProblem ? cause : new StorageProblem(problemOf(path, cause), { cause });
  }
}

/** Reads every page once: otherwise damage would show only when somebody reads the damaged page. */
function assertWhole(db: DatabaseSync, path: string): void {
  const found = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (found !== "ok") throw new StorageProblem(PROBLEMS.damaged(path), { cause: found });
}

const PROBLEMS: Readonly<Record<StorageFailure, (path: string, cause?: unknown) => string>> = {
  // The -wal file goes too: SQLite would apply the log of the old database to a new one.
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

/** Node's error code (EACCES), or SQLite's message. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "errcode" in cause || !("code" in cause) ? cause.message : String(cause.code);
}

/**
 * Makes the file readable for its owner only, whatever the folder allows. SQLite gives its side files the same mode.
 */
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

/**
 * Makes a folder and its parents. Node's recursive mkdir never returns below a folder like /proc, where none can be
 * made.
 */
function makeFolder(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isThere()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isThere()) throw error;
  }
}

/** Migrates in one transaction, because a command may migrate beside a server that starts. */
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
