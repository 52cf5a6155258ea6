/** The deadline on clocks of the test's own: set forward, set back, started anew, extended, kept by an operator. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { type DeadlineClock, SessionDeadline, type Warning } from "../../src/session/lifecycle/deadline.ts";
import type { PageInput } from "../../src/session/ports/page.ts";

const BORN = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
/** As the server notices that its clock was set. */
const NOTICED_MS = 5_000;
/** A clock that was set by so little is left alone. */
const UNNOTICED_MS = 2_000;
const CLICK: PageInput = { type: "mouse_event", event_type: "down", x: 1, y: 1 };

/** Two clocks: one that never jumps, and one on the wall that can be set. */
class Clocks implements DeadlineClock {
  /** Where the one begins says nothing. */
  #passed = 1_234.5;
  #wallAhead: number;
  readonly #timers = new Set<{ readonly at: number; readonly work: () => void }>();

  constructor(wall = BORN) {
    this.#wallAhead = wall - this.#passed;
  }

  now = () => this.#passed;
  wall = () => Math.floor(this.#passed + this.#wallAhead);

  later = (work: () => void, ms: number) => {
    const timer = { at: this.#passed + ms, work };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  get armed(): number {
    return this.#timers.size;
  }

  set(byMs: number): void {
    this.#wallAhead += byMs;
  }

  pass(ms: number): void {
    const end = this.#passed + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#passed = Math.max(this.#passed, next.at);
      next.work();
    }
    this.#passed = end;
  }
}

interface Life {
  readonly clocks: Clocks;
  readonly record: { created_at: number; expires_at: number };
  readonly deadline: SessionDeadline;
  readonly warnings: Warning[];
  /** How often there was something to keep and to tell. */
  readonly moves: () => number;
  readonly isOver: () => boolean;
  /** What the record says is left, by the clock on the wall. */
  readonly toldLeft: () => number;
}

function live(seconds: number, { maxSeconds = 3_600, clocks = new Clocks(), record = newRecord(seconds) } = {}): Life {
  let moves = 0;
  let isOver = false;
  const warnings: Warning[] = [];
  const deadline = new SessionDeadline({
    record,
    maxTimeoutSeconds: maxSeconds,
    clock: clocks,
    onMoved: () => {
      moves += 1;
    },
    onExpiring: (warning) => warnings.push(warning),
    onPassed: () => {
      isOver = true;
      deadline.stop();
    },
  });
  const toldLeft = () => record.expires_at - clocks.wall();
  return { clocks, record, deadline, warnings, moves: () => moves, isOver: () => isOver, toldLeft };
}

function newRecord(seconds: number) {
  return { created_at: BORN, expires_at: BORN + seconds * 1_000 };
}

test("[S6] the time is up when it is up, and nothing is left running", () => {
  const { clocks, isOver } = live(180);
  clocks.pass(179_999);
  expect(isOver()).toBe(false);
  clocks.pass(1);
  expect(isOver()).toBe(true);
  expect(clocks.armed).toBe(0);
});

for (const [way, byMs] of [
  ["forward", HOUR_MS],
  ["back", -HOUR_MS],
] as const) {
  test(`[S6] a wall clock that is set ${way} ends nothing and lengthens nothing: the record goes along`, () => {
    const { clocks, record, moves, isOver, toldLeft } = live(180);
    clocks.pass(60_000);
    clocks.set(byMs);
    clocks.pass(NOTICED_MS);
    expect(moves()).toBe(1);
    expect(record).toEqual({ created_at: BORN + byMs, expires_at: BORN + byMs + 180_000 });
    expect(toldLeft()).toBe(115_000);
    clocks.pass(114_999);
    expect(isOver()).toBe(false);
    clocks.pass(1);
    expect(isOver()).toBe(true);
    expect(moves()).toBe(1);
  });
}

test("[S6] a clock that was set just now is no wrong time in what is asked next, nor in the end", () => {
  const asked = live(180);
  asked.clocks.set(HOUR_MS);
  asked.deadline.extend(60);
  expect([asked.toldLeft(), asked.moves()]).toEqual([240_000, 1]);
  const ended = live(180);
  ended.clocks.set(-HOUR_MS);
  ended.deadline.stop();
  expect(ended.record.created_at).toBe(BORN - HOUR_MS);
  expect(ended.clocks.armed).toBe(0);
});

test("[S6] a clock that is set by less than two seconds is left alone", () => {
  const { clocks, moves } = live(180);
  clocks.set(UNNOTICED_MS - 1);
  clocks.pass(100_000);
  expect(moves()).toBe(0);
});

test("[S6] a server that is started anew goes on with the time that was left, cap and warning too", () => {
  const before = live(90, { maxSeconds: 200 });
  before.clocks.pass(40_000);
  before.clocks.set(HOUR_MS);
  before.clocks.pass(NOTICED_MS);
  // Killed here: nothing is stopped. The next process begins counting somewhere else.
  const clocks = new Clocks(before.clocks.wall() + 10_000);
  const after = live(90, { maxSeconds: 200, clocks, record: { ...before.record } });
  expect(after.toldLeft()).toBe(35_000);
  expect(after.warnings).toEqual([]);
  clocks.pass(5_000);
  expect(after.warnings).toMatchObject([{ seconds_left: 30 }]);
  after.deadline.extend(86_400);
  // 60 s of the 200 are gone.
  expect(after.toldLeft()).toBe(140_000);
});

test("[S6] what has passed while no server ran is over at once", () => {
  const { clocks, isOver, warnings } = live(100, { clocks: new Clocks(BORN + 100_001) });
  clocks.pass(0);
  expect(isOver()).toBe(true);
  expect(warnings).toEqual([]);
});

test("[R12] an extension at the longest time moves nothing, and is told all the same", () => {
  const { deadline, record, moves } = live(100, { maxSeconds: 130 });
  for (const expected of [130, 130]) {
    deadline.extend(60);
    expect(record.expires_at).toBe(BORN + expected * 1_000);
  }
  expect(moves()).toBe(2);
});

test("[R12] a longest time that was made shorter takes nothing away from a session that lives", () => {
  const { deadline, record } = live(100, { maxSeconds: 50 });
  deadline.extend(60);
  deadline.acted(CLICK);
  expect(record.expires_at).toBe(BORN + 100_000);
});

test("[S7] an operator who acts in the last 30 s has 30 s from then on, up to the longest time", () => {
  const { clocks, deadline, toldLeft, moves, isOver } = live(60, { maxSeconds: 100 });
  clocks.pass(29_000);
  deadline.acted(CLICK);
  expect([toldLeft(), moves()]).toEqual([31_000, 0]);
  clocks.pass(30_000);
  deadline.acted(CLICK);
  expect([toldLeft(), moves()]).toEqual([30_000, 1]);
  clocks.pass(20_000);
  deadline.acted(CLICK);
  // Born 79 s ago: 100 s are the most.
  expect([toldLeft(), moves()]).toEqual([21_000, 2]);
  clocks.pass(20_000);
  deadline.acted(CLICK);
  expect([toldLeft(), moves()]).toEqual([1_000, 2]);
  clocks.pass(1_000);
  expect(isOver()).toBe(true);
});

test("[S7] a drag that goes on and on is written and told every 5 s, and never left with less than 25 s", () => {
  const { clocks, deadline, toldLeft, moves } = live(10);
  let least = Infinity;
  deadline.acted(CLICK);
  for (let count = 0; count < 6_000; count += 1) {
    clocks.pass(10);
    deadline.acted({ type: "mouse_event", event_type: "move", x: 1, y: 1 });
    least = Math.min(least, toldLeft());
  }
  expect(least).toBeGreaterThan(24_980);
  expect(moves()).toBe(13);
});

test("[S7] presses, keys, texts and wheels are acts, and moves while a button is down; bare moves are none", () => {
  const mouse = (event_type: "down" | "move" | "up", buttons?: number): PageInput => ({
    type: "mouse_event",
    event_type,
    x: 1,
    y: 1,
    ...(buttons === undefined ? {} : { buttons }),
  });
  const counts = (...inputs: PageInput[]) => {
    const { clocks, deadline, moves } = live(10);
    const [last, ...before] = inputs.toReversed() as [PageInput, ...PageInput[]];
    for (const input of before.toReversed()) deadline.acted(input);
    const seen = moves();
    clocks.pass(NOTICED_MS);
    deadline.acted(last);
    return moves() > seen;
  };
  const acts: PageInput[][] = [
    [mouse("down")],
    [mouse("up")],
    [mouse("move", 1)],
    // An older client does not say what is down.
    [mouse("down"), mouse("move")],
    [{ type: "key", event_type: "down", key: "a", code: "KeyA", modifiers: 0 }],
    [{ type: "text", text: "a" }],
    [{ type: "wheel", x: 1, y: 1, delta_x: 0, delta_y: 1 }],
  ];
  for (const inputs of acts) expect(counts(...inputs), JSON.stringify(inputs)).toBe(true);
  for (const inputs of [[mouse("move")], [mouse("move", 0)], [mouse("down"), mouse("up"), mouse("move")]]) {
    expect(counts(...inputs), JSON.stringify(inputs)).toBe(false);
  }
});

for (const [seconds, left] of [
  [3_600, 60],
  [180, 60],
  [60, 20],
  [6, 2],
  [2, 1],
] as const) {
  test(`[S8] of ${seconds} s the last ${left} are announced, once`, () => {
    const { clocks, warnings, deadline, record } = live(seconds);
    clocks.pass((seconds - left) * 1_000 - 1);
    expect([warnings, deadline.warning]).toEqual([[], null]);
    clocks.pass(1);
    const expires_at = new Date(record.expires_at).toISOString();
    expect(warnings).toEqual([{ type: "expiring", expires_at, seconds_left: left }]);
    clocks.pass(500);
    expect(deadline.warning).toMatchObject({ type: "expiring", expires_at });
    clocks.pass(left * 1_000);
    expect(warnings).toHaveLength(1);
  });
}

test("[S8] an extension that takes the end out of sight is followed by another warning, a shorter one is not", () => {
  const { clocks, deadline, warnings } = live(180);
  clocks.pass(130_000);
  deadline.extend(5);
  expect(deadline.warning).toMatchObject({ seconds_left: 55 });
  deadline.extend(60);
  expect([warnings.length, deadline.warning]).toEqual([1, null]);
  clocks.pass(54_999);
  expect(warnings).toHaveLength(1);
  clocks.pass(1);
  expect(warnings).toHaveLength(2);
});

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ do: fc.constant("act" as const) }),
    fc.record({ do: fc.constant("extend" as const), seconds: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ do: fc.constant("set" as const), ms: fc.integer({ min: -HOUR_MS, max: HOUR_MS }) }),
    fc.record({ do: fc.constant("restart" as const) }),
  ),
  { maxLength: 40 },
);

