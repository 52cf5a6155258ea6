/** Sessions of a real server whose pages are under the test's hand: real routes, sockets and storage, and no browser. */
import type { KeyCaller } from "../../src/auth/caller.ts";
import { parseKeySpec } from "../../src/auth/key-spec.ts";
import { type CreateSessionInput, createSessionSchema, type SessionAnswer } from "../../src/protocol/rest.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import { FakePage } from "./fake-page.ts";
import { test as base } from "./fixtures.ts";
import { TEST_KEY_SPEC } from "./key.ts";

export interface FakeSession {
  readonly session: SessionAnswer;
  readonly page: FakePage;
  /** What the page reports to its session. */
  readonly events: PageEvents;
}

export const test = base.extend<{ createFake: (body?: Partial<CreateSessionInput>) => Promise<FakeSession> }>({
  createFake: async ({ server }, use) => {
    const { id, name, grants } = parseKeySpec(TEST_KEY_SPEC);
    const caller: KeyCaller = { kind: "key", id, name, grants };
    const over = new AbortController();
    await use(async (body = {}) => {
      const opened = Promise.withResolvers<Omit<FakeSession, "session">>();
      const session = await server.controller.create(createSessionSchema.parse({ url: "http://127.0.0.1/", ...body }), {
        caller,
        signal: over.signal,
        openPage: async (_request, events) => {
          const page = new FakePage(events);
          opened.resolve({ page, events });
          return page;
        },
      });
      return { session, ...(await opened.promise) };
    });
    over.abort();
  },
});
