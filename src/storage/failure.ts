/** What the errors of SQLite and of the file system mean to us, whatever call they come from. */

/** in_use: somebody else holds it for longer than we wait; unusable: it cannot be read or written at all. */
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

/** What of the storage has failed; undefined for every other error, a defect of ours among them. */
export function storageFailure(error: unknown): StorageFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  // Above the lowest byte it says more closely what happened.
  if ("errcode" in error) return OF_SQLITE[Number(error.errcode) & 0xff];
  return "code" in error ? OF_FILES[String(error.code)] : undefined;
}
