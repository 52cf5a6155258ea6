/** Other sites stay out: a page of theirs, open in the operator's own browser, must not reach the server through it. */
import cors from "@fastify/cors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "../../config.ts";
import { isLoopback } from "../../environment.ts";
import { AppError } from "../../errors.ts";

/** How long a browser may remember what an allowed site may do. */
const PREFLIGHT_SECONDS = 600;

export type Sites = Pick<Config, "allowedOrigins" | "allowedHosts">;

/**
 * Refuses, with `forbidden`, a `Host` that is no name of this server (one that was made to point here by DNS), and a
 * foreign `Origin` on a socket or a change. Names of this server are those of PUBLIC_URL, the address that the request
 * came in at, loopback names, and ALLOWED_HOSTS. No `Origin` means no browser.
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

/** Pages of ALLOWED_ORIGINS may read answers, with a key of their own: never with what a browser adds by itself. */
export async function letSitesRead(app: FastifyInstance, { allowedOrigins }: Sites): Promise<void> {
  // A bot's own server that grants more, or less, does so for all of its routes.
  if (allowedOrigins.length === 0 || app.hasRequestDecorator("corsPreflightEnabled")) return;
  app.addHook("onRoute", (route) => {
    if (route.method === "OPTIONS") route.config = { ...route.config, access: "public" };
  });
  await app.register(cors, {
    origin: [...allowedOrigins],
    methods: ["GET", "POST", "DELETE"],
    allowedHeaders: ["authorization", "content-type", "idempotency-key", "last-event-id", "prefer"],
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
 * Whether this `Origin` is the very address that the request came in at. Where that is a loopback one, all loopback
 * names of the port are the same; they must then be the request's own `Host` too, which no other machine's can be.
 */
function isHere(text: string, host: URL, { socket, raw }: FastifyRequest): boolean {
  const origin = URL.parse(text);
  const scheme = "encrypted" in raw.socket ? "https:" : "http:";
  if (origin?.origin !== text || origin.protocol !== scheme || portOf(origin) !== socket.localPort) return false;
  const here = plainAddress(socket.localAddress);
  if (isLoopback(here)) return isLoopback(origin.hostname) && isLoopback(host.hostname);
  return bare(origin.hostname) === here;
}

/** The one `Host` of the request, as a URL of nothing else; two of them are none. */
function hostOf({ raw, headers: { host } }: FastifyRequest): URL | null {
  const isOne = raw.rawHeaders.filter((text, index) => index % 2 === 0 && /^host$/i.test(text)).length === 1;
  const isHost = host !== undefined && /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(host);
  return isOne && isHost ? URL.parse(`http://${host}`) : null;
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Without the brackets that IPv6 has in URLs. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** An IPv4 address as such where the socket is one of both families; empty on a socket file. */
function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}
