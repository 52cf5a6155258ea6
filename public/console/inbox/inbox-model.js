// Pure functions on the list of sessions: their order, which is next, and which have just arrived.

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */

/** Waiting sessions come first, then those with an operator, then those that are not ready yet. @type {Record<string, number>} */
const ORDER = { waiting: 0, active: 1, starting: 2 };

/**
 * Within a state the session that expires first comes first.
 * @param {readonly SessionListItem[]} sessions
 * @returns {SessionListItem[]}
 */
export function ordered(sessions) {
  const rank = (/** @type {SessionListItem} */ { state }) => ORDER[state] ?? 3;
  return sessions.toSorted((a, b) => rank(a) - rank(b) || Date.parse(a.expires_at) - Date.parse(b.expires_at));
}

/**
 * [S11] The sessions that have a row: not those whose page works by itself, unless somebody is at them.
 * @param {readonly SessionListItem[]} sessions
 */
export function withRow(sessions) {
  return sessions.filter(
    ({ state, needs_person, operators, claimed_by }) =>
      state !== "waiting" || needs_person !== false || operators > 0 || claimed_by !== null,
  );
}

/** Whether a session waits, and no operator is in it or has claimed it. @param {SessionListItem} session */
export function isFree({ state, operators, claimed_by }) {
  return state === "waiting" && operators === 0 && claimed_by === null;
}

/**
 * The free sessions in their order, to claim one after the other: another operator may be quicker with the first.
 * @param {readonly SessionListItem[]} sessions
 */
export function nextOnes(sessions) {
  return ordered(sessions).filter(isFree);
}

/**
 * The sessions that wait now and did not wait in the list before.
 * @param {readonly SessionListItem[] | null} before null: there is none yet
 * @param {readonly SessionListItem[]} now
 */
export function arrived(before, now) {
  if (before === null) return [];
  const known = new Set(before.filter(({ state }) => state !== "starting").map(({ session_id }) => session_id));
  return nextOnes(now).filter(({ session_id }) => !known.has(session_id));
}
