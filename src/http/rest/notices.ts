/** [R18] Ops publish a notice to everybody who follows the topic `system`. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { AuditTrail } from "../../audit/trail.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import { systemNotice } from "../../events/system-notice.ts";
import { NO_SESSION, noticeBodySchema } from "../../protocol/events.ts";
import { errorAnswerSchema, successSchema } from "../../protocol/rest.ts";
import { recorderOf } from "../guards/audit-recorder.ts";

export interface NoticeRoutesOptions {
  readonly feed: Pick<EventPublisher, "publish">;
  readonly audit: AuditTrail;
}

export const noticeRoutes: FastifyPluginAsyncZod<NoticeRoutesOptions> = async (app, { feed, audit }) => {
  app.post(
    "/notices",
    {
      config: { access: { scopes: ["ops"] } },
      schema: {
        summary: "Publish a notice",
        description: "On the topic `system` of the event feed: maintenance, for example.",
        tags: ["ops"],
        body: noticeBodySchema,
        response: { 200: successSchema, "4xx": errorAnswerSchema },
      },
    },
    async (request) => {
      const { level, code, message } = request.body;
      feed.publish(NO_SESSION, systemNotice(level, code, message));
      recorderOf(audit, request)("notice.publish", null, { level, code });
      return { success: true as const };
    },
  );
};
