/** The port to the keys that are kept: made, listed and revoked by commands, and looked up with every request. */
import type { KeyRecord } from "./key-spec.ts";

/** Times are ms since 1970. */
export interface KeyRow extends KeyRecord {
  readonly created_at: number;
  /** Null while it lives. */
  readonly revoked_at: number | null;
}

/** What is written survives a power cut: a key that was revoked stays so. */
export interface KeyStore {
  /** Adds a living key. Throws invalid_message where a living key has its name. */
  add(key: KeyRow): void;
  /** Oldest first, revoked ones too. */
  list(): KeyRow[];
  /** Revokes a living key by its name or id, at this time, and returns it; undefined where there is none. */
  revoke(nameOrId: string, at: number): KeyRow | undefined;
  /** The living key with this hash. */
  byHash(hash: string): KeyRow | undefined;
  /** Whether the key with this id lives. */
  isLiving(id: string): boolean;
}
