/** When a webhook that failed is tried again: growing waits with some chance in them, to the end of the hour. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { HOURLY_SCHEDULE, nextTry } from "../../src/webhooks/schedule.ts";

const HOUR_MS = 3_600_000;

/** The times of all tries, in ms after the first, when each takes `takes` ms to fail. */
function tries(chances: readonly number[], takes: number): number[] {
  const times = [0];
  for (let count = 1; ; count += 1) {
    const now = (times.at(-1) ?? 0) + takes;
    const chance = chances[count % chances.length] ?? 0.5;
    const next = nextTry(HOURLY_SCHEDULE, { tries: count, firstTriedAt: 0, now, chance });
    if (next === null) return times;
    times.push(next);
  }
}

test("without chance: 5 s, then twice as long each time, 15 minutes at most, the last at the hour", () => {
  const times = tries([0.5], 0);
  expect(times.map((time) => time / 1_000)).toEqual([0, 5, 15, 35, 75, 155, 315, 635, 1_275, 2_175, 3_075, 3_600]);
});

test("whatever the chance and however long a try takes: each is later, none before its wait, the last at the hour or under way then", () => {
  const chance = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(chance, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 10_000 }),
      (all, takes) => {
        const times = tries(all, takes);
        const last = times.at(-1) ?? 0;
        expect(last).toBeLessThanOrEqual(HOUR_MS);
        expect(last + takes).toBeGreaterThanOrEqual(HOUR_MS);
        expect(times.length).toBeGreaterThanOrEqual(9);
        expect(times.length).toBeLessThan(17);
        for (const [index, time] of times.entries()) {
          if (index === 0 || time === HOUR_MS) continue;
          const wait = time - (times[index - 1] ?? 0) - takes;
          const even = Math.min(5_000 * 2 ** (index - 1), 900_000);
          expect(wait).toBeGreaterThanOrEqual(Math.floor(even * 0.8));
          expect(wait).toBeLessThanOrEqual(Math.ceil(even * 1.2));
        }
      },
    ),
  );
});

test("a try under way at the hour is the last", () => {
  const trial = { tries: 12, firstTriedAt: 0, now: HOUR_MS + 5_299, chance: 0.5 };
  expect(nextTry(HOURLY_SCHEDULE, trial)).toBeNull();
});

test("what is first tried long after it was queued, after a server that was down, still has its hour", () => {
  const trial = { tries: 1, firstTriedAt: 50 * HOUR_MS, now: 50 * HOUR_MS + 10_000, chance: 0.5 };
  expect(nextTry(HOURLY_SCHEDULE, trial)).toBe(50 * HOUR_MS + 15_000);
});
