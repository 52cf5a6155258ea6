/** [R15] The history of ended sessions: as JSON page by page, or all of it as a table for spreadsheets. */
import { Readable } from "node:stream";
import { stringify } from "csv-stringify";
import type { FastifyReply } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Caller } from "../auth/caller.ts";
import {
  type History,
  type HistoryEntry,
  type HistoryQuery,
  historyEntrySchema,
  historyQuerySchema,
  historySchema,
  MOST_ENTRIES,
} from "../protocol/history.ts";
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
        description: "A page of JSON, or with `format=csv` a table of all of them.",
        tags: ["ops"],
        querystring: historyQuerySchema,
        response: { 200: historySchema, "4xx": errorAnswerSchema },
      },
    },
    async ({ query, caller }, reply) => {
      if (query.format === "json") return history(query, caller);
      return sendTable(
        reply,
        allOf((page) => history(page, caller), query),
      );
    },
  );
};

/** Page after page, each read when the one before was taken. */
async function* allOf(history: (query: HistoryQuery) => History, query: HistoryQuery): AsyncGenerator<HistoryEntry> {
  let before = query.before;
  do {
    const { sessions, next_cursor } = history({ ...query, before, limit: MOST_ENTRIES });
    yield* sessions;
    before = next_cursor ?? undefined;
  } while (before !== undefined);
}

function sendTable(reply: FastifyReply, entries: AsyncGenerator<HistoryEntry>) {
  const table = stringify({
    header: true,
    columns: Object.keys(historyEntrySchema.shape),
    cast: { boolean: String },
    record_delimiter: "windows",
    // Labels come from bots: none may be a formula of whoever opens the table. Without the mark, Excel takes them for Latin.
    escape_formulas: true,
    bom: true,
  });
  const rows = Readable.from(entries).on("error", (error) => table.destroy(error));
  table.on("close", () => rows.destroy());
  return (reply as FastifyReply<never>)
    .type("text/csv; charset=utf-8")
    .header("content-disposition", 'attachment; filename="history.csv"')
    .send(rows.pipe(table) as never);
}
