/** What a command did, in the audit trail: the same chain that a running server writes to. */
import type { DatabaseSync } from "node:sqlite";
import type { Detail } from "../audit/audit-log.ts";
import type { Action } from "../protocol/audit.ts";
import { SqliteAudit } from "../storage/audit-log.ts";

/** Throws where it cannot be written: then the command has done nothing. */
export function recordCommand(db: DatabaseSync, action: Action, detail: Detail): void {
  new SqliteAudit(db).append({ who: "cli", address: null, action, session_id: null, uid: null, detail }, Date.now());
}
