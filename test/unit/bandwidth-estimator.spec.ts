/** [W21] [W22] How much a viewer's line carries, found out on lines that are computed, not waited for. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { BandwidthEstimator, FIRST_LEVEL, LEVELS } from "../../src/session/pictures/bandwidth-estimator.ts";
import type { Level } from "../../src/session/ports/page.ts";

const FIRST = LEVELS[FIRST_LEVEL] as Level;
const MOST_UNDER_WAY = 2;
const FRAME_MS = 16;
const MEGABIT = 125_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface LineModel {
  readonly bytesPerSecond: number;
  /** There and back, of a message without weight. */
  readonly roundTripMs: number;
  /** A picture at the first rung; it grows with quality and with the square of the scale. */
  readonly pictureBytes: number;
  /** [W63] What has changed of a picture; left out: pictures are sent whole. */
  readonly damageBytes?: number;
  /** Added to each round trip, taken in turn. */
  readonly jitterMs?: readonly number[];
}

interface Arrival {
  readonly at: number;
  /** From being sent to being acknowledged. */
  readonly took: number;
  readonly bytes: number;
  readonly rung: number;
}

const WHOLE_EVERY_MS = 2 * SECOND;
const MOST_DAMAGE_BYTES = 12_000;

/** A page that changes sixty times a second, and a viewer that takes the newest picture when it may. */
class Simulation {
  readonly gauge = new BandwidthEstimator();
  now = 0;
  #seq = 0;
  #wholeAt = -Infinity;
  #lineFreeAt = 0;
  #lastArrivesAt = 0;
  #onLine: { seq: number; sentAt: number; arrivesAt: number; bytes: number; rung: number }[] = [];

