/** [W24] Moves go to the browser as they come, and fewer of them only to one that is behind. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { MoveThrottle } from "../../src/browser/input/move-throttle.ts";

const FRAME_MS = 1_000 / 60;

/** A drag of moves every `everyMs`, each taken after `takesMs` by a browser that takes one after the other. */
function drag(pace: MoveThrottle, everyMs: number, takesMs: number, count: number): { sent: number; waited: number } {
  const answers: { sentAt: number; at: number }[] = [];
  let [sent, waited, freeAt] = [0, 0, 0];
  for (let index = 0; index < count; index += 1) {
    const now = index * everyMs;
    while (answers[0] && answers[0].at <= now) {
      const { sentAt, at } = answers.shift() as { sentAt: number; at: number };
      pace.answered(sentAt, at);
    }
    if (pace.wait(now) > 0) {
      waited += 1;
      continue;
    }
    pace.sent(now);
    sent += 1;
    freeAt = Math.max(freeAt, now) + takesMs;
    answers.push({ sentAt: now, at: freeAt });
  }
  return { sent, waited };
}

test("[W24] a browser that takes moves within a frame gets every one at once, as fast as they come", () => {
  for (const rate of [20, 60, 75]) {
    expect(drag(new MoveThrottle(), 1_000 / rate, 11, 1_000)).toEqual({ sent: 1_000, waited: 0 });
  }
});

test("[W24] a browser that is behind gets fewer, but never less than ten a second, and no queue", () => {
  fc.assert(
    fc.property(fc.integer({ min: 30, max: 90 }), (takesMs) => {
      const { sent, waited } = drag(new MoveThrottle(), FRAME_MS, takesMs, 1_200);
      return waited > 0 && sent > 200 && sent < 900;
    }),
  );
});

test("[W24] a browser that answers nothing gets a few and then waits; one that recovers gets all again", () => {
  const pace = new MoveThrottle();
  let under = 0;
  while (pace.wait(under) === 0 && under < 100) {
    pace.sent(under);
    under += 1;
  }
  expect(under).toBeLessThan(20);
  expect(pace.wait(1_000)).toBe(Infinity);
  for (let index = 0; index < under; index += 1) pace.answered(index, 1_000);
  expect(drag(pace, FRAME_MS, 5, 300).sent).toBeGreaterThan(200);
});

test("[W24] a browser at the other end of a long line is not behind: its round trip does not count", () => {
  const LINE_MS = 80;
  const pace = new MoveThrottle();
  const answers: { sentAt: number; at: number }[] = [];
  let waited = 0;
  for (let now = 0; now < 10_000; now += FRAME_MS) {
    while (answers[0] && answers[0].at <= now) {
      const { sentAt, at } = answers.shift() as { sentAt: number; at: number };
      pace.answered(sentAt, at, LINE_MS);
    }
    if (pace.wait(now) > 0) waited += 1;
    else {
      pace.sent(now);
      answers.push({ sentAt: now, at: now + LINE_MS + 8 });
    }
  }
  expect(waited).toBe(0);
});
