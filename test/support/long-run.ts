/** What `npm test` leaves to `npm run test:long`, which has full counts and every case. */

export const IS_LONG_RUN = Boolean(process.env["TEST_LONG"]);

/** For cases that differ in what is asked for, not in the code that answers: each second one; all in the long run. */
export function eachSecond<T>(cases: readonly T[], from: 0 | 1 = 0): readonly T[] {
  return IS_LONG_RUN ? cases : cases.filter((_, index) => index % 2 === from);
}
