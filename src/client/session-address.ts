// Where a session's socket is, and what opens it: from an operator link, or from the server's address with a token or key.
import { parseConsoleUrl, socketUrl } from "./console-url.ts";
import { fetchTicket } from "./ticket.ts";

export type TicketSource = (signal: AbortSignal) => Promise<string | null>;

/** A ticket for the next socket, or null where none is needed. @typedef {(signal: AbortSignal) => Promise<string | null>} TicketSource */
export interface SocketDestination {
  readonly url: string;
  readonly ticket?: TicketSource | undefined;
}

/** @typedef {{ baseUrl: string, sessionId: string, token?: string | undefined, apiKey?: string | undefined }} SessionDestination
 *   `baseUrl` as in PUBLIC_URL; `token` is that of a link */
export interface LinkDestination {
  readonly link: string;
}

export interface SessionDestination {
  readonly baseUrl: string;
  readonly sessionId: string;
  readonly token?: string | undefined;
  readonly apiKey?: string | undefined;
}

export type Destination = SocketDestination | LinkDestination | SessionDestination;

const API_PATH = "/api/captcha";

/**
 * The API of the server whose PUBLIC_URL this is, with or without `/api/captcha`.
 * @param {string} baseUrl
 * @throws {TypeError} for an address that is none
 */
export function apiAt(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, "");
  return origin + (path.endsWith(API_PATH) ? path : path + API_PATH);
}

/**
 * @param {Destination} destination
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {SocketDestination}
 * @throws {TypeError} for an address that is none, and for a link that opens no session
 */
export function socketAt(destination: Destination, fetch?: typeof globalThis.fetch): SocketDestination {
  if ("url" in destination) return destination;
  const { api, sessionId, bearer } = "link" in destination ? partsOf(destination.link) : sessionOf(destination);
  const { protocol, host, pathname } = new URL(api);
  const url = socketUrl({ base: pathname, sessionId }, { protocol, host });
  if (bearer === "") return { url };
  return { url, ticket: (signal) => fetchTicket({ api, sessionId, bearer, signal, fetch }) };
}

interface SessionAccess {
  readonly api: string;
  readonly sessionId: string;
  readonly bearer: string;
}

function partsOf(link: string): SessionAccess {
  const { origin, pathname, search, hash } = new URL(link);
  const { base, sessionId } = parseConsoleUrl({ pathname, search });
  if (sessionId === "") throw new TypeError("This is no operator link: it ends in /control/ and the session's id.");
  return { api: origin + base, sessionId, bearer: hash.slice(1) };
}

function sessionOf({ baseUrl, sessionId, token, apiKey }: SessionDestination): SessionAccess {
  return { api: apiAt(baseUrl), sessionId, bearer: token ?? apiKey ?? "" };
}
