/** The result of an ended session. */
import type { Outcome } from "../../protocol/rest.ts";
import type { SessionRecord } from "../ports/store.ts";

/** [R11] [R14] The outcome of an ended session; `duration_ms` is from its creation to its end. */
export function outcomeOf(record: SessionRecord, hasStorageState: boolean): Outcome {
  return {
    outcome: record.state,
    reason: record.reason ?? "internal",
    verified: record.verified,
    evidence: record.evidence,
    contradicted_by: record.contradicted_by,
    note: record.note,
    duration_ms: (record.ended_at ?? record.created_at) - record.created_at,
    has_storage_state: hasStorageState,
  };
}
