/** [R15] The history of ended sessions: as JSON page by page, or all of it as a table for spreadsheets. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { stringify } from "csv-stringify";
import type { FastifyReply } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Authenticator } from "../../auth/authenticator.ts";
import type { Caller } from "../../auth/caller.ts";
import {
  type History,
  type HistoryEntry,
  type HistoryQuery,
  historyEntrySchema,
  historyQuerySchema,
  historySchema,
  MOST_ENTRIES,
} from "../../protocol/history.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import { goneSignal } from "../guards/authorization.ts";

export interface HistoryRoutesOptions {
  readonly history: (query: HistoryQuery, caller: Caller) => History;
  readonly authenticator: Pick<Authenticator, "whenOver">;
}

/** A client that takes the table more slowly than this has to ask for a part of it. */
const TABLE_DEADLINE_MS = 60_000;

export const historyRoutes: FastifyPluginAsyncZod<HistoryRoutesOptions> = async (app, { history, authenticator }) => {
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
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
    async (request, reply) => {
      const { query, caller } = request;
      if (query.format === "json") return history(query, caller);
      const entries = allOf((page) => history(page, caller), query);
      const gone = goneSignal(request, reply, authenticator);
      return sendTable(reply, entries, AbortSignal.any([gone, closing.signal, AbortSignal.timeout(TABLE_DEADLINE_MS)]));
    },
  );
};

/** All entries, page by page; each page is read when the one before was taken. */
async function* allOf(history: (query: HistoryQuery) => History, query: HistoryQuery): AsyncGenerator<HistoryEntry> {
  let before = query.before;
  do {
    const { sessions, next_cursor } = history({ ...query, before, limit: MOST_ENTRIES });
    yield* sessions;
    before = next_cursor ?? undefined;
    // Pictures and input get their turn in between, however fast the table is taken.
    await setImmediate();
  } while (before !== undefined);
}

/** Breaks the connection when `over` aborts, so that half a table is not mistaken for a whole one. */
function sendTable(reply: FastifyReply, entries: AsyncGenerator<HistoryEntry>, over: AbortSignal) {
  const table = stringify({
    header: true,
    columns: Object.keys(historyEntrySchema.shape),
    cast: { boolean: String },
    record_delimiter: "windows",
    // Labels come from bots: none may run as a formula in a spreadsheet. Without the byte order mark Excel assumes Latin-1.
    escape_formulas: true,
    bom: true,
  });
  pipeline(Readable.from(entries), table, { signal: over }).catch(() => {});
  return (reply as FastifyReply<never>)
    .type("text/csv; charset=utf-8")
    .header("content-disposition", 'attachment; filename="history.csv"')
    .send(table as never);
}
