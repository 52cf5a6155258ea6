/** Bounds in time that follow the machine: on a slow or busy one a bound is as much longer as the machine is slower. */
import { expect } from "@playwright/test";

/** One quiet core of an ordinary machine does the work below in about this time. */
const QUIET_MS = 50;
const ROUNDS = 50_000_000;

/** How many times slower than a quiet core this process is served right now; 1 at least. */
export function slowness(): number {
  const startedAt = performance.now();
  let mixed = 1;
  for (let round = 0; round < ROUNDS; round += 1) mixed = (Math.imul(mixed, 1_664_525) + 1_013_904_223) | 0;
  const tookMs = performance.now() - startedAt;
  // Reads the sum, so that the work is not left out.
  return Math.max(1, mixed === 0 ? 1 : tookMs / QUIET_MS);
}

/** Fails where something took longer than it may at this machine's pace. The pace is measured only beyond the bound. */
export function expectWithin(tookMs: number, boundMs: number, what = "it"): void {
  if (tookMs < boundMs) return;
  const times = slowness();
  expect(
    tookMs,
    `${what} may take ${boundMs} ms on a quiet core; this one is ${times.toFixed(1)} times slower`,
  ).toBeLessThan(boundMs * times);
}
