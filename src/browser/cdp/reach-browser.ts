/**
 * Connects to the browser behind a bot's endpoint [R27]. What is dialled is the host that the bot has named, at addresses
 * that were checked; an answer from there chooses path and query only.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { type CheckedAddress, hostOf, isLocalhost, pinnedTo } from "../../egress/address.ts";
import { AppError } from "../../errors.ts";
import type { CdpConnection, DialOptions } from "./connection.ts";
import { answeredWith, NO_ENDPOINT, statusOf, unreachable } from "./endpoint.ts";

const MAX_VERSION_BYTES = 64 * 1024;
/** Node's own 250 ms are less than a service on another continent takes. */
const NEXT_ADDRESS_MS = 700;
/**
 * Chrome's refusal of a Host that is a name, which protects it from rebinding in browsers; a server is nobody's browser.
 * Over a WebSocket only the status is known.
 */
const HOST_REFUSED = { status: 500, words: "not an IP address or localhost" } as const;
/** Nobody listens there, or there is no such way. */
const NOBODY_THERE = new Set(["ECONNREFUSED", "EADDRNOTAVAIL", "EAFNOSUPPORT", "ENETUNREACH", "EHOSTUNREACH"]);

/** As ConnectionRegistry.connect. */
export type Connect = (address: string, signal: AbortSignal, dial: DialOptions) => Promise<CdpConnection>;

/** How a host is dialled. */
interface Route {
  readonly addresses: readonly CheckedAddress[];
  /** What the Host header says; null: the endpoint's own host. */
  readonly host: string | null;
}

interface Ways {
  readonly connect: Connect;
  readonly signal: AbortSignal;
}

export interface ReachOptions extends Ways {
  /** The checked addresses of the endpoint's host. */
  readonly addresses: readonly CheckedAddress[];
  /** How long it may take in all, ms. */
  readonly withinMs: number;
}

/** Rejects with AppError cdp_unreachable, or with the error of a connection. Then nothing of it is open any more. */
export async function reachBrowser(endpoint: URL, options: ReachOptions): Promise<CdpConnection> {
  const { addresses, connect, signal, withinMs } = options;
  const groups = inTurn(endpoint, addresses);
  const failures: unknown[] = [];
  for (const group of groups) {
    const within = AbortSignal.any([signal, AbortSignal.timeout(withinMs / groups.length)]);
    try {
      return await reachAt(endpoint, { addresses: group, host: null }, { connect, signal: within });
    } catch (cause) {
      signal.throwIfAborted();
      // A connection that is given up says that it was closed, not why.
      failures.push(within.aborted ? within.reason : cause);
    }
  }
  throw failures.find((cause) => !isNobodyThere(cause)) ?? failures.at(-1) ?? unreachable("no address");
}

/** `localhost` is two addresses with a listener each, IPv6 first as in browsers; a name has one that answers everywhere. */
function inTurn(endpoint: URL, addresses: readonly CheckedAddress[]): readonly (readonly CheckedAddress[])[] {
  if (!isLocalhost(hostOf(endpoint))) return [addresses];
  return addresses.toSorted((one, other) => other.family - one.family).map((address) => [address]);
}

async function reachAt(endpoint: URL, route: Route, ways: Ways): Promise<CdpConnection> {
  if (endpoint.protocol.startsWith("ws")) {
    try {
      return await dial(endpoint, route, ways);
    } catch (cause) {
      // A service listens at its root; a browser itself does not, and says where it listens.
      if (endpoint.pathname !== "/" || statusOf(cause) !== 404) throw cause;
    }
  }
  const { addresses, route: answering } = await askVersion(inScheme("http", endpoint), route, ways.signal);
  const failures: unknown[] = [];
  for (const address of addresses) {
    try {
      return await dial(address, answering, ways);
    } catch (cause) {
      if (statusOf(cause) === null) throw cause;
      failures.push(cause);
    }
  }
  throw failures[0];
}

async function dial(address: URL, route: Route, { connect, signal }: Ways): Promise<CdpConnection> {
  try {
    return await connect(address.href, signal, dialOptions(route));
  } catch (cause) {
    const other = statusOf(cause) === HOST_REFUSED.status ? byAddress(address, route) : null;
    if (!other) throw cause;
    return connect(address.href, signal, dialOptions(other));
  }
}

