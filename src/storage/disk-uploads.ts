/** Uploaded files in DATA_DIR: one folder a session and one a file, readable by the server's user only. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AppError } from "../errors.ts";
import { safeFileName } from "../protocol/files.ts";
import type { UploadedFile, Uploads } from "../session/ports/uploads.ts";
import { withDeadline } from "../util/with-deadline.ts";

const FOLDER = "uploads";
const ID_BYTES = 12;
/** A slow phone on a train sends more than this. */
const MIN_BYTES_PER_SECOND = 2_000;

export interface UploadLimits {
  readonly maxUploadBytes: number;
  readonly maxUploadsPerSession: number;
  readonly maxUploadBytesPerSession: number;
  readonly maxUploadBytesAll: number;
  /** How long an upload may bring nothing. */
  readonly requestTimeoutSeconds: number;
}

interface SessionUploads {
  readonly files: Map<string, UploadedFile>;
  /** Those under way included. */
  count: number;
  bytes: number;
  isRemoved: boolean;
}

export class DiskUploads implements Uploads {
  readonly #root: string;
  readonly #limits: UploadLimits;
  readonly #onError: (error: unknown) => void;
  readonly #sessions = new Map<string, SessionUploads>();
  #bytes = 0;

  /**
   * Removes what sessions have left that do not live any more; those in `living` (by uid) keep their files. `onError`
   * gets the error of a removal that fails.
   */
  constructor(dataDir: string, limits: UploadLimits, living: ReadonlySet<string>, onError: (error: unknown) => void) {
    // A browser takes absolute paths only.
    this.#root = resolve(dataDir, FOLDER);
    this.#limits = limits;
    this.#onError = onError;
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    for (const uid of readdirSync(this.#root)) {
      if (living.has(uid)) this.#recall(uid);
      else rmSync(join(this.#root, uid), { recursive: true, force: true });
    }
  }

  get maxBytes(): number {
    return this.#limits.maxUploadBytes;
  }

  async receive(
    uid: string,
    name: string,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<UploadedFile> {
    const session = this.#sessionOf(uid);
    const { maxUploadsPerSession: most } = this.#limits;
    if (session.count >= most) throw new AppError("file_not_accepted", { why: "number", max: most });
    session.count += 1;
    const id = randomBytes(ID_BYTES).toString("base64url");
    const folder = join(this.#root, uid, id);
    const file = { id, name: safeFileName(name), path: join(folder, safeFileName(name)), bytes: 0 };
    const add = (bytes: number) => {
      file.bytes += bytes;
      session.bytes += bytes;
      this.#bytes += bytes;
    };
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await this.#write(file, source, signal, (bytes) => {
        if (session.isRemoved) throw new AppError("session_ended");
        add(bytes);
        this.#assertRoom(file, session);
      });
      signal.throwIfAborted();
      session.files.set(id, file);
      return file;
    } catch (error) {
      session.count -= 1;
      if (!session.isRemoved) add(-file.bytes);
      await this.#removeFolder(session.isRemoved ? join(this.#root, uid) : folder);
      throw error;
    }
  }

  find(uid: string, id: string): UploadedFile | undefined {
    return this.#sessions.get(uid)?.files.get(id);
  }

  async discard(uid: string, id: string): Promise<void> {
    const session = this.#sessions.get(uid);
    const file = session?.files.get(id);
    if (!session || !file) return;
    session.files.delete(id);
    session.count -= 1;
    session.bytes -= file.bytes;
    this.#bytes -= file.bytes;
    await this.#removeFolder(join(this.#root, uid, id));
  }

  async remove(uid: string): Promise<void> {
    const session = this.#sessions.get(uid);
    if (!session) return;
    session.isRemoved = true;
    this.#sessions.delete(uid);
    this.#bytes -= session.bytes;
    await this.#removeFolder(join(this.#root, uid));
  }

  async #removeFolder(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true }).catch(this.#onError);
  }

  async #write(
    { path }: UploadedFile,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    take: (bytes: number) => void,
  ): Promise<void> {
    const patience = this.#limits.requestTimeoutSeconds * 1_000;
    const startedAt = performance.now();
    let received = 0;
    const handle = await open(path, "wx", 0o600);
    try {
      const chunks = source[Symbol.asyncIterator]();
      for (;;) {
        const next = chunks.next().catch((cause: unknown) => {
          throw new AppError("invalid_message", { field: "body", why: "cut off" }, { cause });
        });
        const { done, value } = await withDeadline(next, patience, "more of the file", signal);
        if (done) return;
        take(value.length);
        received += value.length;
        const late = performance.now() - startedAt - patience;
        if ((received / MIN_BYTES_PER_SECOND) * 1_000 < late) {
          throw new AppError("timeout", { waiting_for: "more of the file" });
        }
        await handle.writeFile(value);
      }
    } finally {
      await handle.close();
    }
  }

  #assertRoom({ bytes }: UploadedFile, session: SessionUploads): void {
    const { maxUploadBytes, maxUploadBytesPerSession, maxUploadBytesAll } = this.#limits;
    if (bytes > maxUploadBytes) throw new AppError("payload_too_large", { limit: "file", max: maxUploadBytes });
    if (session.bytes > maxUploadBytesPerSession) {
      throw new AppError("payload_too_large", { limit: "session", max: maxUploadBytesPerSession });
    }
    if (this.#bytes > maxUploadBytesAll) throw new AppError("capacity", { limit: "files" });
  }

  #sessionOf(uid: string): SessionUploads {
    const known = this.#sessions.get(uid);
    if (known) return known;
    const made = { files: new Map<string, UploadedFile>(), count: 0, bytes: 0, isRemoved: false };
    this.#sessions.set(uid, made);
    return made;
  }

  /** The page of an earlier server may still send these files: they count, and stay. */
  #recall(uid: string): void {
    const session = this.#sessionOf(uid);
    for (const id of readdirSync(join(this.#root, uid))) {
      for (const name of readdirSync(join(this.#root, uid, id))) {
        const path = join(this.#root, uid, id, name);
        const bytes = statSync(path).size;
        session.files.set(id, { id, name, path, bytes });
        session.count += 1;
        session.bytes += bytes;
        this.#bytes += bytes;
      }
    }
  }
}
