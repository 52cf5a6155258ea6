/** A session and its deadline: what is kept and told of it, and to whom. */
import { test as base, expect } from "@playwright/test";
import { pino } from "pino";
import type { SessionEvent } from "../../src/protocol/events.ts";
import { Session } from "../../src/session/lifecycle/session.ts";
import { Viewer } from "../../src/session/pictures/viewer.ts";
import type { SessionRecord } from "../../src/session/ports/store.ts";
import { openMemoryStorage } from "../../src/storage/storage.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { NO_UPLOADS } from "../support/no-uploads.ts";

const HOUR_MS = 3_600_000;

interface Life {
  readonly session: Session;
  /** The record as it was at each saving. */
  readonly saved: SessionRecord[];
  readonly told: SessionEvent[];
}

const test = base.extend<{ live: (leftMs: number, oldMs?: number) => Life; setWallClock: (byMs: number) => void }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  live: async ({}, use) => {
    const sessions: Session[] = [];
    const storage = openMemoryStorage();
    await use((leftMs, oldMs = 0) => {
      const now = Date.now();
      const saved: SessionRecord[] = [];
      const told: SessionEvent[] = [];
      const record = sessionRecord({ created_at: now - oldMs, expires_at: now + leftMs, state: "starting" });
      const { session_id, url, viewport } = record;
      const session = new Session(
        record,
        {
          open: () => Promise.reject(new Error("there is no page")),
          request: { session_id, url, viewport, completion: undefined },
        },
        {
          store: storage.sessions,
          uploads: NO_UPLOADS,
          save: (changed) => saved.push({ ...changed }),
          saveResumeState: () => {},
          log: pino({ level: "silent" }),
          maxTimeoutSeconds: 600,
          publish: (event) => told.push(event),
          onEnd: () => {},
        },
      );
      sessions.push(session);
      return { session, saved, told };
    });
    for (const session of sessions) session.end("cancelled", "cancelled_by_bot");
    storage.close();
  },

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  setWallClock: async ({}, use) => {
    const { now } = Date;
    await use((byMs) => {
      Date.now = () => now() + byMs;
    });
    Date.now = now;
  },
});

function joined(session: Session): { readonly types: string[]; readonly viewer: Viewer } {
  const types: string[] = [];
  const line = {
    sendText: (text: string) => types.push(JSON.parse(text).type),
    sendBinary: () => {},
    pingBehind: () => {},
    bufferedBytes: () => 0,
    close: () => {},
  };
  const viewer = new Viewer("operator-1", line, "json");
  void session.join(viewer);
  return { types, viewer };
}

test("[S8] who comes when the end is near is told so behind the welcome, and everybody who is there once", async ({
  live,
}) => {
  // Less than a third is left: that is announced at once.
  const { session, told } = live(30_000, 90_000);
  const early = joined(session);
  await expect.poll(() => told.map(({ type }) => type)).toContain("session.expiring");
  const late = joined(session);
  for (const { types } of [early, late]) {
    await expect.poll(() => types).toContain("presence");
    expect(types[0]).toBe("session_info");
    expect(types.filter((type) => type === "expiring")).toEqual(["expiring"]);
  }
  expect(told.filter(({ type }) => type === "session.expiring")).toHaveLength(1);
});

test("[S6] a wall clock that was set is followed by what is kept, told and counted", async ({ live, setWallClock }) => {
  const { session, saved } = live(180_000);
  const { created_at, expires_at } = session.record;
  const { types } = joined(session);
  await expect.poll(() => types).toContain("presence");
  setWallClock(-HOUR_MS);
  session.extend(60);
  expect(saved.at(-1)?.expires_at).toBeCloseTo(expires_at - HOUR_MS + 60_000, -2);
  expect(types.at(-1)).toBe("session_state");
  session.end("cancelled", "cancelled_by_bot");
  expect(saved.at(-1)?.created_at).toBeCloseTo(created_at - HOUR_MS, -2);
  expect((session.record.ended_at ?? 0) - session.record.created_at).toBeGreaterThanOrEqual(0);
});
