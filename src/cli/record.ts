/** Records commands in the audit trail, in the same chain as a running server. */
import type { AuditLog, Detail } from "../audit/audit-log.ts";
import type { Action } from "../protocol/audit.ts";

/** Appends an entry. Throws if it cannot be written; the command must then change nothing. */
export function recordCommand(audit: AuditLog, action: Action, detail: Detail): void {
  audit.append({ who: "cli", address: null, action, session_id: null, uid: null, detail }, Date.now());
}
