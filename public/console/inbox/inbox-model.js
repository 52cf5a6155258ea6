// What the inbox makes of the list of sessions: their order, who is next, and what has just arrived. Pure.

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */

/** Who waits comes first, then who is being helped, then what is not ready yet. @type {Record<string, number>} */
const ORDER = { waiting: 0, active: 1, starting: 2 };

/**
 * Whose time is up first comes first.
 * @param {readonly SessionListItem[]} sessions
 * @returns {SessionListItem[]}
 */
export function ordered(sessions) {
  const rank = (/** @type {SessionListItem} */ { state }) => ORDER[state] ?? 3;
  return sessions.toSorted((a, b) => rank(a) - rank(b) || Date.parse(a.expires_at) - Date.parse(b.expires_at));
}

/** Whether it waits for somebody, and nobody is there or on the way. @param {SessionListItem} session */
export function isFree({ state, operators, claimed_by }) {
  return state === "waiting" && operators === 0 && claimed_by === null;
}

/**
 * Those to try, one after the other: whoever is quicker may have taken the first.
 * @param {readonly SessionListItem[]} sessions
 */
export function nextOnes(sessions) {
  return ordered(sessions).filter(isFree);
}

/**
 * What waits now and did not wait when it was last looked.
 * @param {readonly SessionListItem[] | null} before null: it was not looked yet
 * @param {readonly SessionListItem[]} now
 */
export function arrived(before, now) {
  if (before === null) return [];
  const known = new Set(before.filter(({ state }) => state !== "starting").map(({ session_id }) => session_id));
  return nextOnes(now).filter(({ session_id }) => !known.has(session_id));
}
