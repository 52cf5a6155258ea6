// Where a session's socket is, and what opens it: from an operator link, or from the server's address with a token or key.

import { API_PREFIX } from "../protocol/api-prefix.ts";
import { readPlace, socketUrl } from "./console-url.js";
import { fetchTicket } from "./ticket.js";

/** A ticket for the next socket, or null where none is needed. @typedef {(signal: AbortSignal) => Promise<string | null>} TicketSource */

/** @typedef {{ url: string, ticket?: TicketSource | undefined }} SocketDestination `url` is the session's `ws_url` */
/** @typedef {{ link: string }} LinkDestination an operator link, as in `control_url`, with what stands behind its # */
/** @typedef {{ baseUrl: string, sessionId: string, token?: string | undefined, apiKey?: string | undefined }} SessionDestination
 *   `baseUrl` as in PUBLIC_URL; `token` is that of a link */
/** @typedef {SocketDestination | LinkDestination | SessionDestination} Destination */

/**
 * The API of the server whose PUBLIC_URL this is, with or without `/api/captcha`.
 * @param {string} baseUrl
 * @throws {TypeError} for an address that is none
 */
export function apiAt(baseUrl) {
  const { origin, pathname } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, "");
  return origin + (path.endsWith(API_PREFIX) ? path : path + API_PREFIX);
}

/**
 * @param {Destination} destination
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {SocketDestination}
 * @throws {TypeError} for an address that is none, and for a link that opens no session
 */
export function socketAt(destination, fetch) {
  if ("url" in destination) return destination;
  const { api, sessionId, bearer } = "link" in destination ? partsOf(destination.link) : sessionOf(destination);
  const { protocol, host, pathname } = new URL(api);
  const url = socketUrl({ base: pathname, sessionId }, { protocol, host });
  if (bearer === "") return { url };
  return { url, ticket: (signal) => fetchTicket({ api, sessionId, bearer, signal, fetch }) };
}

/** @param {string} link */
function partsOf(link) {
  const { origin, pathname, search, hash } = new URL(link);
  const { base, sessionId } = readPlace({ pathname, search });
  if (sessionId === "") throw new TypeError("This is no operator link: it ends in /control/ and the session's id.");
  return { api: origin + base, sessionId, bearer: hash.slice(1) };
}

/** @param {SessionDestination} destination */
function sessionOf({ baseUrl, sessionId, token, apiKey }) {
  return { api: apiAt(baseUrl), sessionId, bearer: token ?? apiKey ?? "" };
}
