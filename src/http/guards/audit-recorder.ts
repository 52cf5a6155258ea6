/** What callers did, told to the audit trail with who they are and where they come from. */
import type { FastifyRequest } from "fastify";
import type { Detail } from "../../audit/audit-log.ts";
import type { AuditTrail } from "../../audit/trail.ts";
import { nameOf } from "../../auth/caller.ts";
import type { Action } from "../../protocol/audit.ts";

/** Called once the act has succeeded. Never throws. */
export type Recorder = (action: Action, sessionId: string | null, detail?: Detail) => void;

/** Records what this request's caller does, also later, over its socket. */
export function recorderOf(audit: AuditTrail, request: FastifyRequest): Recorder {
  return (action, session_id, detail) => {
    audit.record({ who: nameOf(request.caller), address: request.ip, action, session_id, detail: detail ?? null });
  };
}
