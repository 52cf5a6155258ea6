/** [R15] The history: ended sessions that a caller may see. */
import type { Caller } from "../auth/caller.ts";
import { scopeOf } from "../auth/permissions.ts";
import type { History, HistoryEntry, HistoryQuery } from "../protocol/history.ts";
import type { EndedRecord, HistoryCursor, SessionRecord, SessionRecords } from "./ports/store.ts";

/** One page of the history, newest end first; `next_cursor` is null on the last page. */
export function historyOf(store: Pick<SessionRecords, "history">, query: HistoryQuery, caller: Caller): History {
  const { state: states, before, limit, format: _, ...rest } = query;
  const filter = {
    ...rest,
    states,
    // Operators also see the ends of the sessions that they could open.
    scope: scopeOf(caller),
    before: before === undefined ? undefined : parseCursor(before),
  };
  // One more than the limit shows whether there is a next page.
  const found = store.history({ ...filter, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { sessions: page.map(entryOf), next_cursor: last ? cursorOf(last.cursor) : null };
}

function entryOf({ record, correct }: EndedRecord): HistoryEntry {
  const { session_id, label, state, reason, verified, operator_came, created_at, contradicted_by } = record;
  const ended_at = endOf(record);
  return {
    session_id,
    label,
    state,
    reason,
    verified,
    operator_came,
    created_at: new Date(created_at).toISOString(),
    ended_at: new Date(ended_at).toISOString(),
    duration_ms: ended_at - created_at,
    contradictions: contradicted_by.length,
    correct,
  };
}

function endOf({ ended_at, created_at }: SessionRecord): number {
  return ended_at ?? created_at;
}

function cursorOf({ ended_at, row }: HistoryCursor): string {
  return `${ended_at}-${row}`;
}

function parseCursor(cursor: string): HistoryCursor {
  const [ended_at = 0, row = 0] = cursor.split("-").map(Number);
  return { ended_at, row };
}