/** Asks the endpoint where the browser's WebSocket is: its addresses, likeliest first, and the route that was answered. */
async function askVersion(
  endpoint: URL,
  route: Route,
  signal: AbortSignal,
): Promise<{ addresses: readonly URL[]; route: Route }> {
  const { status, text, from } = await get(versionAddress(endpoint), route, signal);
  if (status === HOST_REFUSED.status && text.includes(HOST_REFUSED.words)) {
    const other = byAddress(endpoint, route);
    if (other) return askVersion(endpoint, other, signal);
  }
  if (status < 200 || status >= 300) throw unreachable(answeredWith(status));
  const answered = webSocketAddress(text);
  if (!answered) throw unreachable(NO_ENDPOINT);
  return { addresses: namedBy(endpoint, answered), route: preferring(from, route) };
}

/** The route with this address first: another of the name's addresses may be dead, or another browser's. */
function preferring(from: string | undefined, { addresses, host }: Route): Route {
  const rest = addresses.filter(({ address }) => address !== from);
  return { addresses: [...addresses.filter(({ address }) => address === from), ...rest], host };
}

/** Where `/json/version` is; people pass the address with it or without. */
function versionAddress(endpoint: URL): URL {
  const url = new URL(endpoint);
  url.pathname = `${basePath(endpoint)}/json/version`;
  return url;
}

/** The sub-path of the endpoint, without a slash at its end. */
function basePath({ pathname }: URL): string {
  return pathname.replace(/\/json(\/version)?\/?$/, "").replace(/\/+$/, "");
}

/** The address in an answer of `/json/version`; null for any other text. */
function webSocketAddress(text: string): URL | null {
  const parsed = parse(text);
  const isGiven = typeof parsed === "object" && parsed !== null && "webSocketDebuggerUrl" in parsed;
  const address = isGiven ? URL.parse(String(parsed.webSocketDebuggerUrl)) : null;
  return address?.protocol.startsWith("ws") ? address : null;
}

/** Undefined for text that is no JSON: the parser's own error would quote it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The endpoint with path and query of the answer. A front that hides a sub-path from its browser gets answers without
 * it, one that knows does not: below the sub-path comes first.
 */
function namedBy(endpoint: URL, { pathname, search }: URL): readonly URL[] {
  const base = basePath(endpoint);
  const isBelow = pathname === base || pathname.startsWith(`${base}/`);
  const paths = isBelow ? [pathname] : [`${base}${pathname}`, pathname];
  return paths.map((path) => {
    const address = inScheme("ws", endpoint);
    address.pathname = path;
    address.search = search === "" ? endpoint.search : search;
    return address;
  });
}

/** The same address for a request or for a WebSocket, with TLS where it had TLS. */
function inScheme(scheme: "http" | "ws", { protocol, href }: URL): URL {
  const url = new URL(href);
  url.protocol = /^(https|wss):$/.test(protocol) ? `${scheme}s:` : `${scheme}:`;
  return url;
}

/** The route with a Host that Chrome takes; null where it has one already. */
function byAddress(url: URL, { addresses, host }: Route): Route | null {
  const [first] = addresses;
  const name = hostOf(url);
  if (host !== null || !first || isIP(name) !== 0 || isLocalhost(name)) return null;
  const text = first.family === 6 ? `[${first.address}]` : first.address;
  return { addresses, host: url.port === "" ? text : `${text}:${url.port}` };
}

function dialOptions({ addresses, host }: Route): DialOptions {
  const pinned = { lookup: pinnedTo(addresses), autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS };
  return host === null ? pinned : { ...pinned, headers: { host } };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** The address that has answered. */
  readonly from: string | undefined;
}

/** One request; its answer is bounded in size, and the connection closed. AppError cdp_unreachable for a large one. */
async function get(url: URL, route: Route, signal: AbortSignal): Promise<Answer> {
  const name = hostOf(url);
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    ...dialOptions(route),
    // A kept connection could lead to an address that was never checked.
    agent: false,
    // The name that the certificate is for, whatever the Host header says.
    servername: isIP(name) === 0 ? name : "",
    signal,
  });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve);
      // Stays attached: an endpoint that breaks off must not end the process.
      request.on("error", reject);
      request.end();
    });
    const { statusCode: status = 0, socket } = response;
    const { remoteAddress: from } = socket;
    return { status, from, text: await readText(response) };
  } finally {
    request.destroy();
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_VERSION_BYTES) throw unreachable(NO_ENDPOINT);
  }
  return Buffer.concat(chunks).toString();
}

function isNobodyThere(cause: unknown): boolean {
  if (cause instanceof AppError || !(cause instanceof Error) || !("code" in cause)) return false;
  return NOBODY_THERE.has(String(cause.code));
}