  run(model: LineModel, ms: number): Arrival[] {
    const { bytesPerSecond, roundTripMs, jitterMs = [0] } = model;
    const arrivals: Arrival[] = [];
    const put = (bytes: number, isWhole = true) => {
      const jitter = jitterMs[this.#seq % jitterMs.length] ?? 0;
      this.#lineFreeAt = Math.max(this.now, this.#lineFreeAt) + (bytes / bytesPerSecond) * SECOND;
      // In order, as over TCP.
      this.#lastArrivesAt = Math.max(this.#lastArrivesAt, this.#lineFreeAt + roundTripMs + jitter);
      const sent = { seq: this.#seq, sentAt: this.now, arrivesAt: this.#lastArrivesAt, bytes, rung: this.rung };
      this.#onLine.push(sent);
      this.gauge.sent(this.#seq, bytes, this.now, isWhole);
      this.#seq += 1;
    };
    if (this.#seq === 0) put(0);
    for (const end = this.now + ms; this.now < end; this.now += 1) {
      for (let next = this.#onLine[0]; next && next.arrivesAt <= this.now; next = this.#onLine[0]) {
        this.#onLine.shift();
        this.gauge.arrived(next.seq, this.now);
        if (next.bytes > 0) {
          arrivals.push({ at: this.now, took: this.now - next.sentAt, bytes: next.bytes, rung: next.rung });
        }
      }
      const isFrame = Math.round(this.now) % FRAME_MS === 0;
      if (!isFrame || this.gauge.underWay >= this.#slots(model)) continue;
      const { damageBytes } = model;
      const isWhole = damageBytes === undefined || !this.gauge.isSlow || this.now - this.#wholeAt >= WHOLE_EVERY_MS;
      if (isWhole) this.#wholeAt = this.now;
      put(isWhole ? bytesOf(this.gauge.level, model.pictureBytes) : damageBytes, isWhole);
    }
    return arrivals;
  }

  #slots({ damageBytes }: LineModel): number {
    const { isSlow, slots, bytesUnderWay } = this.gauge;
    return damageBytes !== undefined && isSlow && bytesUnderWay <= MOST_DAMAGE_BYTES ? slots : MOST_UNDER_WAY;
  }

  get rung(): number {
    return LEVELS.indexOf(this.gauge.level);
  }
}

function bytesOf({ quality, scale }: Level, atFirstRung: number): number {
  return (atFirstRung * quality * Math.min(scale, 1) ** 2) / (FIRST.quality * FIRST.scale ** 2);
}

function last(arrivals: readonly Arrival[], ms: number): readonly Arrival[] {
  const end = arrivals.at(-1)?.at ?? 0;
  return arrivals.filter(({ at }) => at > end - ms);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** Bytes in the busiest second. */
function peakRate(arrivals: readonly Arrival[]): number {
  const rates = arrivals.map(({ at }) =>
    arrivals.filter((other) => other.at > at - SECOND && other.at <= at).reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return Math.max(...rates);
}

test("[W22] each rung of the ladder asks more of the line than the one below, from 15 to at most 80", () => {
  expect(FIRST).toEqual({ quality: 30, scale: 1 });
  for (const [index, { quality, scale }] of LEVELS.entries()) {
    expect(quality).toBeGreaterThanOrEqual(15);
    expect(quality).toBeLessThanOrEqual(80);
    const below = LEVELS[index - 1];
    if (!below) continue;
    expect(scale).toBeGreaterThanOrEqual(below.scale);
    expect(quality * scale ** 2).toBeGreaterThan(below.quality * below.scale ** 2);
  }
});

test("[W22] begins at the first rung, before anything is known", () => {
  expect(new BandwidthEstimator().level).toEqual(FIRST);
});

test("[W22] on a fast line a page of heavy pictures stays at the first rung", () => {
  const simulation = new Simulation();
  const arrivals = simulation.run({ bytesPerSecond: 80 * MEGABIT, roundTripMs: 20, pictureBytes: 30_000 }, MINUTE);
  expect(new Set(arrivals.map(({ rung }) => rung))).toEqual(new Set([FIRST_LEVEL]));
});

test("[W22] on a fast line light pictures get better, as long as they stay cheap", () => {
  const simulation = new Simulation();
  const model = { bytesPerSecond: 80 * MEGABIT, roundTripMs: 20, pictureBytes: 3_000 };
  const arrivals = simulation.run(model, MINUTE);
  expect(Math.min(...arrivals.map(({ rung }) => rung))).toBe(FIRST_LEVEL);
  expect(simulation.rung).toBeGreaterThan(FIRST_LEVEL);
  expect(peakRate(last(arrivals, 10 * SECOND))).toBeLessThan(3 * MEGABIT);
});

test("[W22] a fast line never falls below the first rung, whatever its jitter and its distance", () => {
  const models = fc.record({
    bytesPerSecond: fc.integer({ min: 40 * MEGABIT, max: 1_000 * MEGABIT }),
    roundTripMs: fc.integer({ min: 0, max: 300 }),
    pictureBytes: fc.integer({ min: 500, max: 40_000 }),
    jitterMs: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 50 }),
  });
  fc.assert(
    fc.property(models, (model) => {
      const arrivals = new Simulation().run(model, 10 * SECOND);
      return arrivals.every(({ rung }) => rung >= FIRST_LEVEL);
    }),
    { numRuns: 100 },
  );
});

test("[W22] one late picture is a hiccup; two in a row are one step down", () => {
  const gauge = new BandwidthEstimator();
  let seq = 0;
  let now = 0;
  const send = (took: number) => {
    gauge.sent(seq, 10_000, now);
    now += took;
    gauge.arrived(seq, now);
    seq += 1;
  };
  for (let count = 0; count < 5; count += 1) send(20);
  send(300);
  send(20);
  send(300);
  expect(gauge.level).toBe(FIRST);
  send(300);
  expect(gauge.level).toBe(LEVELS[FIRST_LEVEL - 1]);
});

for (const megabits of [0.5, 1, 2]) {
  test(`[W21] [W22] a line of ${megabits} Mbit/s falls until pictures arrive without queueing, and rises with the line`, () => {
    const simulation = new Simulation();
    const thin = { bytesPerSecond: megabits * MEGABIT, roundTripMs: 40, pictureBytes: 30_000 };
    const fallen = last(simulation.run(thin, 10 * SECOND), 5 * SECOND);
    const atFirstRung = (thin.pictureBytes / thin.bytesPerSecond) * SECOND;
    expect(simulation.rung).toBeLessThan(FIRST_LEVEL);
    // No more of them than one waits for the line while another is on it.
    expect(median(fallen.map(({ took }) => took)) - thin.roundTripMs).toBeLessThan(Math.min(100, atFirstRung));
    const risen = simulation.run({ ...thin, bytesPerSecond: 80 * MEGABIT }, 20 * SECOND);
    expect(simulation.rung).toBeGreaterThanOrEqual(FIRST_LEVEL);
    expect(median(last(risen, 5 * SECOND).map(({ took }) => took))).toBeLessThan(thin.roundTripMs + 25);
  });
}

for (const [megabits, roundTripMs] of [
  [1, 40],
  [1, 150],
  [2, 40],
  [2, 150],
] as const) {
  test(`[W21] a line of ${megabits} Mbit/s and ${roundTripMs} ms stays without queueing for minutes`, () => {
    const simulation = new Simulation();
    const thin = { bytesPerSecond: megabits * MEGABIT, roundTripMs, pictureBytes: 30_000 };
    simulation.run(thin, 10 * SECOND);
    const waits = Array.from({ length: 5 }, () => {
      const arrivals = simulation.run(thin, MINUTE);
      return median(arrivals.map(({ took }) => took)) - roundTripMs;
    });
    // The longest that a picture may be late before it counts, and half as much again for a step that was tried.
    expect(Math.max(...waits), `minute by minute: ${waits}`).toBeLessThan(120);
  });
}

test("[W22] a page that was heavy for a while gets its first rung back when it is light again", () => {
  const simulation = new Simulation();
  const line = { bytesPerSecond: 2 * MEGABIT, roundTripMs: 40 };
  simulation.run({ ...line, pictureBytes: 60_000 }, 10 * SECOND);
  expect(simulation.rung).toBeLessThan(FIRST_LEVEL);
  simulation.run({ ...line, pictureBytes: 2_000 }, 20 * SECOND);
  expect(simulation.rung).toBeGreaterThanOrEqual(FIRST_LEVEL);
});

test("[W15] an ack stands for all pictures before it", () => {
  const gauge = new BandwidthEstimator();
  for (const seq of [3, 5, 9]) gauge.sent(seq, 1_000, seq);
  expect([gauge.underWay, gauge.lastSent]).toEqual([3, 9]);
  gauge.arrived(6, 20);
  expect(gauge.underWay).toBe(1);
  gauge.arrived(9, 30);
  expect([gauge.underWay, gauge.lastSent]).toEqual([0, 9]);
});

test("[W15] an ack of the past changes nothing", () => {
  const gauge = new BandwidthEstimator();
  gauge.sent(3, 1_000, 0);
  gauge.arrived(3, 20);
  gauge.sent(7, 1_000, 30);
  for (const seq of [-1, 0, 3, 6]) gauge.arrived(seq, 5_000);
  expect([gauge.underWay, gauge.lastSent, gauge.level]).toEqual([1, 7, FIRST]);
});

test("[W15] an ack of something never sent changes nothing", () => {
  const gauge = new BandwidthEstimator();
  gauge.arrived(12, 10);
  gauge.sent(3, 1_000, 0);
  gauge.sent(4, 1_000, 0);
  for (const seq of [5, 1_000, Number.MAX_SAFE_INTEGER]) gauge.arrived(seq, 5_000);
  expect([gauge.underWay, gauge.lastSent, gauge.level]).toEqual([2, 4, FIRST]);
});

test("[W22] the level is on the ladder, whatever is sent and acknowledged when", () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 400 }),
      sent: fc.boolean(),
      seq: fc.integer({ min: -2, max: 300 }),
      bytes: fc.integer({ min: 0, max: 500_000 }),
    }),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(steps, (sequence) => {
      const gauge = new BandwidthEstimator();
      let now = 0;
      let next = 0;
      for (const { waitMs, sent, seq, bytes } of sequence) {
        now += waitMs;
        if (sent) {
          gauge.sent(next, bytes, now);
          next += 1;
        } else {
          gauge.arrived(Math.min(seq, next - 1), now);
        }
        if (!LEVELS.includes(gauge.level) || gauge.underWay > next) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

test("[W63] a line is slow where whole pictures take long, for its distance or its width, and not for a hiccup", () => {
  const lines = [
    { bytesPerSecond: MEGABIT, roundTripMs: 150, isSlow: true },
    { bytesPerSecond: 100 * MEGABIT, roundTripMs: 150, isSlow: true },
    { bytesPerSecond: MEGABIT / 2, roundTripMs: 10, isSlow: true },
    { bytesPerSecond: 20 * MEGABIT, roundTripMs: 30, isSlow: false },
    { bytesPerSecond: 20 * MEGABIT, roundTripMs: 10, isSlow: false, jitterMs: [0, 0, 0, 0, 0, 0, 0, 0, 0, 120] },
  ];
  for (const { isSlow, ...line } of lines) {
    const simulation = new Simulation();
    simulation.run({ ...line, pictureBytes: 6_000 }, 3 * SECOND);
    expect(simulation.gauge.isSlow, JSON.stringify(line)).toBe(isSlow);
  }
  const simulation = new Simulation();
  simulation.run({ bytesPerSecond: MEGABIT, roundTripMs: 150, pictureBytes: 6_000, damageBytes: 1_500 }, 5 * SECOND);
  simulation.run(
    { bytesPerSecond: 50 * MEGABIT, roundTripMs: 10, pictureBytes: 6_000, damageBytes: 1_500 },
    10 * SECOND,
  );
  expect(simulation.gauge.isSlow).toBe(false);
});

test("[W63] 1 Mbit/s, 150 ms: what has changed comes 18 times a second and more, nothing queues, and quality stays", () => {
  for (const damageBytes of [1_000, 1_800, 3_000]) {
    const simulation = new Simulation();
    const line = { bytesPerSecond: MEGABIT, roundTripMs: 150 };
    const arrivals = last(simulation.run({ ...line, pictureBytes: 6_000, damageBytes }, MINUTE), 20 * SECOND);
    expect(arrivals.length / 20).toBeGreaterThan(18);
    expect(median(arrivals.map(({ took }) => took))).toBeLessThan(200);
    expect(Math.max(...arrivals.map(({ took }) => took))).toBeLessThan(400);
    expect(simulation.rung).toBe(FIRST_LEVEL);
  }
});

test("[W63] more slots open one by one while nothing waits, up to eight, and one late arrival closes them", () => {
  const gauge = new BandwidthEstimator();
  let now = 0;
  const send = (seq: number, tookMs: number) => {
    gauge.sent(seq, 1_000, now, false);
    now += tookMs;
    gauge.arrived(seq, now);
  };
  expect(gauge.slots).toBe(2);
  for (let seq = 1; seq <= 20; seq += 1) send(seq, 20);
  expect(gauge.slots).toBe(8);
  send(21, 60);
  expect(gauge.slots).toBe(8);
  send(22, 200);
  expect(gauge.slots).toBe(2);
});

test("[W22] [W63] changes that arrive early say nothing for a better picture, late ones speak for a coarser one", () => {
  const gauge = new BandwidthEstimator();
  let now = 0;
  for (let seq = 1; seq <= 200; seq += 1) {
    gauge.sent(seq, 500, now, false);
    now += 20;
    gauge.arrived(seq, now);
  }
  expect(gauge.level).toEqual(FIRST);
  for (let seq = 201; seq <= 202; seq += 1) {
    gauge.sent(seq, 500, now, false);
    now += 300;
    gauge.arrived(seq, now);
  }
  expect(gauge.level).toEqual(LEVELS[FIRST_LEVEL - 1]);
});
