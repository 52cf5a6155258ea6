/** [W21] When the screencast counts as frozen: soon after an input that no picture shows, and never too often. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { FreezeDetector } from "../../src/browser/pictures/freeze-detector.ts";

const FRAME_MS = 1_000 / 60;
const PATIENCE_MS = 28;
const MAX_PATIENCE_MS = 1_000;
const SECOND = 1_000;
/** What computing with fractions loses. */
const SLACK_MS = 0.001;
/** Apart by the patience, less what a picture may be younger than the input it does not show: more are no freeze. */
const MOST_RESTARTS_PER_SECOND = 50;

type Happening = { readonly at: number; readonly type: "input" | "press" | "picture" };

/** Lets all of it happen at its time, with restarts when they are due; answers when those were. */
function restartsOf(detector: FreezeDetector, happenings: readonly Happening[], end: number): number[] {
  const restarts: number[] = [];
  const restartUntil = (until: number) => {
    for (let due = detector.dueAt; due !== null && due <= until; due = detector.dueAt) {
      restarts.push(due);
      detector.restarted();
    }
  };
  for (const { at, type } of [...happenings].sort((a, b) => a.at - b.at)) {
    restartUntil(at);
    if (type === "input") detector.input(at);
    else if (type === "picture") detector.picture(at, true);
    else detector.press();
  }
  restartUntil(end);
  return restarts;
}

/** A drag of sixty moves a second, none of which comes on time. */
function drag(from: number, count: number, jitter: readonly number[]): Happening[] {
  return Array.from({ length: count }, (_, index) => ({
    at: from + index * FRAME_MS + (jitter[index % jitter.length] ?? 0),
    type: "input" as const,
  }));
}

test("[W21] a capture that is alive is left alone, through a drag of jittered moves", () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 7, maxLength: 50 }),
      fc.array(part, { minLength: 7, maxLength: 50 }),
      part,
      (inputJitter, pictureJitter, phase) => {
        const moves = drag(
          0,
          240,
          inputJitter.map((value) => value * 8),
        );
        // A picture a frame from the first move on: what the browser draws is on its way by then.
        const pictures = Array.from({ length: 242 }, (_, index) => ({
          at: phase * FRAME_MS + index * FRAME_MS + (pictureJitter[index % pictureJitter.length] ?? 0) * 6,
          type: "picture" as const,
        }));
        return restartsOf(new FreezeDetector(), [...moves, ...pictures], 240 * FRAME_MS).length === 0;
      },
    ),
    { numRuns: 1_000 },
  );
});

test("[W21] nothing is due before an input, nor for a page that draws by itself", () => {
  const detector = new FreezeDetector();
  expect(detector.dueAt).toBeNull();
  const pictures = Array.from({ length: 100 }, (_, index) => ({ at: index * 100, type: "picture" as const }));
  expect(restartsOf(detector, pictures, 100_000)).toEqual([]);
});

test("[W21] an input that is not shown within 28 ms is one restart", () => {
  expect(restartsOf(new FreezeDetector(), [{ at: 100, type: "input" }], 10_000)).toEqual([100 + PATIENCE_MS]);
});

test("[W21] the picture of an input, however late below that, takes the restart away", () => {
  for (const after of [8, 12, 20, 27]) {
    const happenings: Happening[] = [
      { at: 100, type: "input" },
      { at: 100 + after, type: "picture" },
    ];
    expect(restartsOf(new FreezeDetector(), happenings, 10_000), `after ${after} ms`).toEqual([]);
  }
});

test("[W21] a picture right after an input was made before it: the input is still owed", () => {
  const happenings: Happening[] = [
    { at: 100, type: "input" },
    { at: 103, type: "picture" },
  ];
  expect(restartsOf(new FreezeDetector(), happenings, 10_000)).toEqual([100 + PATIENCE_MS]);
});

test("[W21] a drag in a frozen capture is restarted 28 ms after its first move, though more moves come", () => {
  const [first] = restartsOf(new FreezeDetector(), drag(0, 20, [0]), 300);
  expect(first).toBe(PATIENCE_MS);
});

