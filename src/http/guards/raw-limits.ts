/** Limits below HTTP requests: how many connections our own server takes, and how long a request may take to arrive. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyServerOptions } from "fastify";
import type { Config } from "../../config.ts";
import { AppError, type Code } from "../../errors.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { isSlowAllowed } from "./slow-bodies.ts";

/** How often slow requests are looked for. */
const LOOK_EVERY_MS = 1_000;
/** Besides sockets and event streams there are requests, long polls among them, and kept-alive connections. */
const MORE_CONNECTIONS = 4_000;
const MORE_CONNECTIONS_PER_ADDRESS = 1_000;
/** Longer than most proxies keep theirs: the proxy has to end an idle connection, as we might end one in use. */
const KEEP_ALIVE_MS = 72_000;

/** What Node itself refuses, as an error of our table. */
const BROKEN: Readonly<Record<string, { readonly status: string; readonly code: Code }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: "408 Request Timeout", code: "timeout" },
  HPE_HEADER_OVERFLOW: { status: "431 Request Header Fields Too Large", code: "payload_too_large" },
};
const NO_HTTP = { status: "400 Bad Request", code: "invalid_message" } as const;

type RawLimits = Pick<
  Config,
  "requestTimeoutSeconds" | "headersTimeoutSeconds" | "maxConnections" | "maxConnectionsPerAddress" | "trustProxy"
>;

/** Fastify options: how long headers and whole requests may take to arrive. Answers have no limit. */
export function httpOptions({ requestTimeoutSeconds, headersTimeoutSeconds }: RawLimits) {
  const requestTimeout = requestTimeoutSeconds * 1_000;
  const headersTimeout = headersTimeoutSeconds * 1_000;
  return {
    requestTimeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { requestTimeout, headersTimeout, connectionsCheckingInterval: LOOK_EVERY_MS, shouldUpgradeCallback },
  };
}

/** Some clients offer HTTP/2 with every request (`Upgrade: h2c`): the offer is ignored. */
function shouldUpgradeCallback({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Bounds all connections, which Node then drops without an answer, and those of one address. The latter does not hold
 * behind a trusted proxy, whose address all clients have.
 */
export function boundRawConnections(app: FastifyInstance, limits: RawLimits, refusals: RefusalCounter): void {
  const { maxConnections, maxConnectionsPerAddress, trustProxy } = limits;
  const server = app.server as Server;
  server.maxConnections = maxConnections + MORE_CONNECTIONS;
  server.on("drop", () => refusals.count("capacity", "rest"));
  if (trustProxy.length > 0) return;
  const share = new ConnectionLimits({
    maxConnections: Number.POSITIVE_INFINITY,
    maxConnectionsPerAddress: maxConnectionsPerAddress + MORE_CONNECTIONS_PER_ADDRESS,
  });
  server.on("connection", (socket) => {
    try {
      socket.once("close", share.take(socket.remoteAddress));
    } catch {
      refusals.count("rate_limited", "rest");
      socket.destroy();
    }
  });
}

/** A handler that answers what is not a request, or arrives too slowly, and ends the connection. */
export function refuseBrokenRequest(refusals: RefusalCounter): NonNullable<FastifyServerOptions["clientErrorHandler"]> {
  return (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && isSlowAllowed(socket)) return;
    const { status, code } = BROKEN[error.code ?? ""] ?? NO_HTTP;
    refusals.count(code, "rest");
    const known = new AppError(code, { field: "request" });
    const body = JSON.stringify({ error: { ...known.toWire(), timestamp: new Date().toISOString() } });
    const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
    if (socket.writable) socket.write(`${head}\r\n\r\n${body}`);
    socket.destroySoon();
  };
}
