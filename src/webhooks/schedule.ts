/** When a failed webhook is tried again: after waits that double, until an hour after the first try. */

export interface Schedule {
  /** Before the second try, in ms; each further wait is twice as long. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** After its first try a webhook is given up when so many ms have passed. */
  readonly giveUpAfterMs: number;
}

export const HOURLY_SCHEDULE: Schedule = { firstWaitMs: 5_000, longestWaitMs: 900_000, giveUpAfterMs: 3_600_000 };

/** Random part of a wait, so that webhooks that failed together are not tried again together. */
const JITTER = 0.2;

/**
 * The time of the next try, in ms since 1970; null: it is given up. The last try is at the very end of the time, or in
 * progress then.
 *
 * @param trial `tries` so far, 1 or more; `firstTriedAt` and `now` in ms since 1970; `chance` random, 0 to 1
 */
export function nextTry(
  { firstWaitMs, longestWaitMs, giveUpAfterMs }: Schedule,
  { tries, firstTriedAt, now, chance }: { tries: number; firstTriedAt: number; now: number; chance: number },
): number | null {
  const end = firstTriedAt + giveUpAfterMs;
  if (now >= end) return null;
  const wait = Math.min(firstWaitMs * 2 ** (tries - 1), longestWaitMs) * (1 - JITTER + 2 * JITTER * chance);
  return Math.min(Math.round(now + wait), end);
}
