/** What `npm test` leaves to `npm run test:long`, which has full counts and every case. */

export const IS_LONG_RUN = Boolean(process.env["TEST_LONG"]);

/**
 * Ends the title of a test that only the long run has; playwright.config.ts leaves all such tests out of `npm test`. A title
 * that is no template has the tag written out.
 */
const LONG = " @long";

/** Ends the title of one of many like tests: those that stay in `npm test` hold the promise, the others vary it. */
export function longUnless(stays: boolean): "" | typeof LONG {
  return stays ? "" : LONG;
}

/** For cases that differ in what is asked for, not in the code that answers: each second one; all in the long run. */
export function eachSecond<T>(cases: readonly T[], from: 0 | 1 = 0): readonly T[] {
  return IS_LONG_RUN ? cases : cases.filter((_, index) => index % 2 === from);
}
