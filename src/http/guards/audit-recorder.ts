/** Writes what callers do into the audit trail, with their name and address. */
import type { FastifyRequest } from "fastify";
import type { Detail } from "../../audit/audit-log.ts";
import type { AuditTrail } from "../../audit/trail.ts";
import { nameOf } from "../../auth/caller.ts";
import type { Action } from "../../protocol/audit.ts";

/** Called once the act has succeeded; `sessionId` null: it is about no session. Never throws. */
export type Recorder = (action: Action, sessionId: string | null, detail?: Detail) => void;

/** Records what the caller of this request does; that of a socket's upgrade also later, while the socket is open. */
export function recorderOf(audit: AuditTrail, request: FastifyRequest): Recorder {
  return (action, session_id, detail) => {
    audit.record({ who: nameOf(request.caller), address: request.ip, action, session_id, detail: detail ?? null });
  };
}
