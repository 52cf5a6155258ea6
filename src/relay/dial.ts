/** Dials the server: directly, or through the proxy that the environment names. */
import { HttpsProxyAgent } from "https-proxy-agent";
import { type ClientOptions, WebSocket } from "ws";
import { apiAt } from "../client/session-address.ts";
import { RelayError } from "./errors.ts";

const HANDSHAKE_MS = 10_000;
/** The server's frames are smaller, whatever it says of them. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const DEFLATE_ABOVE_BYTES = 1_024;

type Environment = Readonly<Record<string, string | undefined>>;

/** The address of the relay socket. RelayError invalid_message for plain http to another machine: the key would be read. */
export function relayAddress(server: string): URL {
  const url = socketAddress(server, "/relay");
  if (url.protocol === "ws:" && !isLoopback(url.hostname)) {
    throw new RelayError("invalid_message", "plain http only to this machine: use https, as the key goes with it");
  }
  return url;
}

/** The address of a socket of the server's, `path` being below its API. RelayError invalid_message. */
export function socketAddress(server: string, path: string): URL {
  let url: URL;
  try {
    url = new URL(`${apiAt(server)}${path}`);
  } catch (cause) {
    throw new RelayError("invalid_message", `${server} is no address of a server`, { cause });
  }
  const isPlain = url.protocol === "http:" || url.protocol === "ws:";
  if (!isPlain && url.protocol !== "https:" && url.protocol !== "wss:") {
    throw new RelayError("invalid_message", `${server} is no address of a server`);
  }
  url.protocol = isPlain ? "ws:" : "wss:";
  return url;
}

/** The proxy for this address, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY; null: none. */
export function proxyFor({ protocol, hostname, port }: URL, environment: Environment): string | null {
  const read = (name: string) => environment[name.toLowerCase()] || environment[name] || "";
  if (isLoopback(hostname)) return null;
  const except = read("NO_PROXY")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const isExcept = except.some((name) => {
    const [, host = "", only] = /^\*?\.?(.+?)(?::(\d+))?$/.exec(name.toLowerCase()) ?? [];
    if (name === "*") return true;
    const isSame = hostname === host || hostname.endsWith(`.${host}`);
    return isSame && (only === undefined || only === (port || (protocol === "wss:" ? "443" : "80")));
  });
  const proxy = read(protocol === "wss:" ? "HTTPS_PROXY" : "HTTP_PROXY") || read("ALL_PROXY");
  return isExcept || proxy === "" ? null : proxy;
}

/** Opens a socket; `key` goes in a header. It may fail: a close follows then. */
export function dial(url: URL, key: string | undefined, environment: Environment): WebSocket {
  const proxy = proxyFor(url, environment);
  const options: ClientOptions = {
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_FRAME_BYTES,
    followRedirects: false,
    ...(key ? { headers: { authorization: `Bearer ${key}` } } : {}),
    ...(proxy === null ? {} : { agent: new HttpsProxyAgent(proxy) }),
    // On this machine compressing costs more time than it saves.
    perMessageDeflate: isLoopback(url.hostname) ? false : { threshold: DEFLATE_ABOVE_BYTES },
  };
  return new WebSocket(url, options);
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
