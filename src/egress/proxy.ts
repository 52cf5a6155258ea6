/** The filtering forward proxy of one browser: resolves, checks and pins every address that its pages ask for. */
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
import { type CheckedAddress, hostOf, pinnedTo } from "./address.ts";
import { allowedAddresses, type Destinations } from "./destination.ts";
import { ProxyReports, type ReportLog } from "./proxy-reports.ts";

const LOOPBACK = "127.0.0.1";
const RESOLVE_DEADLINE_MS = 10_000;
/** Until an address has accepted the connection. */
const CONNECT_DEADLINE_MS = 15_000;
/** A connection on which nothing comes or goes; long polls and quiet sockets may take their time. */
const IDLE_DEADLINE_MS = 600_000;
/** A Chromium opens 32 to a proxy, and as many more for WebSockets. */
const MAX_CONNECTIONS = 256;
/** The browser keeps its connections for the next request; closing them under its hands costs a second try. */
const KEEP_ALIVE_MS = 60_000;
const REFUSED_STATUS = 403;
const UNREACHABLE_STATUS = 502;
/** Read by nobody. */
const GONE_STATUS = 499;
/** Each address of a site gets so long before the next is tried; Node's own quarter of a second is less than a far site takes. */
const NEXT_ADDRESS_MS = 2_000;

export interface EgressProxy {
  readonly port: number;
  /** What became of the page's last try to reach the host of this URL, where it did not get there. */
  readonly reports: ProxyReports;
  /** Ends every connection. */
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** Left out: any free one. */
  readonly port?: number | undefined;
  /** Holds the server from when it listens until its last connection is gone. */
  readonly open?: Set<Server> | undefined;
  readonly destinations: Destinations;
  readonly log: ReportLog;
}

/** Listens on loopback. The caller stops it. Throws what listening throws. */
export async function startProxy({ port = 0, open, destinations, log }: ProxyOptions): Promise<EgressProxy> {
  const reports = new ProxyReports(log);
  const agent = boundedAgent();
  const tunnels = new Set<Socket>();
  const parts = { destinations, reports, agent, tunnels };
  const server = new ProxyServer({
    host: LOOPBACK,
    port,
    authRealm: "captcha-remote",
    prepareRequestFunction: (asked) => prepare(asked, parts),
  });
  // The library lets go of it as soon as it is to close.
  const listener = server.server;
  // Before anything can be asked, and so before the library's own answer.
  listener.prependListener("request", (request, response) => cutOwnPages(request, response, reports));
  Object.assign(listener, { maxConnections: MAX_CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS });
  await server.listen();
  open?.add(listener);
  listener.once("close", () => open?.delete(listener));
  return {
    port: server.port,
    reports,
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
  readonly destinations: Destinations;
  readonly reports: ProxyReports;
  readonly agent: Agent;
  readonly tunnels: Set<Socket>;
}

/** Decides about one request: where it goes, pinned to what was checked, or how it is answered. */
async function prepare(
  { request, hostname, port, isHttp }: PrepareRequestFunctionOpts,
  parts: ProxyParts,
): Promise<PrepareRequestFunctionResult> {
  // As a special scheme reads it: 127.1 and 0x7f000001 are 127.0.0.1.
  const url = URL.parse(`http://${hostname}:${port}/`);
  if (!url) throw new RequestError("no host", 400);
  const source = request.socket;
  source.setTimeout(IDLE_DEADLINE_MS);
  try {
    const checking = allowedAddresses(url, parts.destinations);
    const addresses = await withDeadline(checking, RESOLVE_DEADLINE_MS, "resolver");
    // Nobody would close what is opened for a browser that has gone meanwhile.
    if (source.destroyed) throw new RequestError("gone", GONE_STATUS);
    if (isHttp) return { dnsLookup: pinned(addresses), httpAgent: parts.agent };
    return { customConnectServer: tunnelTo(await connectTunnel({ url, port, addresses, source }, parts.tunnels)) };
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw answerFor(url, cause, parts.reports, () => isHttp && source.destroy());
  }
}

/** A refusal is told; what cannot be reached is cut for a plain request, as the browser would show a text as the page. */
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

/** A connection to what was checked; it goes with the browser's. Rejects where it is not accepted in time. */
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

/** What the library hands the browser's end of a tunnel to. */
function tunnelTo(target: Socket): Server {
  const tunnel = createServer();
  tunnel.removeAllListeners("connection");
  tunnel.once("connection", (source: Socket) => {
    source.pipe(target);
    target.pipe(source);
    // What was received is still handed over.
    target.once("close", () => source.destroySoon());
  });
  return tunnel;
}

/**
 * A connection for each plain request. One kept for the next could be closed by the site just as it is used, and only
 * a browser knows whether it may send such a request again.
 */
function boundedAgent(): Agent {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = (options) => {
    const socket = boundedConnect(options as NetConnectOpts);
    // A long poll may be quiet, but not for ever; nothing else would end what a site never answers.
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
  // The library asks for node:dns's own lookup with all its overloads; a connection uses this one.
  return pinnedTo(addresses) satisfies LookupFunction as NonNullable<PrepareRequestFunctionResult["dnsLookup"]>;
}

/**
 * The library answers a host that is not there with a text of its own, which the browser would show as the site's
 * page. The connection is cut instead. What a site answers has its head sent before its end.
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
