// Claims a session of the inbox, so that two operators do not open the same one.

import { drawName } from "../../../src/client/message-numbers.ts";
import { claimSession, releaseSession } from "../shared/api.js";
import { recall, remember } from "../shared/preferences.js";
import { keep, kept } from "../shared/tab-storage.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const MINE = "captcha-remote.claimed";
const CLIENT = "captcha-remote.client";
/** A tab that stays open for days needs no more. */
const MOST_KEPT = 50;

/** The name that other operators see; empty: the key's name. */
export function myName() {
  return recall("name") ?? "";
}

/** @param {string} name */
export function keepMyName(name) {
  remember("name", name);
}

/**
 * @param {ConsoleUrl} consoleUrl @param {string} key @param {string} id
 * @throws {import("../shared/api.js").ApiFailure} code `claimed`: another operator has it
 */
export async function take(consoleUrl, key, id) {
  const name = myName();
  await claimSession(consoleUrl.base, key, id, { client: clientOfTab(), ...(name === "" ? {} : { name }) });
  keepMine([...mine(), id]);
}

/** @param {ConsoleUrl} consoleUrl @param {string} key @param {string} id @throws {import("../shared/api.js").ApiFailure} */
export async function giveBack(consoleUrl, key, id) {
  await releaseSession(consoleUrl.base, key, id, { client: clientOfTab() });
  keepMine(mine().filter((other) => other !== id));
}

/** The next person at this tab may be somebody else. */
export function forgetMine() {
  keep(MINE, "");
  keep(CLIENT, "");
}

/** Whether this tab has claimed the session. @param {string} id */
export function isMine(id) {
  return mine().includes(id);
}

/** @returns {string[]} */
function mine() {
  return kept(MINE).split(" ").filter(Boolean);
}

/** @param {string[]} ids */
function keepMine(ids) {
  keep(MINE, [...new Set(ids)].slice(-MOST_KEPT).join(" "));
}

/** The name by which the server knows this tab. */
function clientOfTab() {
  if (kept(CLIENT) === "") keep(CLIENT, drawName());
  return kept(CLIENT);
}
