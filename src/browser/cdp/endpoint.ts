/** Checks a bot's CDP endpoint against the allowed ones, and finds the browser's WebSocket address behind it. */
import { portOf } from "../../egress/destination.ts";
import { AppError } from "../../errors.ts";
import type { CdpPattern } from "../../protocol/cdp-pattern.ts";
import { redactUrlsIn } from "../../util/redact-url.ts";

const VERSION_DEADLINE_MS = 3_000;
const MAX_VERSION_BYTES = 64 * 1024;
const PROTOCOLS = ["http:", "ws:", "https:", "wss:"];
const FIELD = "cdp.endpoint";

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
  if (url.pathname.startsWith("/devtools/page/")) {
    throw new AppError("invalid_message", { field: FIELD, why: "a page's address; the browser's is wanted" });
  }
  if (!allow.some((pattern) => matches(pattern, url))) throw disallowed();
  return url;
}

/** Asks the endpoint for the browser's CDP WebSocket address. Throws AppError cdp_unreachable, url_not_allowed. */
export async function browserAddress(endpoint: URL, signal: AbortSignal): Promise<string> {
  if (endpoint.protocol.startsWith("ws")) return endpoint.href;
  const address = await askVersion(endpoint, AbortSignal.any([signal, AbortSignal.timeout(VERSION_DEADLINE_MS)])).catch(
    (cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw unreachable(cause);
    },
  );
  // Any program may answer there: it must not send this server to another address.
  if (address.hostname !== endpoint.hostname || portOf(address) !== portOf(endpoint)) throw disallowed();
  return address.href;
}

/** An AppError cdp_unreachable with the reason in words. */
export function unreachable(cause: unknown): AppError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const isLate = inner instanceof Error && (inner.name === "TimeoutError" || inner.name === "AbortError");
  const why = isLate ? "no answer" : inner instanceof Error ? inner.message : String(inner);
  return new AppError("cdp_unreachable", { field: FIELD, why: redactUrlsIn(why).slice(0, 300) }, { cause });
}

async function askVersion(endpoint: URL, signal: AbortSignal): Promise<URL> {
  const base = endpoint.pathname.endsWith("/") ? endpoint.pathname : `${endpoint.pathname}/`;
  const version = new URL(`${base}json/version${endpoint.search}`, endpoint);
  const response = await fetch(version, { signal, redirect: "manual" });
  if (!response.ok) throw unreachable(`it answers ${response.status}`);
  const parsed = parse(await readText(response));
  const given = typeof parsed === "object" && parsed !== null && "webSocketDebuggerUrl" in parsed;
  const address = given ? URL.parse(String(parsed.webSocketDebuggerUrl)) : null;
  if (!address?.protocol.startsWith("ws")) throw unreachable("not a browser's debugging endpoint");
  return address;
}

/** Undefined for text that is no JSON: the parser's own error would quote it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_VERSION_BYTES) throw unreachable("not a browser's debugging endpoint");
  }
  return text;
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
