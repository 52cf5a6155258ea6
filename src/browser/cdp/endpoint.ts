/** What a bot may name as its browser's endpoint [R27]: parsed, compared with the allowed ones, and resolved once. */
import { type CheckedAddress, isCloudService, isThisMachine } from "../../egress/address.ts";
import { allowedAddresses, portOf } from "../../egress/destination.ts";
import type { Resolve } from "../../egress/resolver.ts";
import { AppError } from "../../errors.ts";
import type { CdpPattern } from "../../protocol/cdp-pattern.ts";
import { redactUrlsIn } from "../../util/redact-url.ts";

const PROTOCOLS = ["http:", "ws:", "https:", "wss:"];
const FIELD = "cdp.endpoint";
const MAX_WHY_LENGTH = 300;
/** Why something that answers, but not as a browser does, is refused. */
export const NO_ENDPOINT = "not a browser's debugging endpoint";

/** The same error for every endpoint that is not allowed: it reveals nothing about what listens there. */
export function disallowed(): AppError {
  return new AppError("url_not_allowed", { field: FIELD, why: "not among the endpoints of CDP_ALLOW" });
}

/** Parses the endpoint and checks it against `allow`. Throws AppError invalid_message, url_not_allowed. */
export function parseEndpoint(endpoint: string, allow: readonly CdpPattern[]): URL {
  const url = URL.parse(endpoint);
  if (!url || !PROTOCOLS.includes(url.protocol)) {
    throw new AppError("invalid_message", { field: FIELD, why: "not an http:, https:, ws: or wss: address" });
  }
  if (/\/devtools\/page\//.test(url.pathname)) {
    throw new AppError("invalid_message", { field: FIELD, why: "a page's address; the browser's is wanted" });
  }
  if (!allow.some((pattern) => matches(pattern, url))) throw disallowed();
  // Nobody sends a fragment, and a WebSocket refuses one.
  url.hash = "";
  return url;
}

export interface EndpointRules {
  readonly allow: readonly CdpPattern[];
  /** Debugging ports of the browsers that this server has started: none of them is a guest's. */
  readonly ownPorts: () => ReadonlySet<number>;
  readonly resolve?: Resolve | undefined;
}

/**
 * Resolves the name of an endpoint that `parseEndpoint` has let through, once, and checks every address it has. The
 * caller connects to these and does not resolve again. Throws AppError url_not_allowed, or what the resolver throws.
 */
export async function endpointAddresses(endpoint: URL, rules: EndpointRules): Promise<readonly CheckedAddress[]> {
  const { allow, ownPorts: neverPorts, resolve } = rules;
  const destinations = { allowPrivate: true, allow: [], neverPorts, demoOrigin: () => undefined, resolve };
  const addresses = await allowedAddresses(endpoint, destinations).catch((cause: unknown) => {
    throw cause instanceof AppError && cause.code === "url_not_allowed" ? disallowed() : cause;
  });
  const isNamed = allow.some((pattern) => !pattern.host.startsWith("*.") && matches(pattern, endpoint));
  // Whoever can give names below a domain could point one at this machine: it is named by itself, or not meant.
  if (!isNamed && addresses.some(({ address }) => isThisMachine(address) || isCloudService(address)))
    throw disallowed();
  return addresses;
}

/** An AppError cdp_unreachable with the reason in words. */
export function unreachable(cause: unknown): AppError {
  return new AppError("cdp_unreachable", { field: FIELD, why: reasonOf(cause) }, { cause });
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  // Where several addresses were tried at once, each has its own reason; the first is the preferred address.
  const error: unknown = inner instanceof AggregateError ? (inner.errors[0] ?? inner) : inner;
  if (!(error instanceof Error)) return redactUrlsIn(String(error)).slice(0, MAX_WHY_LENGTH);
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer";
  const status = statusOf(error);
  if (status !== null) return answeredWith(status);
  return redactUrlsIn(error.message).slice(0, MAX_WHY_LENGTH) || NO_ENDPOINT;
}

/** The status of an HTTP answer to the request for a WebSocket; null for another error. */
export function statusOf(error: unknown): number | null {
  const [, status] = error instanceof Error ? (/^Unexpected server response: (\d{3})$/.exec(error.message) ?? []) : [];
  return status === undefined ? null : Number(status);
}

/** What an endpoint's refusal means, in words. */
export function answeredWith(status: number): string {
  if (status === 401 || status === 403) return `it answers ${status}: check the token in the address`;
  if (status >= 300 && status < 400) return `it answers ${status}: redirects are not followed`;
  return status < 300 ? `it answers ${status}, without a WebSocket` : `it answers ${status}`;
}

function matches({ host, port }: CdpPattern, url: URL): boolean {
  if (port !== "*" && Number(port) !== portOf(url)) return false;
  const hostname = url.hostname.toLowerCase();
  if (host === "loopback") return isLoopbackHost(hostname);
  return host.startsWith("*.") ? hostname.endsWith(host.slice(1)) : hostname === host;
}

/** The URL class has already turned forms such as 127.1 and 0x7f000001 into dotted numbers. */
function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