test("[S6] [S7] [S8] whatever happens: never later than the longest time, never earlier by an act, one warning an approach", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), steps, (seconds, history) => {
      const maxSeconds = 300;
      let life = live(seconds, { maxSeconds });
      let passed = 0;
      /** As `passed`. A clock that was set without notice takes from it or adds to it at a restart, which cannot know. */
      let cap = maxSeconds * 1_000;
      let told = 0;
      for (const step of history) {
        const { clocks, deadline, record, warnings } = life;
        if (life.isOver()) break;
        const [left, before] = [deadline.leftMs, warnings.length];
        if (step.do === "pass") {
          clocks.pass(step.ms);
          passed += step.ms;
          expect(life.isOver()).toBe(step.ms >= left);
        } else if (step.do === "act") {
          deadline.acted(CLICK);
          expect(deadline.leftMs).toBeGreaterThanOrEqual(left);
          expect(deadline.leftMs).toBeLessThanOrEqual(Math.max(left, 30_001));
        } else if (step.do === "extend") {
          deadline.extend(step.seconds);
          expect(deadline.leftMs).toBeGreaterThanOrEqual(left);
        } else if (step.do === "set") {
          clocks.set(step.ms);
        } else {
          cap -= clocks.wall() - (record.expires_at - left);
          life = live(seconds, { maxSeconds, clocks: new Clocks(clocks.wall()), record: { ...record } });
          told = 0;
          continue;
        }
        if (life.isOver()) break;
        expect(passed + life.deadline.leftMs).toBeLessThanOrEqual(cap + 2);
        // What is kept is right, but for a clock that was set and not looked at yet.
        if (step.do === "extend" || (step.do === "pass" && step.ms >= NOTICED_MS)) {
          expect(Math.abs(life.toldLeft() - life.deadline.leftMs)).toBeLessThanOrEqual(UNNOTICED_MS + 2);
        }
        expect(warnings.length - before).toBeLessThanOrEqual(1);
        told += warnings.length - before;
        expect(told).toBeLessThanOrEqual(1);
        if (life.deadline.warning === null) told = 0;
        else expect(told).toBe(1);
      }
    }),
    { numRuns: 150 },
  );
});
