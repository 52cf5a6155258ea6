/** The queue of webhooks in SQLite: the next server continues with it. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Callback, Delivery, DeliveryQueue, FailedDelivery } from "../events/event-log.ts";
import { type DeletedRemains, inOneStep } from "./database.ts";
import { parseOwn } from "./schema.ts";

export class SqliteWebhookQueue implements DeliveryQueue {
  readonly #db: DatabaseSync;
  readonly #remains: DeletedRemains;

  constructor(db: DatabaseSync, remains: DeletedRemains) {
    this.#db = db;
    this.#remains = remains;
  }

  saveCallback(uid: string, { url, secret, allow }: Callback): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO callbacks (uid, url, host, secret, allow) VALUES (?, ?, ?, ?, ?)")
      .run(uid, url, new URL(url).host, secret, JSON.stringify(allow));
  }

  next({ ids, hosts }: { ids: readonly string[]; hosts: readonly string[] }): Delivery | undefined {
    const row = this.#db
      .prepare(
        `SELECT deliveries.*, url, host, secret, allow FROM deliveries JOIN callbacks USING (uid)
         WHERE next_at IS NOT NULL AND id NOT IN (${marks(ids)}) AND host NOT IN (${marks(hosts)})
         ORDER BY next_at LIMIT 1`,
      )
      .get(...ids, ...hosts);
    return row && delivery(row);
  }

  retry(id: string, { firstTriedAt, nextAt, error }: { firstTriedAt: number; nextAt: number; error: string }): void {
    this.#db
      .prepare("UPDATE deliveries SET tries = tries + 1, first_tried_at = ?, next_at = ?, last_error = ? WHERE id = ?")
      .run(firstTriedAt, nextAt, error, id);
  }

  delivered(id: string): void {
    inOneStep(this.#db, () => {
      this.#forgetCallback(id, "type = 'session.ended'");
      this.#db.prepare("DELETE FROM deliveries WHERE id = ?").run(id);
    });
  }

  failed(id: string, error: string, gone: boolean): void {
    inOneStep(this.#db, () => {
      this.#forgetCallback(id, gone ? "TRUE" : "type = 'session.ended'");
      this.#db
        .prepare("UPDATE deliveries SET tries = tries + 1, next_at = NULL, last_error = ? WHERE id = ?")
        .run(error, id);
    });
  }

  failures(): FailedDelivery[] {
    return this.#db
      .prepare("SELECT id, uid, tries, last_error FROM deliveries WHERE next_at IS NULL ORDER BY rowid")
      .all()
      .map((row) => ({
        id: String(row["id"]),
        uid: String(row["uid"]),
        tries: Number(row["tries"]),
        last_error: String(row["last_error"]),
      }));
  }

  /** Removes the callback of this delivery's session, with its secret, if the delivery meets the condition. */
  #forgetCallback(id: string, condition: string): void {
    const { changes } = this.#db
      .prepare(`DELETE FROM callbacks WHERE uid IN (SELECT uid FROM deliveries WHERE id = ? AND ${condition})`)
      .run(id);
    if (Number(changes) > 0) this.#remains.add();
  }
}

function marks(values: readonly string[]): string {
  return values.map(() => "?").join(", ");
}

function delivery(row: Record<string, SQLOutputValue>): Delivery {
  return {
    id: String(row["id"]),
    uid: String(row["uid"]),
    url: String(row["url"]),
    secret: row["secret"] === null ? null : String(row["secret"]),
    allow: parseOwn<string[]>(row["allow"]),
    host: String(row["host"]),
    body: String(row["body"]),
    tries: Number(row["tries"]),
    first_tried_at: row["first_tried_at"] === null ? null : Number(row["first_tried_at"]),
    next_at: Number(row["next_at"]),
  };
}
