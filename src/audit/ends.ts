/** Records the ends of sessions in the audit trail. */
import type { EventPublisher } from "../events/event-publisher.ts";
import type { AuditTrail } from "./trail.ts";

/** Records every end, also one that no caller asked for. */
export function recordEnds(events: EventPublisher, audit: AuditTrail): void {
  events.onEvent(({ event, subject: { uid } }) => {
    if (event.type !== "session.ended") return;
    const { session_id, outcome, reason, verified } = event.data;
    const detail = { outcome, reason, verified };
    audit.record({ who: "server", address: null, action: "session.end", session_id, uid, detail });
  });
}
