/** The port to uploaded files: bytes that operators give to pages, kept as long as their session. */

export interface UploadedFile {
  /** Random, and unique. */
  readonly id: string;
  /** The last part of its path: the name that the page sees. */
  readonly name: string;
  /** Absolute, on this machine. */
  readonly path: string;
  readonly bytes: number;
}

export interface Uploads {
  /** The most bytes of one file. */
  readonly maxBytes: number;
  /**
   * Stores a file as it arrives. Rejects with AppError payload_too_large (the file, or all of the session),
   * file_not_accepted (too many), capacity (all sessions), timeout (no progress), invalid_message (cut off), or what
   * `signal` aborts with: then nothing of it is left.
   */
  receive(uid: string, name: string, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<UploadedFile>;
  /** A file of this session; undefined if it has none with this id. */
  find(uid: string, id: string): UploadedFile | undefined;
  /** Removes one file of a session: nothing needs it. Never rejects. */
  discard(uid: string, id: string): Promise<void>;
  /** Removes all files of a session. Never rejects. */
  remove(uid: string): Promise<void>;
}
