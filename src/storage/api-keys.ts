/** API keys in SQLite: only a hash of each secret is stored. */
import type { DatabaseSync } from "node:sqlite";
import type { Grants } from "../auth/caller.ts";
import type { KeyRow, KeyStore } from "../auth/key-store.ts";
import { AppError } from "../errors.ts";
import { onDiskOrWithin } from "./database.ts";
import { parseOwn } from "./schema.ts";

export class SqliteApiKeys implements KeyStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  add({ id, name, hash, grants, created_at }: KeyRow): void {
    onDiskOrWithin(this.#db, () => {
      if (this.#db.prepare("SELECT 1 FROM api_keys WHERE name = ? AND revoked_at IS NULL").get(name)) {
        throw new AppError("invalid_message", { field: "name", why: "a living key has this name" });
      }
      this.#db
        .prepare("INSERT INTO api_keys (id, name, hash, grants, created_at) VALUES (?, ?, ?, ?, ?)")
        .run(id, name, hash, JSON.stringify(grants), created_at);
    });
  }

  list(): KeyRow[] {
    return this.#db.prepare("SELECT * FROM api_keys ORDER BY created_at, rowid").all().map(rowOf);
  }

  revoke(nameOrId: string, at: number): KeyRow | undefined {
    return onDiskOrWithin(this.#db, () => {
      const row = this.#db
        .prepare(
          `UPDATE api_keys SET revoked_at = ?1 WHERE id = (SELECT id FROM api_keys
             WHERE revoked_at IS NULL AND (id = ?2 OR name = ?2) ORDER BY created_at, rowid LIMIT 1)
           RETURNING *`,
        )
        .get(at, nameOrId);
      return row && rowOf(row);
    });
  }

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
    grants: parseOwn<Grants>(row["grants"]),
    created_at: Number(row["created_at"]),
    revoked_at: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
  };
}
