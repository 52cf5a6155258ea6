/** The pool of warm browsers by itself, on a clock of the test's own: when it starts and ends some, and how it takes losses. */
import { expect, test } from "@playwright/test";
import { type WarmBrowser, WarmBrowsers, type WarmBrowsersDeps } from "../../src/browser/open/warm-browsers.ts";

const ENOUGH_BYTES = 2e9;
const FIRST_START_MS = 2_000;

class FakeBrowser implements WarmBrowser {
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  isStopped = false;
  isHanging = false;

  async answers(): Promise<boolean> {
    return !this.isHanging;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }

  async die(): Promise<void> {
    this.#gone.resolve();
    await settled();
  }
}

/** What was begun has been noted. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A pool whose machine is under the test's hand. */
function poolOf(given: Partial<WarmBrowsersDeps<FakeBrowser>> = {}) {
  const machine = { now: 0, bytes: ENOUGH_BYTES, isDragging: false, isOpening: false, isBroken: false };
  const started: FakeBrowser[] = [];
  const said: string[] = [];
  let tries = 0;
  const pool = new WarmBrowsers<FakeBrowser>({
    size: 1,
    start: async () => {
      tries += 1;
      if (machine.isBroken) throw new Error("no browser starts");
      const browser = new FakeBrowser();
      started.push(browser);
      return browser;
    },
    memoryLeft: () => machine.bytes,
    isDragging: () => machine.isDragging,
    isOpening: () => machine.isOpening,
    log: { warn: (_facts: object, text: string) => said.push(text), info: () => {} } as never,
    now: () => machine.now,
    ...given,
  });
  return {
    pool,
    machine,
    started,
    said,
    tries: () => tries,
    /** The pool looks after so many ms. */
    async look(afterMs = 0) {
      machine.now += afterMs;
      pool.look();
      await settled();
    },
  };
}

test("[S17] the pool fills once the server has started, one browser after the other, up to its size", async () => {
  const { pool, look, tries } = poolOf({ size: 2 });
  await look(FIRST_START_MS - 1);
  expect(tries()).toBe(0);
  await look(1);
  expect([pool.count, tries()]).toEqual([1, 1]);
  await look();
  await look(10_000);
  expect([pool.count, tries()]).toEqual([2, 2]);
  await pool.close();
});

test("[S17] each browser is given out once, the one that has waited longest first; then another takes its place", async () => {
  const { pool, look, started } = poolOf({ size: 2 });
  await look(FIRST_START_MS);
  await look();
  expect(await Promise.all([pool.take(), pool.take(), pool.take()])).toEqual([started[0], started[1], null]);
  await look();
  expect(await pool.take()).toBe(started[2]);
  await pool.close();
  expect(started.map(({ isStopped }) => isStopped)).toEqual([false, false, false]);
});

test("[S17] nothing is started during a drag, however long, nor in the first 2 s of an opening", async () => {
  const { pool, machine, look, tries } = poolOf();
  machine.isDragging = true;
  await look(FIRST_START_MS);
  await look(600_000);
  expect(tries()).toBe(0);
  machine.isDragging = false;
  await look();
  await pool.take();
  machine.isOpening = true;
  await look();
  await look(1_999);
  expect(tries()).toBe(1);
  await look(1);
  expect(tries()).toBe(2);
  await pool.close();
});

test("[S17] while memory is short none waits, and a little more does not bring them back", async () => {
  const { pool, machine, look, started } = poolOf({ size: 2 });
  await look(FIRST_START_MS);
  await look();
  machine.bytes = 390e6;
  await look();
  expect([pool.count, await pool.take()]).toEqual([0, null]);
  expect(started.map(({ isStopped }) => isStopped)).toEqual([true, true]);
  machine.bytes += 160e6;
  await look(60_000);
  expect(pool.count).toBe(0);
  machine.bytes = ENOUGH_BYTES;
  await look();
  expect(pool.count).toBe(1);
  await pool.close();
});

test("[S17] a browser that hangs is ended and not given out; the next one that waits is", async () => {
  const { pool, look, started, said } = poolOf({ size: 2 });
  await look(FIRST_START_MS);
  await look();
  for (const browser of started.slice(0, 1)) browser.isHanging = true;
  expect(await pool.take()).toBe(started[1]);
  expect(started[0]?.isStopped).toBe(true);
  expect(said).toHaveLength(1);
  await pool.close();
});

test("[S17] browsers that die one after the other are replaced less and less often, each minute at last, and logged once", async () => {
  const { pool, look, started, said } = poolOf();
  const pauses: number[] = [];
  await look(FIRST_START_MS);
  for (let death = 0; death < 9; death += 1) {
    const before = started.length;
    await started.at(-1)?.die();
    expect(pool.count).toBe(0);
    let pause = 0;
    for (; started.length === before; pause += 500) await look(500);
    pauses.push(pause);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(said).toEqual(["a warm browser is replaced"]);
  // One that works ends the row.
  expect(await pool.take()).toBe(started.at(-1));
  await look();
  await started.at(-1)?.die();
  expect(said).toHaveLength(2);
  await pool.close();
  expect(started.slice(0, -2).every(({ isStopped }) => isStopped)).toBe(true);
});

test("[S17] starts that fail are tried again in the same way", async () => {
  const { pool, machine, look, tries, said } = poolOf();
  machine.isBroken = true;
  await look(FIRST_START_MS);
  for (let second = 0; second < 600; second += 1) await look(1_000);
  // 1, 2, 4 ... 32 s, then each minute.
  expect(tries()).toBe(7 + 8);
  expect(said).toHaveLength(1);
  machine.isBroken = false;
  await look(60_000);
  expect(pool.count).toBe(1);
  await pool.close();
});

test("[S17] closing ends those that wait and the one that is being started, and starts no more", async () => {
  const starting = Promise.withResolvers<FakeBrowser>();
  const browsers = [new FakeBrowser(), new FakeBrowser()];
  const [first, second] = browsers;
  let tries = 0;
  const { pool, look } = poolOf({
    size: 3,
    start: (signal) => {
      tries += 1;
      if (tries === 1) return Promise.resolve(first as FakeBrowser);
      signal.addEventListener("abort", () => starting.resolve(second as FakeBrowser));
      return starting.promise;
    },
  });
  await look(FIRST_START_MS);
  await look();
  await pool.close();
  expect(browsers.map(({ isStopped }) => isStopped)).toEqual([true, true]);
  await look(60_000);
  expect([pool.count, tries, await pool.take()]).toEqual([0, 2, null]);
});

test("[S17] a pool of no size starts nothing", async () => {
  const { pool, look, tries } = poolOf({ size: 0 });
  await look(FIRST_START_MS);
  expect([tries(), await pool.take()]).toEqual([0, null]);
  await pool.close();
});
