/** What callers did, told to the audit trail with who they are and where they come from. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Detail } from "../audit/audit-log.ts";
import type { AuditTrail } from "../audit/trail.ts";
import { type Caller, nameOf } from "../auth/caller.ts";
import type { Action } from "../protocol/audit.ts";

declare module "fastify" {
  interface FastifyRequest {
    readonly caller: Caller;
  }
  interface FastifyContextConfig {
    access?: "ops";
  }
}

/** Everybody is anybody until keys are asked for. */
export function callEverybodyAnybody(app: FastifyInstance): void {
  app.decorateRequest("caller", { getter: (): Caller => ({ kind: "anybody" }) });
}

/** Called once the act has succeeded. Never throws. */
export type Recorder = (action: Action, sessionId: string | null, detail?: Detail) => void;

/** Records what this request's caller does, also later, over its socket. */
export function recorderOf(audit: AuditTrail, request: FastifyRequest): Recorder {
  return (action, session_id, detail) => {
    audit.record({ who: nameOf(request.caller), address: request.ip, action, session_id, detail: detail ?? null });
  };
}
