/** [W22] Coarse while something moves, as the line carries it; sharp once the page rests; never more than can be sent. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import {
  type CastLevel,
  QualityControl,
  RELAYED_BYTES_PER_SECOND,
  STILL_AFTER_QUIET_MS,
  STILL_QUALITY,
} from "../../src/browser/pictures/quality.ts";
import { LEVELS } from "../../src/session/pictures/bandwidth-estimator.ts";
import type { Level } from "../../src/session/ports/page.ts";

const RUNS = { numRuns: 500 };
const FRAME_MS = 16;
const MOTION: Level = { quality: 30, scale: 1 };
/** A view of 400 x 300. */
const SMALL = 120_000;
const MAX_PIXELS = 4_200_000;
/** Fewer changes than this a second are no motion: a caret, a clock, a spinner of a few steps. */
const RARE_GAP_MS = 130;

type Step =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "picture" | "input" | "press" | "quiet" | "too large" | "new view" };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 1_500 }) }),
  fc.record({ type: fc.constantFrom("picture", "input", "press", "quiet", "too large", "new view") }),
);
/** What is asked of it: `wanted` picture px per CSS px, `motion` what the lines carry, `pixels` of the view. */
const asked = fc.record({
  motion: fc.constantFrom(...LEVELS),
  wanted: fc.double({ min: 1, max: 3, noNaN: true }),
  pixels: fc.integer({ min: 100, max: 3840 * 2160 }),
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

/** A control to which all of this has happened, as the screencast reports it. */
class Run {
  readonly control = new QualityControl();
  readonly #asked: Asked;
  now = 0;
  inputAt = -Infinity;
  /** A picture was too large since the view is this one. */
  limited = false;

  constructor(given: Asked) {
    this.#asked = given;
  }

  get level(): CastLevel {
    const { motion, wanted, pixels } = this.#asked;
    return this.control.level(this.now, motion, wanted, pixels);
  }

  do(step: Step): void {
    const { control } = this;
    switch (step.type) {
      case "wait":
        this.now += step.ms;
        break;
      case "picture":
        control.pictureAt(this.now);
        break;
      case "input":
        this.inputAt = this.now;
        control.inputAt(this.now);
        break;
      case "press":
        control.pressed();
        break;
      case "quiet":
        control.quiet();
        break;
      case "too large":
        this.limited = true;
        control.tooLarge(this.level.quality);
        break;
      case "new view":
        this.limited = false;
        control.newView();
    }
  }
}

/** What must hold after every step of any sequence, or after any sequence that ends so. */
function always(holds: (level: CastLevel, run: Run, given: Asked) => boolean, ...ending: Step[]): void {
  fc.assert(
    fc.property(asked, fc.array(steps, { maxLength: 40 }), (given, sequence) => {
      const run = new Run(given);
      for (const step of sequence) {
        run.do(step);
        if (ending.length === 0 && !holds(run.level, run, given)) return false;
      }
      for (const step of ending) run.do(step);
      return holds(run.level, run, given);
    }),
    RUNS,
  );
}

test("[W22] a still is 75 to 80 or more and follows within an eighth of a second", () => {
  expect(STILL_QUALITY).toBeGreaterThanOrEqual(75);
  expect(STILL_AFTER_QUIET_MS).toBeLessThanOrEqual(125);
});

test("[W22] the quality is between 15 and 80, whatever happens", () => {
  always(({ quality }) => quality >= 15 && quality <= 80);
});

test("[W14] never finer than wanted, nor than the browser can afford beyond 1:1", () => {
  always(
    ({ scale }, _run, { wanted, pixels }) =>
      scale > 0 && scale <= wanted && (scale <= 1 || scale ** 2 * pixels <= MAX_PIXELS * 1.001),
  );
});

test("[W22] while something moves neither quality nor scale is above what the line carries", () => {
  always(
    ({ kind, quality, scale }, _run, { motion }) =>
      kind === "motion" && quality <= motion.quality && scale <= motion.scale,
    { type: "press" },
  );
});

test("[W22] once quiet it is a still at the wanted scale, and sharp unless a picture of this view was too large", () => {
  always(
    ({ kind, everyNth, quality, scale }, { limited }, { wanted, pixels }) => {
      const affordable = Math.min(wanted, Math.max(1, Math.sqrt(MAX_PIXELS / pixels)));
      const isSharp = limited || (quality >= STILL_QUALITY && Math.abs(scale - affordable) < 1e-6);
      return kind === "still" && everyNth === 1 && isSharp;
    },
    { type: "quiet" },
  );
});

test("[W22] a press means motion at once, however quiet the page was", () => {
  const control = new QualityControl();
  expect(control.level(0, MOTION, 1, SMALL).kind).toBe("still");
  control.pressed();
  expect(control.level(0, MOTION, 1, SMALL)).toMatchObject({ ...MOTION, kind: "motion" });
});

test("[W22] a page begins sharp, and a few changes a second leave it so", () => {
  const gaps = fc.array(fc.integer({ min: RARE_GAP_MS, max: 2_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(gaps, (waits) => {
      const control = new QualityControl();
      let now = 0;
      return [0, ...waits].every((wait) => {
        now += wait;
        if (wait > 0) control.pictureAt(now);
        const { kind, quality } = control.level(now, MOTION, 1, SMALL);
        return kind === "still" && quality === STILL_QUALITY;
      });
    }),
    RUNS,
  );
});

test("[W22] a page that moves gets the line's level within a tenth of a second, and the sharp one when it is quiet", () => {
  const control = new QualityControl();
  for (let at = 0; at <= 100; at += FRAME_MS) control.pictureAt(at);
  expect(control.level(100, MOTION, 2, SMALL)).toMatchObject({ ...MOTION, kind: "motion" });
  control.quiet();
  const still = { quality: STILL_QUALITY, scale: 2, kind: "still" };
  expect(control.level(220, MOTION, 2, SMALL)).toMatchObject(still);
  control.pictureAt(230);
  expect(control.level(230, MOTION, 2, SMALL)).toMatchObject(still);
});

test("[W21] nobody aims at what moves a second after the last input: every third picture is enough", () => {
  const control = new QualityControl();
  control.pressed();
  const everyNth = (now: number) => control.level(now, MOTION, 1, SMALL).everyNth;
  expect(everyNth(0)).toBe(3);
  control.inputAt(5_000);
  expect([5_000, 5_900, 6_000].map(everyNth)).toEqual([1, 1, 1]);
  expect([6_001, 60_000].map(everyNth)).toEqual([3, 3]);
  control.inputAt(60_000);
  expect(everyNth(60_001)).toBe(1);
  always(({ kind, everyNth: given }, { now, inputAt }) => {
    const isUnattended = kind === "motion" && now - inputAt > 1_000;
    return given === (isUnattended ? 3 : 1);
  });
});

test("[W21] pictures too large to be sent get coarser step by step, until another view is shown", () => {
  const run = new Run({ motion: { quality: 70, scale: 1 }, wanted: 1, pixels: SMALL });
  const qualities: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    qualities.push(run.level.quality);
    run.do({ type: "too large" });
  }
  expect(qualities[0]).toBe(STILL_QUALITY);
  expect(qualities).toEqual([...qualities].sort((a, b) => b - a));
  expect(run.level.quality).toBe(15);
  // Motion is not made finer than what was too large for a still.
  run.do({ type: "press" });
  expect(run.level.quality).toBe(15);
  run.do({ type: "new view" });
  expect(run.level.quality).toBe(70);
  run.do({ type: "quiet" });
  expect(run.level.quality).toBe(STILL_QUALITY);
});

/** A drag over a bot's line, at 50 pictures a second: the qualities that were asked for, one a picture. */
function draggedOverLine(control: QualityControl, bytesAt30: number, seconds: number): number[] {
  const qualities: number[] = [];
  control.pressed();
  for (let now = 0; now < seconds * 1_000; now += 20) {
    control.inputAt(now);
    const { quality } = control.level(now, { quality: 70, scale: 1 }, 1, SMALL);
    qualities.push(quality);
    control.pictureAt(now, { bytes: costAt(quality, bytesAt30), quality });
  }
  return qualities;
}

/** A JPEG grows more slowly than its quality. */
function costAt(quality: number, at30: number): number {
  return at30 * (quality / 30) ** 0.8;
}

test("[W22] over a bot's line, motion begins at 30 and follows what it costs, down to 15", () => {
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 30_000 }), (at30) => {
      const qualities = draggedOverLine(new QualityControl(RELAYED_BYTES_PER_SECOND), at30, 20);
      expect(qualities[0]).toBe(30);
      const settled = qualities.slice(-50);
      const aSecond = settled.reduce((sum, quality) => sum + costAt(quality, at30), 0);
      const most = Math.max(...settled);
      // A picture that is too large at 15 as well stays as it is promised.
      const isHopeless = costAt(30, at30) * 30 * 0.7 > RELAYED_BYTES_PER_SECOND;
      expect(isHopeless ? most === 30 : most === 15 || aSecond <= RELAYED_BYTES_PER_SECOND).toBe(true);
      // What is cheap is as fine as the viewer's line carries.
      if (costAt(70, at30) * 50 * 1.4 < RELAYED_BYTES_PER_SECOND) expect(most).toBe(70);
    }),
    { numRuns: 100 },
  );
});

test("[W22] over a bot's line, a still is as sharp as anywhere, and motion that costs more gets coarser again", () => {
  const control = new QualityControl(RELAYED_BYTES_PER_SECOND);
  expect(draggedOverLine(control, 500, 10).at(-1)).toBe(70);
  control.quiet();
  expect(control.level(0, MOTION, 1, SMALL)).toMatchObject({ kind: "still", quality: STILL_QUALITY });
  const dear = draggedOverLine(control, 5_000, 10);
  expect(dear.at(-1)).toBe(15);
  // Soon, and not only in the end.
  expect(dear[0]).toBe(70);
  expect(dear[70]).toBeLessThanOrEqual(30);
});