test("[W21] where a page does not react each restart waits twice as long, up to a second", () => {
  const restarts = restartsOf(new FreezeDetector(), drag(0, 600, [0]), 10 * SECOND);
  const gaps = restarts.slice(1).map((at, index) => at - (restarts[index] ?? 0));
  for (const [index, gap] of gaps.entries()) {
    const patience = Math.min(PATIENCE_MS * 2 ** (index + 1), MAX_PATIENCE_MS);
    // From the next move on, which is at most a frame away.
    expect(gap).toBeGreaterThanOrEqual(patience - SLACK_MS);
    expect(gap).toBeLessThanOrEqual(patience + FRAME_MS + SLACK_MS);
  }
  expect(restarts.length).toBeGreaterThan(8);
  expect(restarts.length).toBeLessThan(20);
});

for (const type of ["picture", "press"] as const) {
  test(`[W21] a ${type} gives an input its 28 ms again`, () => {
    const detector = new FreezeDetector();
    expect(restartsOf(detector, drag(0, 60, [0]), 10 * SECOND).length).toBeGreaterThan(2);
    const at = 20 * SECOND;
    const happenings: Happening[] = [
      { at, type },
      { at: at + 100, type: "input" },
    ];
    expect(restartsOf(detector, happenings, at + SECOND)).toEqual([at + 100 + PATIENCE_MS]);
  });
}

test("[W21] while no picture is captured no restart is due", () => {
  const detector = new FreezeDetector();
  detector.input(100);
  expect(detector.dueAt).toBe(100 + PATIENCE_MS);
  detector.stop();
  expect(detector.dueAt).toBeNull();
});

test("[W21] restarts are bounded in every second, whatever comes in which order", () => {
  const happenings = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 3 * SECOND, noNaN: true }),
      type: fc.constantFrom("input" as const, "press" as const, "picture" as const),
    }),
    { maxLength: 600, size: "max" },
  );
  fc.assert(
    fc.property(happenings, (sequence) => {
      const restarts = restartsOf(new FreezeDetector(), sequence, 10 * SECOND);
      return restarts.every(
        (at) => restarts.filter((other) => other >= at && other < at + SECOND).length <= MOST_RESTARTS_PER_SECOND,
      );
    }),
    { numRuns: 300 },
  );
});

test("[W21] a page that does not react costs few restarts however long it is touched, presses included", () => {
  const clicks = Array.from({ length: 60 }, (_, index): Happening[] => [
    { at: index * SECOND, type: "press" },
    { at: index * SECOND, type: "input" },
    { at: index * SECOND + 80, type: "input" },
  ]).flat();
  const restarts = restartsOf(new FreezeDetector(), [...drag(0, 3_600, [3, 0, 7]), ...clicks], 60 * SECOND);
  expect(restarts.length / 60).toBeLessThan(6);
});

test("[W21] a screencast that was started and sends no picture of its size is started anew, ever more rarely", () => {
  const detector = new FreezeDetector();
  let now = 0;
  const waits: number[] = [];
  for (let starts = 0; starts < 7; starts += 1) {
    detector.started(now);
    const due = detector.dueAt ?? Number.NaN;
    waits.push(due - now);
    now = due;
    expect(detector.restarted()).toBe(true);
  }
  expect(waits).toEqual([150, 300, 600, 1_200, 2_400, 2_400, 2_400]);
  detector.started(now);
  detector.picture(now + 5, false);
  expect(detector.dueAt).toBeNull();
  detector.started(now);
  expect(detector.dueAt).toBe(now + 150);
});

test("[W21] over a long line pictures come later, and a capture that is alive is left alone", () => {
  const LINE_MS = 60;
  const moves = drag(0, 240, [0, 3, 6]);
  const pictures = Array.from({ length: 240 }, (_, index) => ({
    at: LINE_MS + 10 + index * FRAME_MS,
    type: "picture" as const,
  }));
  const happenings = [...moves, ...pictures];
  expect(restartsOf(new FreezeDetector(() => LINE_MS), happenings, 240 * FRAME_MS)).toEqual([]);
  // Without that a restart would be due before the first picture can have come.
  expect(restartsOf(new FreezeDetector(), happenings, 240 * FRAME_MS).length).toBeGreaterThan(0);
});
