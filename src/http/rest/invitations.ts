/** What an agent gives to its person [M5], and the code by which that person's browser gets a link [M6]. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import { mayInvite } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { codeBodySchema, invitationBodySchema, invitationSchema } from "../../protocol/invitations.ts";
import { linkAnswerSchema } from "../../protocol/links.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { recorderOf } from "../guards/audit-recorder.ts";
import { refusalOf } from "../guards/authorization.ts";
import type { FailedAuthentications } from "../guards/failed-authentications.ts";

export interface InvitationRoutesOptions {
  readonly audit: AuditTrail;
  readonly controller: CaptchaRemoteController;
  readonly failures: FailedAuthentications;
}

const idParams = z.object({ id: sessionIdSchema });
const failureAnswers = { "4xx": errorAnswerSchema, "5xx": errorAnswerSchema };

export const invitationRoutes: FastifyPluginAsyncZod<InvitationRoutesOptions> = async (app, options) => {
  const { controller, audit, failures } = options;
  app.post(
    "/session/:id/invitation",
    {
      config: { access: { scopes: ["sessions:control"], session: "params" } },
      schema: {
        summary: "What an agent gives to its person",
        description: "An address, and a six-digit code where the address alone may open nothing.",
        tags: ["bots"],
        params: idParams,
        body: invitationBodySchema,
        response: { 200: invitationSchema, ...failureAnswers },
      },
    },
    async (request) => {
      const { params, body, caller } = request;
      const subject = controller.subject(params.id);
      if (subject && !mayInvite(caller, subject)) throw new AppError("forbidden");
      const invitation = await controller.invite(params.id, body.way);
      if (invitation.code !== null) recorderOf(audit, request)("code.create", params.id);
      return invitation;
    },
  );

  app.post(
    "/session/:id/code",
    {
      config: { access: "public" },
      schema: {
        summary: "Exchange a six-digit code for an operator link",
        description: "For the console: a code lets one browser in, once.",
        tags: ["operators"],
        params: idParams,
        body: codeBodySchema,
        response: { 200: linkAnswerSchema, ...failureAnswers },
      },
    },
    async (request) => {
      const { id } = request.params;
      const redeemed = await controller.redeemCode(id, request.body.code);
      const record = { address: request.ip, session_id: id };
      if (redeemed.link === null) {
        // A session that has no code leaves no entry: strangers could fill the trail.
        if (redeemed.isCounted) audit.record({ ...record, who: "anybody", action: "code.refuse" });
        throw refusalOf(request.ip, failures);
      }
      const { link_id: link, role } = redeemed.link;
      audit.record({ ...record, who: `link:${link}`, action: "link.create", detail: { link, role } });
      return redeemed.link;
    },
  );
};
