// How the server finds out that a socket is dead, on a clock of the test's own.
import { expect, test } from "@playwright/test";
import { BEAT_MS, Heartbeat, READER_HEARTBEAT } from "../../src/http/sockets/heartbeat.ts";

const LIMIT_MS = 30_000;

test("[W8] a peer that has gone without a word is pinged, and given up within 30 s, whenever it went", () => {
  for (let wentAt = 0; wentAt < LIMIT_MS; wentAt += 700) {
    const heartbeat = new Heartbeat(0);
    heartbeat.heard(wentAt);
    let pings = 0;
    let now = Math.ceil(wentAt / BEAT_MS) * BEAT_MS;
    for (let act = heartbeat.beat(now); act !== "give up"; act = heartbeat.beat(now)) {
      if (act === "ping") pings += 1;
      now += BEAT_MS;
    }
    expect(now - wentAt).toBeLessThanOrEqual(LIMIT_MS);
    expect(pings).toBeGreaterThan(0);
  }
});

test("[W8] a peer that answers pings and says nothing else is never given up, and pinged every 15 s", () => {
  const heartbeat = new Heartbeat(0);
  const pings: number[] = [];
  for (let now = 0; now <= 120_000; now += BEAT_MS) {
    const act = heartbeat.beat(now);
    expect(act).not.toBe("give up");
    if (act !== "ping") continue;
    pings.push(now);
    // The slowest line that works.
    heartbeat.heard(now + 10_000);
  }
  expect(pings).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((count) => count * 15_000));
});

test("[R18] who reads events is pinged every 30 s, and given up 45 s after its last sign of life", () => {
  const heartbeat = new Heartbeat(0, READER_HEARTBEAT);
  const pings: number[] = [];
  let [now, heardAt] = [0, 0];
  for (let act = heartbeat.beat(now); act !== "give up"; act = heartbeat.beat(now)) {
    if (act === "ping") pings.push(now);
    // The answer to the second one is its last word.
    if (act === "ping" && pings.length <= 2) {
      heardAt = now + 500;
      heartbeat.heard(heardAt);
    }
    now += BEAT_MS;
  }
  expect(pings).toEqual([30_000, 60_000, 90_000]);
  expect(now - heardAt).toBeLessThanOrEqual(45_000);
  expect(now - heardAt).toBeGreaterThan(45_000 - 2 * BEAT_MS);
});
