// What lets this tab in: the token of an operator link, or a key. Kept for as long as the tab lives, and nowhere else.

import { ConnectRefusal } from "../../../src/client/connect-refusal.ts";
import { fetchTicket } from "../../../src/client/ticket.ts";
import { keep, kept } from "./tab-storage.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const KEY = "captcha-remote.key";
const LINK_PREFIX = "captcha-remote.link.";
/** A JWT, as long as the server takes one; any other fragment is none of ours. */
const TOKEN = /^#([\w-]+\.[\w-]+\.[\w-]+)$/;
const MOST_TOKEN = 2_048;
const UNAUTHORIZED_CLOSE_CODE = 4401;

/** Whether this server asks nobody who they are; it says so in the page that it serves. */
export function isOpenToAll() {
  return document.documentElement.getAttribute("data-auth") === "off";
}

/**
 * Takes the token out of the address: into this tab's storage, so that a reload finds it, and out of sight. Where there
 * is no storage it has to stay, or a reload would lose it.
 * @param {ConsoleUrl} consoleUrl
 * @returns {boolean} whether there was one
 */
export function takeToken(consoleUrl) {
  const token = consoleUrl.sessionId === "" ? null : tokenOf(location.hash);
  if (token === null) return false;
  if (keep(LINK_PREFIX + consoleUrl.sessionId, token))
    history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** The token of a link that the server has made for this session. @param {ConsoleUrl} consoleUrl @param {string} link */
export function keepTokenOf(consoleUrl, link) {
  const token = tokenOf(new URL(link, location.href).hash);
  if (token !== null) keep(LINK_PREFIX + consoleUrl.sessionId, token);
}

/** Empty: none. */
export function keptKey() {
  return kept(KEY);
}

/** @param {string} key empty: forgets it */
export function keepKey(key) {
  keep(KEY, key);
}

/** What may open this session, the more particular first. @param {ConsoleUrl} consoleUrl */
export function bearersFor(consoleUrl) {
  return [kept(LINK_PREFIX + consoleUrl.sessionId), keptKey()].filter((bearer) => bearer !== "");
}

/**
 * Tickets for this session's sockets; none where there is nothing to trade for one, and the session's id has to do.
 * @param {ConsoleUrl} consoleUrl
 * @returns {import("../../../src/client/session-address.ts").TicketSource}
 */
export function ticketsFor(consoleUrl) {
  return async (signal) => {
    const bearers = bearersFor(consoleUrl);
    const last = bearers.at(-1);
    for (const bearer of bearers) {
      try {
        return await fetchTicket({ api: consoleUrl.base, sessionId: consoleUrl.sessionId, bearer, signal });
      } catch (error) {
        const isTold = error instanceof ConnectRefusal && error.closeCode === UNAUTHORIZED_CLOSE_CODE;
        // The link of an earlier session with this id must not keep a key out.
        if (!isTold || bearer === last) throw error;
      }
    }
    return null;
  };
}

/** @param {string} hash */
function tokenOf(hash) {
  const token = hash.length <= MOST_TOKEN ? TOKEN.exec(hash)?.[1] : undefined;
  return token ?? null;
}
