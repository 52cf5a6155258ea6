/** [R15] The table of the history is read page by page, no further than somebody takes it, and never for long. */
import { expect, test } from "@playwright/test";
import fastify from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { historyRoutes } from "../../src/http/rest/history.ts";
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
  const ending = { duration_ms: 0, contradictions: 0, correct: null };
  return { session_id: `s${index}`, ...facts, created_at: at, ended_at: at, ...ending };
}

interface Store {
  /** How many have ended; left out: some hundreds. */
  readonly ended?: number;
  /** Fails after so many pages. */
  readonly breaksAfter?: number;
}

/** Answers as the store does; tells how many pages were read, and revokes whoever asks. */
async function serve({ ended = ENDED, breaksAfter = Number.POSITIVE_INFINITY }: Store = {}) {
  let pages = 0;
  const revoke = new AbortController();
  const app = fastify().setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  const whenOver = (_caller: unknown, over: () => void) => {
    revoke.signal.addEventListener("abort", over);
    return () => revoke.signal.removeEventListener("abort", over);
  };
  await app.register(historyRoutes, {
    authenticator: { whenOver },
    history({ before = "0-0", limit }: HistoryQuery) {
      pages += 1;
      if (pages > breaksAfter) throw new Error("disk I/O error");
      const start = Number(before.split("-")[1]);
      const sessions = Array.from({ length: Math.min(limit, ended - start) }, (_, index) => entry(start + index));
      const next = start + sessions.length;
      return { sessions, next_cursor: next < ended ? `0-${next}` : null };
    },
  });
  return { app, pages: () => pages, revoke: () => revoke.abort() };
}

/** An answer without end that nobody reads; resolves once no more of it is made. */
async function stuck(origin: string, pages: () => number): Promise<Response> {
  const response = await fetch(`${origin}/history?format=csv`);
  let last = -1;
  await expect
    .poll(() => {
      const rests = pages() === last;
      last = pages();
      return rests && last > 0;
    })
    .toBe(true);
  return response;
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
  const { app } = await serve({ breaksAfter: 1 });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const read = fetch(`${origin}/history?format=csv`).then((response) => response.text());
  await expect(read).rejects.toThrow();
  await app.close();
});

test("[R15] no more is read than somebody takes, and a key that is revoked takes no more", async () => {
  const { app, pages, revoke } = await serve({ ended: Number.MAX_SAFE_INTEGER });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const response = await stuck(origin, pages);
  const read = pages();
  revoke();
  // Without end otherwise.
  await expect(response.text()).rejects.toThrow();
  expect(pages()).toBeLessThanOrEqual(read + 1);
  await app.close();
});

test("[R15] whoever takes nothing holds up nobody's stop", async () => {
  const { app, pages } = await serve({ ended: Number.MAX_SAFE_INTEGER });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const response = await stuck(origin, pages);
  await app.close();
  await expect(response.text()).rejects.toThrow();
});
