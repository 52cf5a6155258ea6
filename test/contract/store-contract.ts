/** What every storage must do with sessions, their events and their webhooks: one suite for all implementations. */
import { expect } from "@playwright/test";
import type { SessionScope } from "../../src/auth/permissions.ts";
import type { EventLog } from "../../src/events/event-log.ts";
import { SESSION_STATES, type SessionState } from "../../src/protocol/common.ts";
import type { SessionEvent } from "../../src/protocol/events.ts";
import { outcomeOf } from "../../src/session/lifecycle/outcome.ts";
import type { HistoryFilter, SessionRecord, SessionStore } from "../../src/session/ports/store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type StorageKind, storageTest } from "./storage-test.ts";

const DAY = Date.UTC(2030, 0, 1);

export function sessionRecord(given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    uid: "uid-1",
    legacy_open: false,
    session_id: "one",
    state: "waiting",
    reason: null,
    verified: null,
    owner: null,
    evidence: [],
    contradicted_by: [],
    note: null,
    label: "Überschrift 验证码 🧩",
    instructions: null,
    metadata: { order: 7, nested: { list: [1, null, "x"] } },
    url: "https://site.example/?q='\"%",
    viewport: { width: 1280, height: 720 },
    proxy_port: null,
    captcha_info: null,
    challenge_kind: null,
    needs_person: true,
    operator_came: false,
    traceparent: null,
    created_at: DAY,
    expires_at: DAY + 180_000,
    ended_at: null,
    ...given,
  };
}

function joined(id: string, at = DAY, first = true): SessionEvent {
  const data = { session_id: "one", operator: "operator-1 '🧩", operators: 1, first };
  return { id, type: "session.operator_joined", timestamp: new Date(at).toISOString(), data };
}

function expiring(id: string, at = DAY): SessionEvent {
  const data = { session_id: "one", expires_at: new Date(at + 60_000).toISOString(), seconds_left: 60 };
  return { id, type: "session.expiring", timestamp: new Date(at).toISOString(), data };
}

export function ended(id: string, at = DAY): SessionEvent {
  const data = { session_id: "one", ...outcomeOf(sessionRecord({ state: "solved", ended_at: at }), false) };
  return { id, type: "session.ended", timestamp: new Date(at).toISOString(), data };
}

/** Its place; NaN where it is not appended. */
function append(events: EventLog, uid: string, event: SessionEvent): number {
  return events.append([{ subject: { uid, owner: null, label: null }, event }])[0]?.position ?? Number.NaN;
}

function newest(store: SessionStore, limit: number): SessionRecord[] {
  return store.list({ states: SESSION_STATES, scope: null, limit });
}

function next({ deliveries }: Storage, ids: string[] = [], hosts: string[] = []) {
  return deliveries.next({ ids, hosts });
}

