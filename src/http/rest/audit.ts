/** [R17] The audit trail, for ops: newest first, page by page. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { ChainedEntry } from "../../audit/audit-log.ts";
import type { AuditTrail } from "../../audit/trail.ts";
import { type AuditEntryAnswer, auditPageSchema, auditQuerySchema } from "../../protocol/audit.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";

export interface AuditRoutesOptions {
  readonly audit: AuditTrail;
}

export const auditRoutes: FastifyPluginAsyncZod<AuditRoutesOptions> = async (app, { audit }) => {
  app.get(
    "/audit",
    {
      config: { access: { scopes: ["ops"] } },
      schema: {
        summary: "Who did what, newest first",
        tags: ["ops"],
        querystring: auditQuerySchema,
        response: { 200: auditPageSchema, "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
    },
    async ({ query: { limit, before, session_id: sessionId } }) => {
      // One more than asked for shows whether there is a next page.
      const found = audit.page({ limit: limit + 1, before, sessionId });
      const entries = found.slice(0, limit);
      return { entries: entries.map(toWire), next_cursor: found.length > limit ? (entries.at(-1)?.seq ?? null) : null };
    },
  );
};

function toWire({ seq, at, who, address, action, session_id, detail, hash }: ChainedEntry): AuditEntryAnswer {
  const copy = detail === null ? null : { ...detail };
  return { seq, at: new Date(at).toISOString(), who, address, action, session_id, detail: copy, hash };
}
