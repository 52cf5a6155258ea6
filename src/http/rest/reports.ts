/** [R23] A bot reports whether the outcome of its ended session was right. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { reportAnswerSchema, reportBodySchema } from "../../protocol/reports.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { recorderOf } from "../guards/audit-recorder.ts";

export interface ReportRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "report">;
  readonly audit: AuditTrail;
}

export const reportRoutes: FastifyPluginAsyncZod<ReportRoutesOptions> = async (app, { controller, audit }) => {
  app.post(
    "/session/:id/report",
    {
      config: { access: { scopes: ["sessions:control"], session: "params", onlyOwner: true } },
      schema: {
        summary: "Report whether the outcome was right",
        description: "Once for each ended session, while it is kept; the same report again is answered like the first.",
        tags: ["bots"],
        params: z.object({ id: sessionIdSchema }),
        body: reportBodySchema,
        response: { 200: reportAnswerSchema, "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { answer, isNew } = controller.report(id, request.body);
      // Without the note, which only the bot reads.
      if (isNew) recorderOf(audit, request)("session.report", id, { correct: answer.correct });
      return answer;
    },
  );
};
