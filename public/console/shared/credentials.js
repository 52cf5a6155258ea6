// The credentials of this tab: the token of an operator link, or a key. They are kept in the tab only.

import { ConnectRefusal } from "../../../src/client/connect-refusal.ts";
import { fetchTicket } from "../../../src/client/ticket.ts";
import { keep, kept } from "./tab-storage.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const KEY = "captcha-remote.key";
const LINK_PREFIX = "captcha-remote.link.";
/** A JWT; the length limit is the server's. Any other fragment is not a token. */
const TOKEN = /^#([\w-]+\.[\w-]+\.[\w-]+)$/;
const MOST_TOKEN = 2_048;
const UNAUTHORIZED_CLOSE_CODE = 4401;

/** Whether the server runs with AUTH=off; its page says so. */
export function isOpenToAll() {
  return document.documentElement.getAttribute("data-auth") === "off";
}

/**
 * Moves the token from the address to this tab's storage, where a reload finds it. Without storage it stays in the
 * address, or a reload would lose it.
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

/** The credentials that may open this session, the more specific first. @param {ConsoleUrl} consoleUrl */
export function bearersFor(consoleUrl) {
  return [kept(LINK_PREFIX + consoleUrl.sessionId), keptKey()].filter((bearer) => bearer !== "");
}

/**
 * Tickets for this session's sockets; null without any credential: then the session's id has to do.
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
        const isUnauthorized = error instanceof ConnectRefusal && error.closeCode === UNAUTHORIZED_CLOSE_CODE;
        // The token of an earlier session with this id must not keep the key from being tried.
        if (!isUnauthorized || bearer === last) throw error;
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
