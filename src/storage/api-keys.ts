/** Keys in the database: made, listed and revoked by commands, and looked up with every request. */
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Grants } from "../auth/caller.ts";
import { hashOf, type KeyRecord, newSecret } from "../auth/key-spec.ts";
import { AppError } from "../errors.ts";

const ID_BYTES = 9;

export interface KeyRow extends KeyRecord {
  /** ms since 1970 */
  readonly created_at: number;
  readonly revoked_at: number | null;
}

export class SqliteKeys {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Makes a key; its secret is answered here and nowhere else. Throws invalid_message where a living key has this name. */
  add(name: string, grants: Grants, secret = newSecret()): { readonly key: KeyRow; readonly secret: string } {
    if (this.list().some((key) => key.name === name && key.revoked_at === null)) {
      throw new AppError("invalid_message", { field: "name", why: "a living key has this name" });
    }
    const id = randomBytes(ID_BYTES).toString("base64url");
    const key = { id, name, hash: hashOf(secret), grants, created_at: Date.now(), revoked_at: null };
    this.#db
      .prepare("INSERT INTO api_keys (id, name, hash, grants, created_at) VALUES (?, ?, ?, ?, ?)")
      .run(id, name, key.hash, JSON.stringify(grants), key.created_at);
    return { key, secret };
  }

  /** Oldest first, revoked ones too. */
  list(): KeyRow[] {
    return this.#db.prepare("SELECT * FROM api_keys ORDER BY created_at, rowid").all().map(rowOf);
  }

  /** Revokes a living key by name or id; undefined where there is none. */
  revoke(nameOrId: string): KeyRow | undefined {
    const key = this.list().find(({ id, name, revoked_at }) => !revoked_at && (id === nameOrId || name === nameOrId));
    if (key) this.#db.prepare("UPDATE api_keys SET revoked_at = ? WHERE id = ?").run(Date.now(), key.id);
    return key;
  }

  /** The living key with this hash. */
  byHash(hash: string): KeyRow | undefined {
    const row = this.#db.prepare("SELECT * FROM api_keys WHERE hash = ? AND revoked_at IS NULL").get(hash);
    return row && rowOf(row);
  }

  isLiving(id: string): boolean {
    return this.#db.prepare("SELECT 1 FROM api_keys WHERE id = ? AND revoked_at IS NULL").get(id) !== undefined;
  }
}

function rowOf(row: Record<string, unknown>): KeyRow {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    hash: String(row["hash"]),
    grants: JSON.parse(String(row["grants"])) as Grants,
    created_at: Number(row["created_at"]),
    revoked_at: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
  };
}
