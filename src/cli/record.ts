/** What a command did, in the audit trail: the same chain that a running server writes to. */
import type { AuditLog, Detail } from "../audit/audit-log.ts";
import type { Action } from "../protocol/audit.ts";

/** Throws where it cannot be written: then the command has done nothing. */
export function recordCommand(audit: AuditLog, action: Action, detail: Detail): void {
  audit.append({ who: "cli", address: null, action, session_id: null, uid: null, detail }, Date.now());
}
