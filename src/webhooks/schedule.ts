/** When a webhook that failed is tried again: waits that grow, up to an hour after the first try. */

export interface Schedule {
  /** Before the second try, in ms; each further wait is twice as long. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** After its first try a webhook is given up when so many ms have passed. */
  readonly giveUpAfterMs: number;
}

export const HOURLY_SCHEDULE: Schedule = { firstWaitMs: 5_000, longestWaitMs: 900_000, giveUpAfterMs: 3_600_000 };

/** Part of a wait that is left to chance: what failed together does not come back together. */
const JITTER = 0.2;

/**
 * The time of the next try, in ms since 1970, or null when it is given up. The last try is at the very end
 * of the time, or under way then.
 *
 * @param tries how often it was tried, 1 or more
 * @param chance 0 to 1
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
