/** Keeps other sites out: a page of theirs in the operator's browser must not reach the server through that browser. */
import cors from "@fastify/cors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "../../config.ts";
import { isLoopback } from "../../environment.ts";
import { AppError } from "../../errors.ts";

/** How long a browser may cache the answer to a preflight. */
const PREFLIGHT_SECONDS = 600;

export type Sites = Pick<Config, "allowedOrigins" | "allowedHosts">;

/**
 * Refuses, with `forbidden`, a `Host` that is not a name of this server (DNS rebinding), and a foreign `Origin` on a
 * socket or a change. Names of this server are the one in PUBLIC_URL, the address that the request arrived at, loopback
 * names, and ALLOWED_HOSTS. A request without `Origin` does not come from a page.
 */
export function keepOtherSitesOut(app: FastifyInstance, publicUrl: () => string, sites: Sites): void {
  app.addHook("onRequest", async (request) => {
    const own = new URL(publicUrl());
    const host = hostOf(request);
    if (!host || !isOwnHost(host, own, request, sites)) {
      throw new AppError("forbidden", { field: "host", why: "not a name of this server" });
    }
    const { origin } = request.headers;
    const changes = request.headers.upgrade !== undefined || !["GET", "HEAD", "OPTIONS"].includes(request.method);
    if (origin === undefined || !changes) return;
    const isOurs = origin === own.origin || isHere(origin, host, request);
    if (!isOurs && !sites.allowedOrigins.includes(origin)) {
      throw new AppError("forbidden", { field: "origin", why: "another site" });
    }
  });
}

/** Lets pages of ALLOWED_ORIGINS read answers (CORS), with a key of their own, never with cookies of the browser. */
export async function letSitesRead(app: FastifyInstance, { allowedOrigins }: Sites): Promise<void> {
  // If a bot's own server has set up CORS, it has done so for all of its routes.
  if (allowedOrigins.length === 0 || app.hasRequestDecorator("corsPreflightEnabled")) return;
  app.addHook("onRoute", (route) => {
    if (route.method === "OPTIONS") route.config = { ...route.config, access: "public" };
  });
  await app.register(cors, {
    origin: [...allowedOrigins],
    methods: ["GET", "POST", "DELETE"],
    allowedHeaders: [
      "authorization",
      "content-type",
      "idempotency-key",
      "last-event-id",
      "mcp-method",
      "mcp-name",
      "mcp-protocol-version",
      "prefer",
    ],
    exposedHeaders: ["location", "retry-after"],
    credentials: false,
    maxAge: PREFLIGHT_SECONDS,
    strictPreflight: false,
  });
}

function isOwnHost(host: URL, own: URL, request: FastifyRequest, { allowedHosts }: Sites): boolean {
  if (isLoopback(host.hostname)) return true;
  if (host.hostname === own.hostname && (host.port === own.port || Number(host.port) === portOf(own))) return true;
  if (allowedHosts.includes(host.hostname) || allowedHosts.includes(host.host)) return true;
  const { localAddress, localPort } = request.socket;
  return bare(host.hostname) === plainAddress(localAddress) && portOf(host) === localPort;
}

/**
 * Whether this `Origin` is the address that the request arrived at. On loopback all loopback names of the port are the
 * same, if the request's `Host` is one of them too: another machine's page cannot have that.
 */
function isHere(text: string, host: URL, { socket, raw }: FastifyRequest): boolean {
  const origin = URL.parse(text);
  const scheme = "encrypted" in raw.socket ? "https:" : "http:";
  if (origin?.origin !== text || origin.protocol !== scheme || portOf(origin) !== socket.localPort) return false;
  const here = plainAddress(socket.localAddress);
  if (isLoopback(here)) return isLoopback(origin.hostname) && isLoopback(host.hostname);
  return bare(origin.hostname) === here;
}

/** The `Host` of the request as a URL; null if it is missing, malformed or sent twice. */
function hostOf({ raw, headers: { host } }: FastifyRequest): URL | null {
  const isOne = raw.rawHeaders.filter((text, index) => index % 2 === 0 && /^host$/i.test(text)).length === 1;
  const isHost = host !== undefined && /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(host);
  return isOne && isHost ? URL.parse(`http://${host}`) : null;
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** A hostname without the brackets that IPv6 has in URLs. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** An address; IPv4 in plain form also if the socket takes both families; empty on a Unix socket. */
function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}
