/** What every storage must do for readers of many sessions: the log of all events, and ends that are not acknowledged. */
import { expect } from "@playwright/test";
import type { EventLog } from "../../src/events/event-log.ts";
import { type FeedEvent, NO_SESSION } from "../../src/protocol/events.ts";
import { type StorageKind, storageTest } from "./storage-test.ts";
import { ended, sessionRecord } from "./store-contract.ts";

const DAY = Date.UTC(2030, 0, 1);

function progress(id: string, at = DAY): FeedEvent {
  const data = { session_id: "one", percentage: 5, step: "browser" as const, message: "It starts." };
  return { id, type: "session.progress", timestamp: new Date(at).toISOString(), data };
}

function notice(id: string, at = DAY): FeedEvent {
  const data = { level: "info" as const, code: "notice" as const, message: "Überschrift" };
  return { id, type: "system.notice", timestamp: new Date(at).toISOString(), data };
}

/** The places of so many ends, each of a session of its own. */
function appendEnds(events: EventLog, count: number, from = 0): number[] {
  const ends = Array.from({ length: count }, (_, index) => {
    const uid = `uid-${from + index}`;
    return { subject: { uid, owner: null, label: null }, event: ended(`end ${uid}`) };
  });
  return events.append(ends).map(({ position }) => position);
}

export function feedContract(name: string, kind: StorageKind): void {
  const test = storageTest(kind);

  test.describe(`${name}: events of all sessions`, () => {
    test("[R18] are read in the order of their places, with whose they are, the server's own among them", ({
      storage: { events },
    }) => {
      const subject = { uid: "a", owner: "key-1", label: "Überschrift 验证码" };
      const given = [
        { subject, event: progress("one") },
        { subject: NO_SESSION, event: notice("two") },
        { subject, event: ended("three") },
      ];
      const logged = events.append(given);
      expect(logged.map(({ subject: of, event }) => ({ subject: of, event }))).toEqual(given);
      expect(events.allAfter(0, 10)).toEqual(logged);
      expect(events.allAfter(logged[0]?.position ?? 0, 1)).toEqual([logged[1]]);
      // What comes often is for readers of many sessions only.
      expect(events.after("a", 0, 10).map(({ event }) => event.id)).toEqual(["three"]);
    });

    test("[R18] are written together or not at all", ({ storage: { events } }) => {
      const subject = { uid: "a", owner: null, label: null };
      const broken: FeedEvent = { ...notice("broken"), timestamp: "never" };
      expect(() =>
        events.append([
          { subject, event: progress("one") },
          { subject, event: broken },
        ]),
      ).toThrow();
      expect(events.allAfter(0, 10)).toEqual([]);
      expect(events.newest).toBe(0);
    });

    test("[R18] the newest place is known, and up to where events may be gone", ({ storage: { events } }) => {
      expect([events.newest, events.removedTo]).toEqual([0, 0]);
      const subject = { uid: "a", owner: null, label: null };
      const [old, end, young] = events.append([
        { subject, event: progress("old", DAY - 1) },
        { subject, event: ended("end", DAY - 1) },
        { subject, event: progress("young", DAY) },
      ]);
      expect([events.newest, events.removedTo]).toEqual([young?.position, 0]);
      events.removeBefore(DAY);
      expect([events.newest, events.removedTo]).toEqual([young?.position, old?.position]);
      expect(events.allAfter(0, 10)).toEqual([end, young]);
      events.removeBefore(DAY + 1);
      expect([events.newest, events.removedTo]).toEqual([young?.position, young?.position]);
    });
  });

  test.describe(`${name}: acknowledgements`, () => {
    test("[R18] an end waits for its reader until that acknowledges it", ({
      storage: { events, acknowledgements },
    }) => {
      const [first = 0, second = 0] = appendEnds(events, 2);
      for (const reader of ["a", "b"]) {
        // Sent again it waits once.
        for (const position of [second, first, first]) acknowledgements.sent(reader, position);
      }
      acknowledgements.acknowledge("a", first);
      acknowledgements.acknowledge("a", 99_999);
      acknowledgements.acknowledge("nobody", second);
      const waiting = (reader: string) => acknowledgements.waiting(reader).map(({ position }) => position);
      expect(waiting("a")).toEqual([second]);
      expect(waiting("b")).toEqual([first, second]);
      expect(waiting("nobody")).toEqual([]);
      expect(acknowledgements.waiting("a")).toEqual([events.at(second)]);
    });

    test("[R18] at most 1,000 ends wait for a reader: the oldest go first, and another's stay", ({
      storage: { events, acknowledgements },
    }) => {
      const places = appendEnds(events, 1_010);
      acknowledgements.sent("b", places[0] ?? 0);
      for (const position of places) acknowledgements.sent("a", position);
      expect(acknowledgements.waiting("a").map(({ position }) => position)).toEqual(places.slice(10));
      expect(acknowledgements.waiting("b")).toHaveLength(1);
    });

    test("[R18] [S5] an end does not outlive its session", ({ storage: { events, acknowledgements }, store }) => {
      store.save(sessionRecord({ uid: "uid-0", state: "solved", ended_at: DAY }));
      const [position = 0] = appendEnds(events, 1);
      acknowledgements.sent("a", position);
      store.removeEndedBefore(DAY + 1);
      expect(acknowledgements.waiting("a")).toEqual([]);
    });
  });

  if (!kind.durable) return;

  test(`${name}: [R18] places go on, and ends wait, over restarts`, ({ factory }) => {
    const first = factory.open();
    const places = appendEnds(first.events, 2);
    first.acknowledgements.sent("a", places[1] ?? 0);
    first.close();
    const second = factory.open();
    expect(second.events.newest).toBe(places[1]);
    expect(second.acknowledgements.waiting("a").map(({ position }) => position)).toEqual([places[1]]);
    expect(appendEnds(second.events, 1, 2)[0]).toBeGreaterThan(places[1] ?? 0);
    second.close();
  });
}
