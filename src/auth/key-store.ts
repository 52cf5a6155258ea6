/** The port to stored keys: commands make, list and revoke them, and every request looks one up. */
import type { KeyRecord } from "./key-spec.ts";

/** A stored key. Times are ms since 1970. */
export interface KeyRow extends KeyRecord {
  readonly created_at: number;
  /** Null while the key lives. */
  readonly revoked_at: number | null;
}

/** All writes survive a power cut: a revoked key stays revoked. */
export interface KeyStore {
  /** Adds a living key. Throws invalid_message if a living key has its name. */
  add(key: KeyRow): void;
  /** Oldest first, revoked ones too. */
  list(): KeyRow[];
  /** Revokes a living key by its name or id at this time (ms since 1970) and returns it; undefined if there is none. */
  revoke(nameOrId: string, at: number): KeyRow | undefined;
  /** The living key with this hash. */
  byHash(hash: string): KeyRow | undefined;
  /** Whether the key with this id lives. */
  isLiving(id: string): boolean;
}
