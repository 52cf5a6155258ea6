/** The console's "start a new one" for the demo session; exists only while the demo is on. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { DemoSession } from "../../demo/demo-session.ts";
import { AppError } from "../../errors.ts";
import { errorAnswerSchema, sessionAnswerSchema } from "../../protocol/rest.ts";

export interface DemoRouteOptions {
  readonly demo: DemoSession;
}

export const demoRoute: FastifyPluginAsyncZod<DemoRouteOptions> = async (app, { demo }) => {
  app.post(
    "/demo",
    {
      // The console of an ended demo session calls this with its link.
      config: { access: { scopes: ["ops"], byLink: true } },
      schema: {
        summary: "The demo session, opened anew when it has ended",
        tags: ["demo"],
        response: { 200: sessionAnswerSchema, "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
    },
    ({ caller }) => {
      if (caller.kind === "link" && (caller.uid !== demo.uid || caller.role !== "control"))
        throw new AppError("forbidden");
      return demo.open();
    },
  );
};
