/**
 * The secrets that sign operator links, in a file of DATA_DIR: they survive restarts, and a command may change them at
 * any time.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const FILE = "link-keys.json";
const SECRET_BYTES = 32;
const KID_BYTES = 6;

const ringSchema = z.array(z.strictObject({ kid: z.string(), secret: z.base64url(), created_at: z.int() })).min(1);

export interface RingKey {
  readonly kid: string;
  readonly secret: Uint8Array;
}

export class KeyRing {
  readonly #path: string;
  #keys: readonly RingKey[] = [];
  #version = "";

  /** Makes the file if there is none. Throws if it cannot be read or is damaged: no link could be trusted. */
  constructor(dataDir: string) {
    this.#path = join(dataDir, FILE);
    this.#makeIfMissing();
    this.#load();
  }

  /** The key that signs new tokens. Throws as the constructor does. */
  get current(): RingKey {
    this.#load();
    const [newest] = this.#keys;
    if (!newest) throw new Error(`${FILE} has no key.`);
    return newest;
  }

  find(kid: string): RingKey | undefined {
    this.#load();
    return this.#keys.find((key) => key.kid === kid);
  }

  /** Adds a secret that signs from now on. Links of older secrets stay valid, unless `forgetOlder` removes these. */
  rotate({ forgetOlder }: { readonly forgetOlder: boolean }): void {
    const older = forgetOlder ? [] : this.#read();
    const temporary = `${this.#path}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify([newKey(), ...older]), { mode: 0o600 });
    // A rename is one step: a server that reads meanwhile sees the old file or the new one.
    renameSync(temporary, this.#path);
  }

  /** Reads the file again if a command has changed it. */
  #load(): void {
    const { mtimeMs, ino, size } = statSync(this.#path);
    const version = `${mtimeMs} ${ino} ${size}`;
    if (version === this.#version) return;
    this.#keys = this.#read().map(({ kid, secret }) => ({ kid, secret: Buffer.from(secret, "base64url") }));
    this.#version = version;
  }

  #read(): z.infer<typeof ringSchema> {
    return ringSchema.parse(JSON.parse(readFileSync(this.#path, "utf8")));
  }

  #makeIfMissing(): void {
    try {
      writeFileSync(this.#path, JSON.stringify([newKey()]), { mode: 0o600, flag: "wx" });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

function newKey(): z.infer<typeof ringSchema>[number] {
  return {
    kid: randomBytes(KID_BYTES).toString("base64url"),
    secret: randomBytes(SECRET_BYTES).toString("base64url"),
    created_at: Date.now(),
  };
}
