/** The filtering forward proxy of one browser: it resolves, checks and pins every address that the pages ask for. */
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type LookupFunction, type NetConnectOpts, type Socket } from "node:net";
import {
  type PrepareRequestFunctionOpts,
  type PrepareRequestFunctionResult,
  Server as ProxyServer,
  RequestError,
} from "proxy-chain";
import { AppError } from "../errors.ts";
import { withDeadline } from "../util/with-deadline.ts";
import { type CheckedAddress, hostOf, notAllowed, pinnedTo } from "./address.ts";
import { allowedAddresses, type Destinations } from "./destination.ts";
import { ProxyReports, type ReportLog } from "./proxy-reports.ts";

const LOOPBACK = "127.0.0.1";
const RESOLVE_DEADLINE_MS = 10_000;
/** The longest wait until an address accepts the connection. */
const CONNECT_DEADLINE_MS = 15_000;
/** A connection without traffic is closed after this time: long polls and quiet sockets may wait long. */
const IDLE_DEADLINE_MS = 600_000;
/** A Chromium opens 32 to a proxy, and as many more for WebSockets. */
const MAX_CONNECTIONS = 256;
/** The browser keeps connections for its next request; a connection that is closed meanwhile costs a second try. */
const KEEP_ALIVE_MS = 60_000;
const REFUSED_STATUS = 403;
const UNREACHABLE_STATUS = 502;
/** The browser has gone, so nobody reads this status. */
const GONE_STATUS = 499;
/** How long each address of a site may take before the next is tried. Node's own 250 ms are less than a far site takes. */
const NEXT_ADDRESS_MS = 2_000;

export interface EgressProxy {
  readonly port: number;
  /** Why the pages could not reach a host. */
  readonly reports: ProxyReports;
  /** Lets the pages reach these destinations from now on; its reports begin anew, in this log. */
  assign(to: { readonly destinations: Destinations; readonly log: ReportLog }): void;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** The port to listen on; left out: any free one. */
  readonly port?: number | undefined;
  /** Holds the server from when it listens until its last connection is gone. */
  readonly open?: Set<Server> | undefined;
  /** What pages may reach; null: nothing at all, until assign(). */
  readonly destinations: Destinations | null;
  readonly log: ReportLog;
}

/** Starts a proxy that listens on loopback; the caller stops it. Throws what listening throws. */
export async function startProxy({ port = 0, open, destinations, log }: ProxyOptions): Promise<EgressProxy> {
  const reports = new ProxyReports(log);
  const agent = boundedAgent();
  const tunnels = new Set<Socket>();
  const parts: ProxyParts = { destinations, reports, agent, tunnels };
  const server = new ProxyServer({
    host: LOOPBACK,
    port,
    authRealm: "captcha-remote",
    prepareRequestFunction: (asked) => prepare(asked, parts),
  });
  // The library drops its reference at close().
  const listener = server.server;
  // Prepended, so that it runs before the library's own listener answers.
  listener.prependListener("request", (request, response) => cutOwnPages(request, response, reports));
  Object.assign(listener, { maxConnections: MAX_CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS });
  await server.listen();
  open?.add(listener);
  listener.once("close", () => open?.delete(listener));
  return {
    port: server.port,
    reports,
    assign(to) {
      parts.destinations = to.destinations;
      reports.beginAnew(to.log);
    },
    async stop() {
      const closed = server.close(true);
      for (const socket of tunnels) socket.destroy();
      agent.destroy();
      await closed;
      reports.close();
    },
  };
}

interface ProxyParts {
  destinations: Destinations | null;
  readonly reports: ProxyReports;
  readonly agent: Agent;
  readonly tunnels: Set<Socket>;
}

