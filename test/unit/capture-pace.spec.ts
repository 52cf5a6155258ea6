/** [W60] The size of whole viewports in motion follows the gaps between pictures, and nothing else. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { CapturePace } from "../../src/browser/pictures/capture-pace.ts";

const [FULL, USUAL, HALF, THIRD] = [1, 3 / 4, 1 / 2, 1 / 3];
const MOVES_EVERY_MS = 16;

/** A hand that moves, and a browser that sends a picture after each of these gaps, ms. */
class Drag {
  readonly pace = new CapturePace();
  #now = 0;
  #movedAt = -MOVES_EVERY_MS;

  constructor(...gaps: readonly number[]) {
    this.pace.pictureAt(0);
    this.on(...gaps);
  }

  get scale(): number {
    return this.pace.scale(true);
  }

  on(...gaps: readonly number[]): this {
    for (const gap of gaps) {
      for (const end = this.#now + gap; this.#now < end; ) {
        if (this.#now - this.#movedAt >= MOVES_EVERY_MS) {
          this.#movedAt = this.#now;
          this.pace.inputAt(this.#now);
        }
        this.#now = Math.min(end, this.#movedAt + MOVES_EVERY_MS);
      }
      this.pace.pictureAt(this.#now);
    }
    return this;
  }

  /** Pictures at this gap for so long. */
  for(ms: number, gap: number): this {
    return this.on(...Array<number>(Math.ceil(ms / gap)).fill(gap));
  }
}

const times = (count: number, gap: number) => Array<number>(count).fill(gap);

test("[W60] a page begins at three quarters, as it always was", () => {
  const pace = new CapturePace();
  expect([pace.scale(true), pace.scale(false), pace.isSlow]).toEqual([USUAL, USUAL, false]);
});

test("[W60] where pictures come slowly it goes down a step at a time, to a third in drags only", () => {
  const drag = new Drag(...times(5, 60));
  expect(drag.scale).toBe(USUAL);
  expect(drag.on(60).scale).toBe(HALF);
  expect(drag.on(...times(5, 60)).scale).toBe(HALF);
  expect(drag.on(60).scale).toBe(THIRD);
  expect(drag.pace.scale(false)).toBe(HALF);
  expect(drag.for(5_000, 90).scale).toBe(THIRD);
});

test("[W60] it stays where pictures come in between, and one at a time is under way where they are far apart", () => {
  const drag = new Drag().for(5_000, 30);
  expect([drag.scale, drag.pace.isSlow]).toEqual([USUAL, false]);
  drag.for(5_000, 45);
  expect([drag.scale, drag.pace.isSlow]).toEqual([USUAL, true]);
});

test("[W60] it goes up again once pictures have come fast for a second", () => {
  const drag = new Drag(...times(6, 60));
  expect([drag.scale, drag.pace.isSlow]).toEqual([HALF, true]);
  drag.for(900, 20);
  expect(drag.scale).toBe(HALF);
  drag.for(140, 20);
  expect([drag.scale, drag.pace.isSlow]).toEqual([USUAL, false]);
  // 20 ms is fast enough for three quarters, and not for all of it.
  expect(drag.for(20_000, 20).scale).toBe(USUAL);
});

test("[W60] full size is for browsers that keep up with every frame: else it is given up, and tried ever later", () => {
  const drag = new Drag().for(1_900, 17);
  expect(drag.scale).toBe(USUAL);
  expect(drag.for(200, 17).scale).toBe(FULL);
  expect(drag.for(30_000, 17).scale).toBe(FULL);
  const atFull = (ms: number): number => {
    let full = 0;
    for (let at = 0; at < ms; at += 100) {
      // A machine that is fast enough for three quarters only.
      drag.for(100, drag.scale === FULL ? 20 : 17);
      if (drag.scale === FULL) full += 100;
    }
    return full / ms;
  };
  atFull(40_000);
  expect(atFull(60_000)).toBeLessThan(0.05);
});

test("[W60] a stall or two change nothing", () => {
  expect(new Drag(...times(20, 17), 900, ...times(20, 17)).scale).toBe(USUAL);
  const drag = new Drag(...times(20, 17), 900, ...times(20, 17), 400, ...times(5, 17));
  expect([drag.scale, drag.pace.isSlow]).toEqual([USUAL, false]);
});

test("[W60] a page or a hand that moves seldom is not a slow machine", () => {
  const pace = new CapturePace();
  // The page by itself: nobody waits for these.
  for (let at = 0; at < 10_000; at += 200) pace.pictureAt(at);
  expect([pace.scale(true), pace.isSlow]).toEqual([USUAL, false]);
  // A hand: each of its moves is shown 10 ms later.
  for (let at = 10_000; at < 20_000; at += 200) {
    pace.inputAt(at);
    pace.pictureAt(at + 10);
  }
  expect([pace.scale(true), pace.isSlow]).toEqual([USUAL, false]);
});

test("[W60] the time that a new start of the capture takes is not its pace", () => {
  const pace = new CapturePace();
  for (let at = 0; at < 10_000; at += 200) {
    pace.started();
    pace.pictureAt(at);
    pace.inputAt(at + 1);
  }
  expect([pace.scale(true), pace.isSlow]).toEqual([USUAL, false]);
});

test("[W60] whatever happens the scale is one of four, a third for drags only, and only drags and slowness change it", () => {
  const step = fc.record({
    what: fc.constantFrom("input", "picture", "picture", "started"),
    after: fc.integer({ min: 0, max: 120 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const pace = new CapturePace();
      let now = 0;
      return steps.every(({ what, after }) => {
        now += after;
        if (what === "input") pace.inputAt(now);
        else if (what === "picture") pace.pictureAt(now);
        else pace.started();
        const [dragged, other] = [pace.scale(true), pace.scale(false)];
        return [FULL, USUAL, HALF, THIRD].includes(dragged) && other === Math.max(dragged, HALF);
      });
    }),
    { numRuns: 300 },
  );
});
