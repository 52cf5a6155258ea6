/** [R15] The table of the history is read page by page, and no further than somebody takes it. */
import { expect, test } from "@playwright/test";
import fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { historyRoutes } from "../../src/http/history.ts";
import { type HistoryEntry, type HistoryQuery, MOST_ENTRIES } from "../../src/protocol/history.ts";

const ENDED = 1_234;

function entry(index: number): HistoryEntry {
  const at = new Date(index).toISOString();
  const facts = {
    label: null,
    state: "solved",
    reason: "rules_met",
    verified: "checked",
    operator_came: true,
  } as const;
  return { session_id: `s${index}`, ...facts, created_at: at, ended_at: at, duration_ms: 0 };
}

/** Answers as the store does; tells how many pages were read. */
async function serve(broken = Number.POSITIVE_INFINITY): Promise<{ app: FastifyInstance; pages: () => number }> {
  let pages = 0;
  const app = fastify().setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  await app.register(historyRoutes, {
    history({ before = "0-0", limit }: HistoryQuery) {
      pages += 1;
      if (pages > broken) throw new Error("disk I/O error");
      const start = Number(before.split("-")[1]);
      const sessions = Array.from({ length: Math.min(limit, ENDED - start) }, (_, index) => entry(start + index));
      const next = start + sessions.length;
      return { sessions, next_cursor: next < ENDED ? `0-${next}` : null };
    },
  });
  return { app, pages: () => pages };
}

test("[R15] all pages, each row once, in order", async () => {
  const { app, pages } = await serve();
  const { body } = await app.inject("/history?format=csv");
  const ids = body
    .split("\r\n")
    .slice(1, -1)
    .map((line) => line.split(",")[0]);
  expect(ids).toEqual(Array.from({ length: ENDED }, (_, index) => `s${index}`));
  expect(pages()).toBe(Math.ceil(ENDED / MOST_ENTRIES));
  await app.close();
});

test("[R15] a storage that fails on the way breaks the answer off: half a table is not taken for a whole one", async () => {
  const { app } = await serve(1);
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const read = fetch(`${origin}/history?format=csv`).then((response) => response.text());
  await expect(read).rejects.toThrow();
  await app.close();
});

test("[R15] whoever goes away in the middle leaves nothing running", async () => {
  const { app, pages } = await serve();
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const away = new AbortController();
  const response = await fetch(`${origin}/history?format=csv`, { signal: away.signal });
  expect(response.status).toBe(200);
  away.abort();
  // Hangs while an answer is open.
  await app.close();
  expect(pages()).toBeGreaterThan(0);
});
