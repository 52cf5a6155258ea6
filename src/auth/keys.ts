/** The keys of this server: the configured and the stored ones. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Grants, KeyCaller } from "./caller.ts";
import { type ConfiguredKey, hashOf, type KeyRecord, newSecret } from "./key-spec.ts";
import type { KeyRow, KeyStore } from "./key-store.ts";

/** No key is longer, so a longer text is not even hashed. */
const MAX_SECRET_LENGTH = 512;
const ID_BYTES = 9;

/** Makes a key for the store, and its secret, which is returned here and nowhere else. */
export function makeKey(
  name: string,
  grants: Grants,
  secret = newSecret(),
): { readonly key: KeyRow; readonly secret: string } {
  const id = randomBytes(ID_BYTES).toString("base64url");
  return { key: { id, name, hash: hashOf(secret), grants, created_at: Date.now(), revoked_at: null }, secret };
}

export class Keys {
  readonly #configured: readonly ConfiguredKey[];
  readonly #stored: KeyStore;
  readonly #own: readonly KeyRecord[];

  /** `own` are keys of the server itself, which no person has. */
  constructor(configured: readonly ConfiguredKey[], stored: KeyStore, own: readonly KeyRecord[] = []) {
    this.#configured = configured;
    this.#stored = stored;
    this.#own = own;
  }

  /** Whether there ever was a key; revoked ones count, because somebody revoked them on purpose. */
  get hasAny(): boolean {
    return this.#configured.length > 0 || this.#stored.list().length > 0;
  }

  /** Stores a key with this secret. Throws invalid_message if a living key has this name. */
  add(name: string, grants: Grants, secret: string): void {
    this.#stored.add(makeKey(name, grants, secret).key);
  }

  /**
   * The caller with this secret; null if there is none. Hashes are compared, and all configured ones in constant time,
   * so that the duration reveals nothing about a secret.
   */
  find(secret: string): KeyCaller | null {
    if (secret.length > MAX_SECRET_LENGTH) return null;
    const hash = hashOf(secret);
    const bytes = Buffer.from(hash, "hex");
    const isThis = (key: KeyRecord) => timingSafeEqual(Buffer.from(key.hash, "hex"), bytes);
    const [configured] = [...this.#configured, ...this.#own].filter(isThis);
    if (configured) return callerOf(configured);
    const stored = this.#stored.byHash(hash);
    return stored && isThis(stored) ? callerOf(stored) : null;
  }

  /** The names of configured keys whose secrets are so short that they may be guessed. */
  get short(): readonly string[] {
    return this.#configured.filter(({ isShort }) => isShort).map(({ name }) => name);
  }

  /** Whether the key with this id exists and was not revoked. */
  isLiving(id: string): boolean {
    return [...this.#configured, ...this.#own].some((key) => key.id === id) || this.#stored.isLiving(id);
  }
}

function callerOf({ id, name, grants }: KeyRecord): KeyCaller {
  return { kind: "key", id, name, grants };
}
