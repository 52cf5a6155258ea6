/** Operator links in SQLite. */
import type { DatabaseSync } from "node:sqlite";
import type { Link, LinkStore } from "../auth/link-store.ts";
import type { Role } from "../protocol/common.ts";
import { onDiskOrWithin } from "./database.ts";

export class SqliteOperatorLinks implements LinkStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  add({ id, uid, role, created_at, expires_at }: Link, { most, since }: { most: number; since: number }): boolean {
    const { changes } = onDiskOrWithin(this.#db, () =>
      this.#db
        .prepare(
          `INSERT INTO operator_links (id, uid, role, created_at, expires_at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?6 > (SELECT count(*) FROM operator_links
             WHERE uid = ?2 AND (created_at > ?7 OR (revoked_at IS NULL AND expires_at > ?4)))`,
        )
        .run(id, uid, role, created_at, expires_at, most, since),
    );
    return Number(changes) > 0;
  }

  firstToControl(uid: string, now: number): Link | undefined {
    const row = this.#db
      .prepare(
        `SELECT * FROM operator_links WHERE uid = ? AND role = 'control' AND revoked_at IS NULL AND expires_at > ?
         ORDER BY created_at, rowid LIMIT 1`,
      )
      .get(uid, now);
    return row && linkOf(row);
  }

  living(id: string, now: number): Link | undefined {
    const row = this.#db
      .prepare("SELECT * FROM operator_links WHERE id = ? AND revoked_at IS NULL AND expires_at > ?")
      .get(id, now);
    return row && linkOf(row);
  }

  revoke(uid: string, id: string, at: number): boolean {
    const { changes } = onDiskOrWithin(this.#db, () =>
      this.#db
        .prepare("UPDATE operator_links SET revoked_at = ? WHERE id = ? AND uid = ? AND revoked_at IS NULL")
        .run(at, id, uid),
    );
    return Number(changes) > 0;
  }

  revokeAll(at: number): void {
    onDiskOrWithin(this.#db, () =>
      this.#db.prepare("UPDATE operator_links SET revoked_at = ? WHERE revoked_at IS NULL").run(at),
    );
  }
}

function linkOf(row: Record<string, unknown>): Link {
  return {
    id: String(row["id"]),
    uid: String(row["uid"]),
    role: row["role"] as Role,
    created_at: Number(row["created_at"]),
    expires_at: Number(row["expires_at"]),
  };
}
