/** [R19] An operator claims a session from the inbox, or releases it. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import { type Caller, nameOf } from "../../auth/caller.ts";
import { claimAnswerSchema, claimBodySchema, releaseBodySchema } from "../../protocol/claims.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { recorderOf } from "../guards/audit-recorder.ts";

export interface ClaimRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "claim">;
  readonly audit: AuditTrail;
}

const params = z.object({ id: sessionIdSchema });
const response = { 200: claimAnswerSchema, "4xx": errorAnswerSchema };
const access = { scopes: ["operate", "sessions:control"], session: "params" } as const;

export const claimRoutes: FastifyPluginAsyncZod<ClaimRoutesOptions> = async (app, { controller, audit }) => {
  app.post(
    "/session/:id/claim",
    {
      config: { access },
      schema: { summary: "Claim a session", tags: ["operators"], params, body: claimBodySchema, response },
    },
    async (request) => {
      const { id } = request.params;
      const { client, name = nameFor(request.caller) } = request.body;
      const claim = controller.claim(id);
      const before = claim.now.claimed_by;
      claim.take({ who: claimantOf(request.caller, client), name });
      if (before === null) recorderOf(audit, request)("session.claim", id);
      return { session_id: id, ...claim.now };
    },
  );

  app.post(
    "/session/:id/release",
    {
      config: { access },
      schema: { summary: "Release a claim", tags: ["operators"], params, body: releaseBodySchema, response },
    },
    async (request) => {
      const { id } = request.params;
      const claim = controller.claim(id);
      claim.release({ who: claimantOf(request.caller, request.body.client) });
      return { session_id: id, ...claim.now };
    },
  );
};

function claimantOf(caller: Caller, client = ""): string {
  return `${nameOf(caller)} ${client}`;
}

function nameFor(caller: Caller): string {
  return caller.kind === "key" ? caller.name : "somebody";
}
