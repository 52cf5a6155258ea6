/** [R24] A person's one-time code, given without the picture. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import { nameOf } from "../../auth/caller.ts";
import { roleIn } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import { codeAnswerBodySchema, codeAnswerSchema } from "../../protocol/code-answers.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { recorderOf } from "../guards/audit-recorder.ts";

export interface CodeAnswerRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "answerCode" | "subject">;
  readonly audit: AuditTrail;
}

export const codeAnswerRoutes: FastifyPluginAsyncZod<CodeAnswerRoutesOptions> = async (app, { controller, audit }) => {
  app.post(
    "/session/:id/answer",
    {
      config: { access: { scopes: ["operate", "sessions:control"], session: "params", byLink: true } },
      schema: {
        summary: "Give a person's one-time code",
        description: "Types it into the one-time-code field that the page shows. For codes that a person has, only.",
        tags: ["operators"],
        params: z.object({ id: sessionIdSchema }),
        headers: z.object({ "idempotency-key": z.string().min(1).max(255).optional() }),
        body: codeAnswerBodySchema,
        response: { 200: codeAnswerSchema, "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { caller } = request;
      const subject = controller.subject(id);
      // A link that lets its holder watch only opens this route as any link does.
      if (caller.kind === "link" && (!subject || roleIn(caller, subject) !== "control")) {
        throw new AppError("forbidden", { role: caller.role });
      }
      const record = recorderOf(audit, request);
      const by = {
        who: nameOf(caller),
        recordAct: (action: Parameters<typeof record>[0], operator: string) => record(action, id, { operator }),
      };
      const result = await controller.answerCode(id, request.body, {
        by,
        repeatKey: request.headers["idempotency-key"],
      });
      // Without the code.
      record("session.answer", id, { result });
      return { session_id: id, result };
    },
  );
};
