/** What every SessionStore must do, as tests over a factory: one suite for all implementations. */
import { test as base, expect } from "@playwright/test";
import { SESSION_STATES } from "../../src/protocol/common.ts";
import type { SessionRecord, SessionStore } from "../../src/session/store.ts";

export interface StoreFactory {
  open(): SessionStore;
  remove(): Promise<void>;
}

const DAY = Date.UTC(2030, 0, 1);

export function sessionRecord(given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    uid: "uid-1",
    session_id: "one",
    state: "waiting",
    reason: null,
    verified: null,
    evidence: [],
    note: null,
    label: "Überschrift 验证码 🧩",
    instructions: null,
    metadata: { order: 7, nested: { list: [1, null, "x"] } },
    url: "https://site.example/?q='\"%",
    viewport: { width: 1280, height: 720 },
    created_at: DAY,
    expires_at: DAY + 180_000,
    ended_at: null,
    ...given,
  };
}

/** @param makeFactory a place of its own for each test; `open` may be called again after `close` */
export function storeContract(name: string, makeFactory: () => Promise<StoreFactory>): void {
  const test = base.extend<{ factory: StoreFactory; store: SessionStore }>({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
    factory: async ({}, use) => {
      const factory = await makeFactory();
      await use(factory);
      await factory.remove();
    },
    store: async ({ factory }, use) => {
      const store = factory.open();
      await use(store);
      store.close();
    },
  });

  test.describe(name, () => {
    test("gives back a record as it was saved", ({ store }) => {
      const record = sessionRecord();
      store.save(record);
      expect(store.find("one")).toEqual(record);
      expect(store.find("two")).toBeUndefined();
    });

    test("keeps what was saved, not what the caller's object becomes afterwards", ({ store }) => {
      const record = sessionRecord();
      store.save(record);
      record.state = "failed";
      const found = store.find("one");
      expect(found?.state).toBe("waiting");
      if (found) found.state = "expired";
      expect(store.find("one")?.state).toBe("waiting");
    });

    test("replaces the record with the same uid", ({ store }) => {
      store.save(sessionRecord());
      const evidence = [{ rule: "r", frame: null, since: new Date(DAY).toISOString() }];
      const ended = sessionRecord({ state: "solved", reason: "rules_met", evidence, ended_at: DAY + 5_000 });
      store.save(ended);
      expect(store.find("one")).toEqual(ended);
      expect(store.list(SESSION_STATES, 10)).toEqual([ended]);
    });

    test("[R10] finds the newest of several sessions with one id", ({ store }) => {
      store.save(sessionRecord({ uid: "new", created_at: DAY + 1 }));
      store.save(sessionRecord({ uid: "old", created_at: DAY, state: "cancelled" }));
      expect(store.find("one")?.uid).toBe("new");
      store.save(sessionRecord({ uid: "newer in the same ms", created_at: DAY + 1 }));
      expect(store.find("one")?.uid).toBe("newer in the same ms");
    });

    test("[R1] lists the states that are asked for, newest first, up to the limit", ({ store }) => {
      const states = ["waiting", "solved", "active", "waiting", "expired"] as const;
      for (const [index, state] of states.entries()) {
        store.save(sessionRecord({ uid: `u${index}`, session_id: `s${index}`, state, created_at: DAY + index }));
      }
      const ids = (...given: Parameters<SessionStore["list"]>) => store.list(...given).map(({ uid }) => uid);
      expect(ids(SESSION_STATES, 100)).toEqual(["u4", "u3", "u2", "u1", "u0"]);
      expect(ids(["waiting", "active"], 100)).toEqual(["u3", "u2", "u0"]);
      expect(ids(["waiting", "active"], 2)).toEqual(["u3", "u2"]);
      expect(ids(["failed"], 100)).toEqual([]);
      expect(ids([], 100)).toEqual([]);
    });

    test("[R11] keeps a storage state apart from its record, for that session only", ({ store }) => {
      store.save(sessionRecord());
      store.save(sessionRecord({ uid: "uid-2" }));
      expect(store.storageState("uid-1")).toBeUndefined();
      const state = { cookies: [{ name: "a", value: "ü" }], origins: [{ origin: "https://site.example" }] };
      store.saveStorageState("uid-1", state);
      store.save(sessionRecord({ state: "solved" }));
      expect(store.storageState("uid-1")).toEqual(state);
      expect(store.storageState("uid-2")).toBeUndefined();
      expect(store.storageState("unknown")).toBeUndefined();
      expect(JSON.stringify(store.find("one"))).not.toContain("cookies");
    });

    test("[R10] remembers the answer to an Idempotency-Key", ({ store }) => {
      const answer = {
        session_id: "one",
        state: "waiting" as const,
        control_url: "c",
        ws_url: "w",
        status_url: "s",
        expires_at: new Date(DAY).toISOString(),
        captcha_info: null,
        viewport: { width: 100, height: 100 },
      };
      expect(store.answer("key")).toBeUndefined();
      store.saveAnswer("key", { body_hash: "h", answer }, DAY);
      expect(store.answer("key")).toEqual({ body_hash: "h", answer });
      expect(store.answer("KEY")).toBeUndefined();
    });

    test("[S5] removes what ended before a time, with its storage state, and nothing that lives", ({ store }) => {
      store.save(sessionRecord({ uid: "old", session_id: "old", state: "solved", ended_at: DAY }));
      store.saveStorageState("old", { cookies: [], origins: [] });
      store.save(sessionRecord({ uid: "young", session_id: "young", state: "solved", ended_at: DAY + 10 }));
      store.save(sessionRecord({ uid: "living", session_id: "living", created_at: DAY - 1_000_000 }));
      expect(store.removeEndedBefore(DAY)).toBe(0);
      expect(store.removeEndedBefore(DAY + 1)).toBe(1);
      expect(store.find("old")).toBeUndefined();
      expect(store.storageState("old")).toBeUndefined();
      expect(store.list(SESSION_STATES, 10).map(({ uid }) => uid)).toEqual(["young", "living"]);
    });

    test("takes ids and texts as text, whatever is in them", ({ store }) => {
      const nasty = "'); DROP TABLE sessions; --";
      store.save(sessionRecord({ uid: nasty, session_id: nasty, label: nasty }));
      expect(store.find(nasty)?.label).toBe(nasty);
      expect(store.find("%")).toBeUndefined();
    });

    test("[S5] a store that is opened again has all of it", ({ factory }) => {
      const first = factory.open();
      const record = sessionRecord();
      first.save(record);
      first.saveStorageState(record.uid, { cookies: [], origins: [] });
      first.close();
      const second = factory.open();
      expect(second.find("one")).toEqual(record);
      expect(second.storageState(record.uid)).toEqual({ cookies: [], origins: [] });
      second.close();
    });
  });
}
