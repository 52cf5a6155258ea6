/** Where a session's socket is and what opens it: an operator link, or the server's address with a token or key. */
import { API_PREFIX } from "../protocol/api-prefix.ts";
import { parseConsoleUrl, socketUrl } from "./console-url.ts";
import { fetchTicket } from "./ticket.ts";

/** A ticket for the next socket, or null where none is needed. */
export type TicketSource = (signal: AbortSignal) => Promise<string | null>;

export interface SocketDestination {
  /** The session's `ws_url`. */
  readonly url: string;
  readonly ticket?: TicketSource | undefined;
}

export interface LinkDestination {
  /** An operator link, as in `control_url`, with the token behind its #. */
  readonly link: string;
}

export interface SessionDestination {
  /** As in PUBLIC_URL. */
  readonly baseUrl: string;
  readonly sessionId: string;
  /** The token of an operator link. */
  readonly token?: string | undefined;
  readonly apiKey?: string | undefined;
}

export type Destination = SocketDestination | LinkDestination | SessionDestination;

/**
 * The address of the API on the server whose PUBLIC_URL is `baseUrl`, with or without `/api/captcha`.
 * TypeError for an address that is none.
 */
export function apiAt(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, "");
  return origin + (path.endsWith(API_PREFIX) ? path : path + API_PREFIX);
}

/** TypeError for an address that is none, and for a link that opens no session. `fetch` asks for tickets. */
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
  /** Empty: the session's id has to do. */
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
