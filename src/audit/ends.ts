/** Records the ends of sessions in the audit trail. */
import type { EventPublisher } from "../events/event-publisher.ts";
import type { AuditTrail } from "./trail.ts";

/** Records every end, also one that no caller asked for. */
export function recordEnds(events: EventPublisher, audit: AuditTrail): void {
  events.onEvent(({ event, subject: { uid } }) => {
    if (event.type !== "session.ended") return;
    const { session_id, outcome, reason, verified, contradicted_by } = event.data;
    // How many only: a rule may name a path of the page.
    const contradictions = contradicted_by.length > 0 ? { contradictions: contradicted_by.length } : {};
    const detail = { outcome, reason, verified, ...contradictions };
    audit.record({ who: "server", address: null, action: "session.end", session_id, uid, detail });
  });
}
