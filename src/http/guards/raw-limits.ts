/** What holds before there is a request: how many connections our own server takes, and how long a request may take to come. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyServerOptions } from "fastify";
import type { Config } from "../../config.ts";
import { AppError, type Code } from "../../errors.ts";
import { ConnectionLimits } from "../sockets/connection-limits.ts";
import type { RefusalCounter } from "./refusal-counter.ts";

/** How late a slow request may be noticed. */
const LOOK_EVERY_MS = 1_000;
/** Beside operators and event streams there are requests, long polls among them, and connections kept for the next. */
const MORE_CONNECTIONS = 4_000;
const MORE_CONNECTIONS_PER_ADDRESS = 1_000;
/** Longer than most proxies keep theirs: they are to end an idle connection, not we, while a request is on its way. */
const KEEP_ALIVE_MS = 72_000;

/** What Node refuses by itself, in our words. */
const BROKEN: Readonly<Record<string, { readonly status: string; readonly code: Code }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: "408 Request Timeout", code: "timeout" },
  HPE_HEADER_OVERFLOW: { status: "431 Request Header Fields Too Large", code: "payload_too_large" },
};
const NO_HTTP = { status: "400 Bad Request", code: "invalid_message" } as const;

type RawLimits = Pick<
  Config,
  "requestTimeoutSeconds" | "headersTimeoutSeconds" | "maxConnections" | "maxConnectionsPerAddress" | "trustProxy"
>;

/** How long the headers, and the whole of a request, may take to come. Answers may take as long as they like. */
export function httpOptions({ requestTimeoutSeconds, headersTimeoutSeconds }: RawLimits) {
  const requestTimeout = requestTimeoutSeconds * 1_000;
  const headersTimeout = headersTimeoutSeconds * 1_000;
  return {
    requestTimeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { requestTimeout, headersTimeout, connectionsCheckingInterval: LOOK_EVERY_MS, shouldUpgradeCallback },
  };
}

/** Some clients offer HTTP/2 with every request (`Upgrade: h2c`): that is answered as if they had not. */
function shouldUpgradeCallback({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * More connections than this are dropped by Node itself, without a word; and one address gets no more than a share,
 * unless the addresses are those of a trusted proxy, behind which all are.
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

/** Answers what is no request, or came too slowly, and ends the connection. */
export function refuseBrokenRequest(refusals: RefusalCounter): NonNullable<FastifyServerOptions["clientErrorHandler"]> {
  return (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    const { status, code } = BROKEN[error.code ?? ""] ?? NO_HTTP;
    refusals.count(code, "rest");
    const known = new AppError(code, { field: "request" });
    const body = JSON.stringify({ error: { ...known.toWire(), timestamp: new Date().toISOString() } });
    const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
    if (socket.writable) socket.write(`${head}\r\n\r\n${body}`);
    socket.destroySoon();
  };
}
