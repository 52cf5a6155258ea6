/** Classifies the errors of SQLite and of the file system, whatever call they come from. */

/**
 * in_use: another process holds the lock for longer than the server waits; unusable: it cannot be read or written at
 * all.
 */
export type StorageFailure = "in_use" | "damaged" | "full" | "unusable";

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const OF_SQLITE: Readonly<Record<number, StorageFailure>> = {
  5: "in_use", // BUSY
  8: "unusable", // READONLY
  10: "unusable", // IOERR
  11: "damaged", // CORRUPT
  13: "full", // FULL
  14: "unusable", // CANTOPEN
  26: "damaged", // NOTADB
};

const OF_FILES: Readonly<Record<string, StorageFailure>> = { ENOSPC: "full", EDQUOT: "full", EROFS: "unusable" };

/** The kind of a storage error; undefined for every other error, such as a defect of the server. */
export function storageFailure(error: unknown): StorageFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  // The lowest byte is the primary code; higher bytes give details.
  if ("errcode" in error) return OF_SQLITE[Number(error.errcode) & 0xff];
  return "code" in error ? OF_FILES[String(error.code)] : undefined;
}
