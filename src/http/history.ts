/** [R15] The history of ended sessions, as JSON page by page, or as a table for spreadsheets. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Caller } from "../auth/caller.ts";
import { type History, type HistoryQuery, historyQuerySchema, historySchema } from "../protocol/history.ts";
import { errorAnswerSchema } from "../protocol/rest.ts";

export interface HistoryRoutesOptions {
  readonly history: (query: HistoryQuery, caller: Caller) => History;
}

export const historyRoutes: FastifyPluginAsyncZod<HistoryRoutesOptions> = async (app, { history }) => {
  app.get(
    "/history",
    {
      config: { access: { scopes: ["sessions:read", "operate"] } },
      schema: {
        summary: "Ended sessions, newest first",
        tags: ["ops"],
        querystring: historyQuerySchema,
        response: { 200: historySchema, "4xx": errorAnswerSchema },
      },
    },
    async ({ query, caller }) => history(query, caller),
  );
};
