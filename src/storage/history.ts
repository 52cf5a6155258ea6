/** Lists of sessions in SQLite: those in some states, and the ended ones page by page. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { SessionScope } from "../auth/permissions.ts";
import type { Report } from "../protocol/reports.ts";
import type { EndedRecord, HistoryFilter, ListFilter, SessionRecord } from "../session/ports/store.ts";
import { parseOwn, parseRecord } from "./schema.ts";

/** An SQL condition with the values of its placeholders. */
type Condition = readonly [sql: string, ...values: SQLInputValue[]];

const LABEL = "json_extract(record, '$.label')";

export function readList(db: DatabaseSync, { states, scope, limit }: ListFilter): SessionRecord[] {
  const [sql, ...values] = scope ? conditionOf(scope, "AND ended_at IS NULL") : ["TRUE"];
  return db
    .prepare(
      `SELECT record FROM sessions WHERE state IN (${marks(states)}) AND ${sql}
       ORDER BY created_at DESC, rowid DESC LIMIT ?`,
    )
    .all(...states, ...values, limit)
    .map((row) => parseRecord(row["record"]));
}

export function readHistory(db: DatabaseSync, filter: HistoryFilter): EndedRecord[] {
  const conditions = [...conditionsOf(filter)];
  return db
    .prepare(
      `SELECT rowid, ended_at, record, report FROM sessions WHERE ${conditions.map(([sql]) => sql).join(" AND ")}
       ORDER BY ended_at DESC, rowid DESC LIMIT ?`,
    )
    .all(...conditions.flatMap(([_sql, ...values]) => values), filter.limit)
    .map((row) => ({
      cursor: { ended_at: Number(row["ended_at"]), row: Number(row["rowid"]) },
      record: parseRecord(row["record"]),
      correct: row["report"] === null ? null : parseOwn<Report>(row["report"]).correct,
    }));
}

function* conditionsOf(filter: HistoryFilter): Generator<Condition> {
  const { scope, states, reason, label, session_id, since, until, before } = filter;
  yield ["ended_at IS NOT NULL"];
  if (scope) yield conditionOf(scope);
  if (states) yield [`state IN (${marks(states)})`, ...states];
  if (reason !== undefined) yield ["json_extract(record, '$.reason') = ?", reason];
  if (label !== undefined) yield [`${LABEL} = ?`, label];
  if (session_id !== undefined) yield ["session_id = ?", session_id];
  if (since !== undefined) yield ["ended_at >= ?", since];
  if (until !== undefined) yield ["ended_at < ?", until];
  if (before) yield ["(ended_at, rowid) < (?, ?)", before.ended_at, before.row];
}

/** `more` is a further condition on sessions that the key operates but does not own. */
function conditionOf({ owner, operates }: SessionScope, more = ""): Condition {
  if (operates === "none") return ["owner = ?", owner];
  const [ofLabels, labels] = operates === "all" ? ["", []] : [`AND ${LABEL} IN (${marks(operates)})`, operates];
  return [`(owner = ? OR (owner IS NOT NULL ${ofLabels} ${more}))`, owner, ...labels];
}

function marks(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