export function storeContract(name: string, kind: StorageKind): void {
  const test = storageTest(kind);

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
      const contradicted_by = [{ rule: "s", frame: "https://site.example/" }];
      const end = { state: "solved", reason: "operator_done", verified: "operator", ended_at: DAY + 5_000 } as const;
      const ended = sessionRecord({ ...end, evidence, contradicted_by });
      store.save(ended);
      expect(store.find("one")).toEqual(ended);
      expect(newest(store, 10)).toEqual([ended]);
    });

    test("[R10] finds the newest of several sessions with one id", ({ store }) => {
      store.save(sessionRecord({ uid: "first", state: "cancelled" }));
      store.save(sessionRecord({ uid: "second", state: "cancelled", created_at: DAY + 1 }));
      expect(store.find("one")?.uid).toBe("second");
      store.save(sessionRecord({ uid: "third, in the same ms", created_at: DAY + 1 }));
      expect(store.find("one")?.uid).toBe("third, in the same ms");
    });

    test("[R10] [S6] the newest is the one that was created last, also after the clock was set back", ({ store }) => {
      store.save(sessionRecord({ uid: "before", state: "solved", created_at: DAY + 3_600_000 }));
      store.save(sessionRecord({ uid: "after", created_at: DAY }));
      expect(store.find("one")?.uid).toBe("after");
      // Nor does an older one become the newest when its times follow the clock, or it is written again.
      store.save(sessionRecord({ uid: "before", state: "solved", created_at: DAY + 7_200_000 }));
      expect(store.find("one")?.uid).toBe("after");
    });

    test("[S6] a record whose times go along with a clock that was set is listed by them", ({ store }) => {
      const moved = sessionRecord({ uid: "moved", session_id: "moved", created_at: DAY + 2 });
      store.save(moved);
      store.save(sessionRecord({ uid: "other", created_at: DAY + 1 }));
      expect(newest(store, 1)[0]?.uid).toBe("moved");
      store.save({ ...moved, created_at: DAY });
      expect(newest(store, 1)[0]?.uid).toBe("other");
    });

    test("[R1] lists the states that are asked for, newest first, up to the limit", ({ store }) => {
      const states = ["waiting", "solved", "active", "waiting", "expired"] as const;
      for (const [index, state] of states.entries()) {
        store.save(sessionRecord({ uid: `u${index}`, session_id: `s${index}`, state, created_at: DAY + index }));
      }
      const ids = (given: readonly SessionState[], limit: number) =>
        store.list({ states: given, scope: null, limit }).map(({ uid }) => uid);
      expect(ids(SESSION_STATES, 100)).toEqual(["u4", "u3", "u2", "u1", "u0"]);
      expect(ids(["waiting", "active"], 100)).toEqual(["u3", "u2", "u0"]);
      expect(ids(["waiting", "active"], 2)).toEqual(["u3", "u2"]);
      expect(ids(["failed"], 100)).toEqual([]);
      expect(ids([], 100)).toEqual([]);
    });

    test("[R1] the limit of a list counts what the key may see: its own, and what lives under its labels", ({
      store,
    }) => {
      const rows = [
        { uid: "own", owner: "me", label: "mine" },
        { uid: "own and ended", owner: "me", label: "shop", state: "solved", ended_at: DAY },
        { uid: "shop", owner: "other", label: "shop" },
        { uid: "shop and ended", owner: "other", label: "shop", state: "solved", ended_at: DAY },
        { uid: "bulk", owner: "other", label: "bulk" },
        { uid: "no label", owner: "other", label: null },
        { uid: "nobody's", owner: null, label: "shop" },
      ] as const;
      for (const [at, row] of rows.entries()) {
        store.save(sessionRecord({ ...row, session_id: row.uid, created_at: DAY + at }));
      }
      const uids = (operates: SessionScope["operates"], limit = 10) =>
        store.list({ states: SESSION_STATES, scope: { owner: "me", operates }, limit }).map(({ uid }) => uid);
      expect(uids("none")).toEqual(["own and ended", "own"]);
      expect(uids(["shop"])).toEqual(["shop", "own and ended", "own"]);
      expect(uids(["shop"], 1)).toEqual(["shop"]);
      expect(uids(["shop", "bulk"])).toEqual(["bulk", "shop", "own and ended", "own"]);
      expect(uids("all")).toEqual(["no label", "bulk", "shop", "own and ended", "own"]);
      expect(newest(store, 10)).toHaveLength(rows.length);
    });

    test("[R15] the history has ended sessions, newest end first, page by page", ({ store }) => {
      const ended_at = [DAY, DAY + 2, DAY + 1, DAY + 1, null];
      for (const [index, at] of ended_at.entries()) {
        const state = at === null ? "active" : "solved";
        store.save(sessionRecord({ uid: `u${index}`, session_id: `s${index}`, state, ended_at: at }));
      }
      const all = store.history({ scope: null, limit: 10 });
      expect(all.map(({ record }) => record.uid)).toEqual(["u1", "u3", "u2", "u0"]);
      const first = store.history({ scope: null, limit: 2 });
      expect(first).toEqual(all.slice(0, 2));
      expect(store.history({ scope: null, limit: 10, before: first[1]?.cursor })).toEqual(all.slice(2));
    });

    test("[R15] the history is asked for by state, reason, label, id and time, and by whose sessions they are", ({
      store,
    }) => {
      const rows = [
        { uid: "own", owner: "me", label: "mine", state: "solved", reason: "rules_met", ended_at: DAY },
        { uid: "shop", owner: "other", label: "shop", state: "failed", reason: "page_crashed", ended_at: DAY + 1 },
        { uid: "bulk", owner: "other", label: "bulk", state: "expired", reason: "timeout", ended_at: DAY + 2 },
        { uid: "nobody's", owner: null, label: "shop", state: "solved", reason: "rules_met", ended_at: DAY + 3 },
      ] as const;
      for (const row of rows) store.save(sessionRecord({ ...row, session_id: `id of ${row.uid}` }));
      const uids = (filter: Partial<HistoryFilter>) =>
        store.history({ scope: null, limit: 10, ...filter }).map(({ record }) => record.uid);
      expect(uids({ states: ["solved", "failed"] })).toEqual(["nobody's", "shop", "own"]);
      expect(uids({ reason: "timeout" })).toEqual(["bulk"]);
      expect(uids({ label: "shop" })).toEqual(["nobody's", "shop"]);
      expect(uids({ session_id: "id of own" })).toEqual(["own"]);
      expect(uids({ since: DAY + 1, until: DAY + 3 })).toEqual(["bulk", "shop"]);
      expect(uids({ scope: { owner: "me", operates: "none" } })).toEqual(["own"]);
      expect(uids({ scope: { owner: "me", operates: ["shop"] } })).toEqual(["shop", "own"]);
      expect(uids({ scope: { owner: "me", operates: "all" } })).toEqual(["bulk", "shop", "own"]);
      expect(uids({ scope: { owner: "me", operates: "all" }, limit: 1 })).toEqual(["bulk"]);
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

    test("[R23] keeps the first report of a session, apart from its record, and the history has whether it was right", ({
      store,
    }) => {
      const ended = (uid: string, at: number) =>
        store.save(sessionRecord({ uid, session_id: `id of ${uid}`, state: "solved", ended_at: at }));
      for (const [index, uid] of ["right", "wrong", "unreported"].entries()) ended(uid, DAY + index);
      const report = (correct: boolean, note: string | null) => ({
        correct,
        note,
        reported_at: new Date(DAY).toISOString(),
      });
      expect(store.saveReport("right", report(true, null))).toBe(true);
      expect(store.saveReport("wrong", report(false, "It's no ✓."))).toBe(true);
      expect(store.saveReport("wrong", report(true, "other"))).toBe(false);
      expect(store.saveReport("unknown", report(true, null))).toBe(false);
      expect(store.report("right")).toEqual(report(true, null));
      expect(store.report("wrong")).toEqual(report(false, "It's no ✓."));
      expect(store.report("unreported")).toBeUndefined();
      expect(store.report("unknown")).toBeUndefined();
      // A record that is written again, because its end could not be stored at first, keeps it.
      ended("wrong", DAY + 1);
      expect(store.report("wrong")).toEqual(report(false, "It's no ✓."));
      const history = store.history({ scope: null, limit: 10 });
      expect(history.map(({ correct }) => correct)).toEqual([null, false, true]);
      expect(JSON.stringify([history, store.find("id of wrong"), newest(store, 10)])).not.toContain("no ✓");
      store.removeEndedBefore(DAY + 2);
      expect(store.report("wrong")).toBeUndefined();
    });

    test("remembers of a page what it is told, part by part, until its session ends", ({ store }) => {
      store.save(sessionRecord());
      store.save(sessionRecord({ uid: "uid-2", session_id: "two" }));
      expect(store.resumeState("uid-1")).toEqual({});
      const request = { session_id: "one", url: "https://site.example/", viewport: { width: 1, height: 1 } };
      store.saveResumeState("uid-1", { request: { ...request, completion: undefined }, done: { ü: 1 } });
      store.saveResumeState("uid-1", { held: { x: 1.5, y: 2, buttons: 1 }, done: { ü: 2 } });
      store.saveResumeState("uid-2", { control: null });
      expect(store.resumeState("uid-1")).toEqual({ request, held: { x: 1.5, y: 2, buttons: 1 }, done: { ü: 2 } });
      store.save(sessionRecord({ state: "active" }));
      expect(store.resumeState("uid-1").done).toEqual({ ü: 2 });
      store.save(sessionRecord({ state: "failed", reason: "browser_lost", ended_at: DAY + 1 }));
      expect(store.resumeState("uid-1")).toEqual({});
      expect(store.resumeState("uid-2")).toEqual({ control: null });
    });

    test("what was remembered of a page never outlives its session", ({ store }) => {
      store.save(sessionRecord({ state: "solved", ended_at: DAY }));
      // Late, and of nobody.
      for (const uid of ["uid-1", "unknown"]) {
        store.saveResumeState(uid, { control: null });
        expect(store.resumeState(uid)).toEqual({});
      }
      store.save(sessionRecord({ uid: "uid-2", session_id: "two" }));
      store.saveResumeState("uid-2", { control: null });
      store.removeEndedBefore(DAY + 1);
      expect(store.resumeState("uid-2")).toEqual({ control: null });
      store.save(sessionRecord({ uid: "uid-2", session_id: "two", state: "expired", ended_at: DAY + 2 }));
      store.removeEndedBefore(DAY + 3);
      expect(store.resumeState("uid-2")).toEqual({});
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
      store.saveAnswer("key", { body_hash: "h", uid: "uid-1", answer }, DAY);
      expect(store.answer("key")).toEqual({ body_hash: "h", uid: "uid-1", answer });
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
      expect(newest(store, 10).map(({ uid }) => uid)).toEqual(["young", "living"]);
    });

    test("[R14] gives every event a place that only grows, and reads a session's own after a place", ({ storage }) => {
      const { events } = storage;
      const places = ["a", "b", "a", "a"].map((uid, index) => append(events, uid, joined(`e${index}`)));
      expect(places.toSorted((one, other) => one - other)).toEqual(places);
      const ids = (uid: string, after: number, limit = 10) =>
        events.after(uid, after, limit).map(({ event }) => event.id);
      expect(ids("a", 0)).toEqual(["e0", "e2", "e3"]);
      expect(ids("a", places[0] ?? 0)).toEqual(["e2", "e3"]);
      expect(ids("a", 0, 2)).toEqual(["e0", "e2"]);
      expect(ids("nobody", 0)).toEqual([]);
      const subject = (uid: string) => ({ uid, owner: null, label: null });
      expect(events.last("a")).toEqual({ position: places[3], subject: subject("a"), event: joined("e3") });
      expect(events.last("nobody")).toBeUndefined();
      expect(events.at(places[1] ?? 0)).toEqual({ position: places[1], subject: subject("b"), event: joined("e1") });
      expect(events.at(99_999)).toBeUndefined();
    });

    test("[R14] a session has one end: another is left out", ({ storage }) => {
      const first = append(storage.events, "a", ended("first"));
      expect(append(storage.events, "a", ended("second"))).toBeNaN();
      expect(storage.events.after("a", 0, 10).map(({ event }) => event.id)).toEqual(["first"]);
      expect(append(storage.events, "b", ended("third"))).toBeGreaterThan(first);
    });

    test("[R14] knows the ends that nobody came to tell", ({ storage, store }) => {
      store.save(sessionRecord({ uid: "living" }));
      store.save(sessionRecord({ uid: "told", state: "solved", ended_at: DAY }));
      store.save(sessionRecord({ uid: "untold", state: "failed", ended_at: DAY + 1 }));
      append(storage.events, "told", ended("end"));
      append(storage.events, "untold", joined("no end"));
      expect(store.missedEnds().map(({ uid }) => uid)).toEqual(["untold"]);
    });

    test("[R14] old events are removed, ends only with their sessions, and no place is given twice", ({
      storage,
      store,
    }) => {
      store.save(sessionRecord({ uid: "a", state: "solved", ended_at: DAY }));
      const { events } = storage;
      append(events, "a", joined("old", DAY - 1));
      append(events, "a", joined("young", DAY));
      const last = append(events, "a", ended("end", DAY - 1));
      events.removeBefore(DAY);
      expect(events.after("a", 0, 10).map(({ event }) => event.id)).toEqual(["young", "end"]);
      store.removeEndedBefore(DAY + 1);
      expect(events.after("a", 0, 10)).toEqual([]);
      expect(append(events, "b", joined("next"))).toBeGreaterThan(last);
    });

    test("[R14] keeps at most 10,000 events, and all ends", ({ storage }) => {
      const end = append(storage.events, "ended", ended("end"));
      const first = append(storage.events, "noisy", joined("first"));
      for (let count = 0; count < 10_100; count += 1) append(storage.events, "noisy", joined(`e${count}`));
      expect(storage.events.at(first)).toBeUndefined();
      expect(storage.events.at(end)?.event.id).toBe("end");
      expect(storage.events.after("noisy", 0, 20_000).length).toBeLessThanOrEqual(10_100);
      expect(storage.events.after("noisy", 0, 20_000).length).toBeGreaterThan(9_900);
    });

    test("webhooks are queued for sessions with a callback: the first operator, that the end is near, and the end only", ({
      storage,
    }) => {
      const { events, deliveries } = storage;
      expect(next(storage)).toBeUndefined();
      deliveries.saveCallback("a", { url: "https://hooks.example:8443/x", secret: "whsec_abc", allow: ["10.0.0.0/8"] });
      append(events, "b", ended("not asked for"));
      append(events, "a", joined("second operator", DAY, false));
      expect(next(storage)).toBeUndefined();
      append(events, "a", joined("first operator"));
      expect(next(storage)).toEqual({
        id: "first operator",
        uid: "a",
        url: "https://hooks.example:8443/x",
        host: "hooks.example:8443",
        secret: "whsec_abc",
        allow: ["10.0.0.0/8"],
        body: JSON.stringify(joined("first operator")),
        tries: 0,
        first_tried_at: null,
        next_at: DAY,
      });
      append(events, "a", expiring("near"));
      expect(next(storage, ["first operator"])?.id).toBe("near");
      // Nobody can act on what came before, once the session has ended.
      append(events, "a", ended("end"));
      expect(next(storage)?.id).toBe("end");
      expect(next(storage, ["end"])).toBeUndefined();
      expect(next(storage, [], ["hooks.example:8443"])).toBeUndefined();
    });

    test("the webhook that waits longest comes first; one that failed waits for its time", ({ storage }) => {
      const { events, deliveries } = storage;
      for (const uid of ["a", "b"])
        deliveries.saveCallback(uid, { url: `https://${uid}.example/`, secret: null, allow: [] });
      append(events, "a", ended("a", DAY));
      append(events, "b", ended("b", DAY + 1));
      expect(next(storage)?.id).toBe("a");
      deliveries.retry("a", { firstTriedAt: DAY + 5, nextAt: DAY + 100, error: "answered 500" });
      expect(next(storage)?.id).toBe("b");
      expect(next(storage, ["b"])).toMatchObject({ id: "a", tries: 1, first_tried_at: DAY + 5, next_at: DAY + 100 });
    });

    test("a webhook that is over is forgotten with its secret, one that was given up keeps its error", ({
      storage,
      store,
    }) => {
      const { events, deliveries } = storage;
      for (const uid of ["received", "failed", "gone"]) {
        store.save(sessionRecord({ uid, state: "solved", ended_at: DAY }));
        deliveries.saveCallback(uid, { url: "https://hooks.example/", secret: "whsec_abc", allow: ["10.0.0.0/8"] });
      }
      append(events, "received", ended("received"));
      deliveries.delivered("received");
      append(events, "failed", ended("failed"));
      deliveries.retry("failed", { firstTriedAt: DAY, nextAt: DAY, error: "answered 500" });
      deliveries.failed("failed", "answered 502", false);
      append(events, "gone", joined("gone"));
      deliveries.failed("gone", "answered 410", true);
      append(events, "gone", ended("after"));
      expect(next(storage)).toBeUndefined();
      expect(deliveries.failures()).toEqual([
        { id: "failed", uid: "failed", tries: 2, last_error: "answered 502" },
        { id: "gone", uid: "gone", tries: 1, last_error: "answered 410" },
      ]);
      store.removeEndedBefore(DAY + 1);
      expect(deliveries.failures()).toEqual([]);
    });

    test("a webhook that waits outlives its session", ({ storage, store }) => {
      store.save(sessionRecord({ uid: "a", state: "solved", ended_at: DAY }));
      storage.deliveries.saveCallback("a", { url: "https://hooks.example/", secret: null, allow: ["10.0.0.0/8"] });
      append(storage.events, "a", ended("end"));
      store.removeEndedBefore(DAY + 1);
      expect(store.find("one")).toBeUndefined();
      expect(next(storage)).toMatchObject({ id: "end", secret: null });
    });

    test("a webhook that is given up when its session is gone already goes with the next removal", ({
      storage,
      store,
    }) => {
      store.save(sessionRecord({ uid: "a", state: "solved", ended_at: DAY }));
      storage.deliveries.saveCallback("a", { url: "https://hooks.example/", secret: null, allow: ["10.0.0.0/8"] });
      append(storage.events, "a", ended("end"));
      store.removeEndedBefore(DAY + 1);
      storage.deliveries.failed("end", "answered 500", false);
      expect(storage.deliveries.failures()).toHaveLength(1);
      store.removeEndedBefore(DAY + 1);
      expect(storage.deliveries.failures()).toEqual([]);
    });

    test("[R10] a new session and its callback are kept together, or neither is", ({ storage, store }) => {
      const callback = { allow: [], url: "https://hooks.example/", secret: "whsec_abc" };
      store.create(sessionRecord({ uid: "a" }), callback);
      store.create(sessionRecord({ uid: "b", session_id: "two" }), null);
      for (const uid of ["a", "b"]) append(storage.events, uid, ended(uid));
      expect(next(storage)).toMatchObject({ id: "a", secret: "whsec_abc" });
      expect(next(storage, ["a"])).toBeUndefined();
      const wrong = { ...callback, url: "no address" };
      expect(() => store.create(sessionRecord({ uid: "c", session_id: "three" }), wrong)).toThrow();
      expect(store.find("three")).toBeUndefined();
    });

    test("takes ids and texts as text, whatever is in them", ({ store }) => {
      const nasty = "'); DROP TABLE sessions; --";
      store.save(sessionRecord({ uid: nasty, session_id: nasty, label: nasty }));
      expect(store.find(nasty)?.label).toBe(nasty);
      expect(store.find("%")).toBeUndefined();
    });

    if (!kind.durable) return;

    test("[S5] a store that is opened again has all of it", ({ factory }) => {
      const first = factory.open();
      const record = sessionRecord();
      first.sessions.save(record);
      first.sessions.saveStorageState(record.uid, { cookies: [], origins: [] });
      first.deliveries.saveCallback("gone", { url: "https://hooks.example/", secret: null, allow: [] });
      append(first.events, "gone", ended("end"));
      first.close();
      const second = factory.open();
      expect(second.sessions.find("one")).toEqual(record);
      expect(second.sessions.storageState(record.uid)).toEqual({ cookies: [], origins: [] });
      expect(next(second)).toMatchObject({ id: "end" });
      second.close();
    });
  });
}