/** Decides about one request: it is pinned to the checked addresses, or gets an error answer. */
async function prepare(
  { request, hostname, port, isHttp }: PrepareRequestFunctionOpts,
  parts: ProxyParts,
): Promise<PrepareRequestFunctionResult> {
  // URL normalises hosts of http: 127.1 and 0x7f000001 become 127.0.0.1.
  const url = URL.parse(`http://${hostname}:${port}/`);
  if (!url) throw new RequestError("no host", 400);
  const source = request.socket;
  source.setTimeout(IDLE_DEADLINE_MS);
  try {
    if (parts.destinations === null) throw notAllowed(hostOf(url), "url", "its browser works for nobody yet");
    const checking = allowedAddresses(url, parts.destinations);
    const addresses = await withDeadline(checking, RESOLVE_DEADLINE_MS, "resolver");
    // A connection for a browser that has gone meanwhile would never be closed.
    if (source.destroyed) throw new RequestError("gone", GONE_STATUS);
    if (isHttp) return { dnsLookup: pinned(addresses), httpAgent: parts.agent };
    return { customConnectServer: tunnelTo(await connectTunnel({ url, port, addresses, source }, parts.tunnels)) };
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw answerFor(url, cause, parts.reports, () => isHttp && source.destroy());
  }
}

/**
 * A refusal is answered with its reason. For an unreachable address a plain request's connection is cut, as the browser
 * would show the text of an answer as the page.
 */
function answerFor(url: URL, cause: unknown, reports: ProxyReports, cut: () => void): RequestError {
  if (cause instanceof AppError && cause.code === "url_not_allowed") {
    const why = String(cause.details?.["why"]);
    reports.refused(url, why);
    return new RequestError(`url_not_allowed: ${why}\n`, REFUSED_STATUS, { "cache-control": "no-store" });
  }
  reports.unreachable(url, cause);
  cut();
  return new RequestError("unreachable\n", UNREACHABLE_STATUS);
}

interface TunnelEnds {
  readonly url: URL;
  readonly port: number;
  readonly addresses: readonly CheckedAddress[];
  readonly source: Socket;
}

/** Connects to the checked addresses. The connection ends with the browser's. Rejects where none accepts it in time. */
async function connectTunnel({ url, port, addresses, source }: TunnelEnds, tunnels: Set<Socket>): Promise<Socket> {
  const target = boundedConnect({ host: hostOf(url), port, lookup: pinnedTo(addresses) });
  tunnels.add(target);
  target.once("close", () => tunnels.delete(target));
  source.once("close", () => target.destroy());
  if (source.destroyed) target.destroy();
  await new Promise<void>((resolve, reject) => {
    target.once("connect", resolve);
    target.on("error", reject);
    target.once("close", () => reject(new Error("closed")));
  });
  return target;
}

/** A server that the library passes the browser's end of a tunnel to. */
function tunnelTo(target: Socket): Server {
  const tunnel = createServer();
  tunnel.removeAllListeners("connection");
  tunnel.once("connection", (source: Socket) => {
    source.pipe(target);
    target.pipe(source);
    // Received data is still delivered before the end.
    target.once("close", () => source.destroySoon());
  });
  return tunnel;
}

/**
 * Opens a connection for each plain request. The site could close a kept one just as it is used again, and only a browser
 * knows whether it may repeat such a request.
 */
function boundedAgent(): Agent {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = (options) => {
    const socket = boundedConnect(options as NetConnectOpts);
    // A long poll may be quiet, but not for ever: no other timeout ends a request that a site never answers.
    return socket.setTimeout(IDLE_DEADLINE_MS, () => socket.destroy());
  };
  return agent;
}

function boundedConnect(options: NetConnectOpts): Socket {
  const socket = connect({ noDelay: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS, ...options });
  const late = () => socket.destroy(Object.assign(new Error("connection timed out"), { code: "ETIMEDOUT" }));
  const timer = setTimeout(late, CONNECT_DEADLINE_MS);
  for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
  return socket;
}

function pinned(addresses: readonly CheckedAddress[]): NonNullable<PrepareRequestFunctionResult["dnsLookup"]> {
  // The library's type is node:dns's lookup with all its overloads; a connection uses only this one.
  return pinnedTo(addresses) satisfies LookupFunction as NonNullable<PrepareRequestFunctionResult["dnsLookup"]>;
}

/**
 * For an unreachable host the library answers with a text of its own, which the browser would show as the site's page.
 * The connection is cut instead. A site's answer differs: its head is sent before end() is called.
 */
function cutOwnPages(request: IncomingMessage, response: ServerResponse, reports: ProxyReports): void {
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;
  const endOrCut = (...given: unknown[]) => {
    if (response.headersSent) return end(...given);
    const url = URL.parse(request.url ?? "");
    if (url) reports.unreachable(url, response.statusCode);
    request.socket.destroy();
    return response;
  };
  Object.assign(response, { end: endOrCut });
}
