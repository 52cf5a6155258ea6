/** Which addresses an owned page may reach: the open internet, what an allow-list adds, and never this server's own ports. */
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { AppError } from "../errors.ts";
import {
  addressesOf,
  type CheckedAddress,
  hostOf,
  isLocalhost,
  isThisMachine,
  LOCALHOST,
  notAllowed,
  type OwnAddresses,
  refusalOf,
  withFamilies,
} from "./address.ts";
import type { Resolve } from "./resolver.ts";

const MAX_PATTERN_LENGTH = 300;
const MAX_PORT = 65_535;
const LOOPBACK = [ipaddr.parseCIDR("127.0.0.0/8"), ipaddr.parseCIDR("::1/128")];
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "ws:": 80, "https:": 443, "wss:": 443 };
const FIELD = "url";

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** One entry of an allow-list: a host by its name, or addresses. `port` null: any port. */
export type UrlPattern =
  | { readonly kind: "name"; readonly host: string; readonly port: number | null }
  /** `.intranet.example` of `*.intranet.example`. */
  | { readonly kind: "names below"; readonly suffix: string; readonly port: number | null }
  | { readonly kind: "addresses"; readonly ranges: readonly Range[]; readonly port: number | null };

/**
 * Parses an entry of an allow-list: `host`, `*.intranet.example`, `10.0.0.5`, `[fd00::1]` or `loopback`, each with or
 * without `:port`, or a network such as `10.0.0.0/8`.
 */
export const urlPatternSchema = z
  .string()
  .max(MAX_PATTERN_LENGTH)
  .transform((text, context): UrlPattern => {
    const pattern = parsePattern(text.trim().toLowerCase());
    if (pattern) return pattern;
    context.addIssue({
      code: "custom",
      message: "not a host, *.domain, address, network or loopback, such as shop.internal:8080 or 10.0.0.0/8",
    });
    return z.NEVER;
  });

/** The rules for what a page may reach. */
export interface Destinations {
  /** URL_ALLOW_PRIVATE: private addresses too. */
  readonly allowPrivate: boolean;
  /** The addresses that are allowed beyond the open internet. */
  readonly allow: readonly UrlPattern[];
  /** Ports of this machine that no page may reach, whatever is allowed: the API's, debugging ports, proxies. */
  readonly neverPorts: () => ReadonlySet<number>;
  /** The origin of the demo challenges, by address: every page may reach it. Undefined while there is none. */
  readonly demoOrigin: () => string | undefined;
  readonly resolve?: Resolve | undefined;
  readonly own?: OwnAddresses | undefined;
}

/**
 * Resolves the host of a URL once and checks every address it has. The caller connects to these addresses and does not
 * resolve again. Throws AppError url_not_allowed with the host and the reason, or what the resolver throws.
 */
export async function allowedAddresses(url: URL, destinations: Destinations): Promise<readonly CheckedAddress[]> {
  const host = hostOf(url);
  const port = portOf(url);
  const demo = demoAddress(host, port, destinations);
  const addresses = demo === null ? await addressesOf(host, destinations.resolve) : [demo];
  for (const address of addresses) {
    const why = whyNot({ host, port, address, isDemo: demo !== null }, destinations);
    if (why !== null) throw notAllowed(host, FIELD, why);
  }
  return withFamilies(addresses);
}

/**
 * Checks a URL without resolving its host. Throws AppError url_not_allowed for `field` where the host is an address, in
 * any spelling, or a name that always means this machine, and may not be reached.
 */
export function refuseHost(text: string, field: string, destinations: Destinations): void {
  const url = new URL(text);
  const host = hostOf(url);
  const addresses = ipaddr.isValid(host) ? [host] : isLocalhost(host) ? LOCALHOST : [];
  for (const address of addresses) {
    const why = whyNot({ host, port: portOf(url), address, isDemo: false }, destinations);
    if (why !== null) throw notAllowed(host, field, why);
  }
}

/** Parses the URL of a web page. Throws AppError url_not_allowed: `file:`, `chrome:` and others show the server's machine. */
export function webUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url) throw new AppError("url_not_allowed", { field: FIELD, why: "not an absolute URL" });
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new AppError("url_not_allowed", { field: FIELD, why: "only http: and https:" });
  }
  return url;
}

/** The port that a URL leads to, the scheme's default where it is left out; 0 where the scheme is unknown. */
export function portOf(url: URL): number {
  return url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
}

/** The demo's address where the URL leads to the demo, else null. Its frames of another origin call it `localhost`. */
function demoAddress(host: string, port: number, { demoOrigin }: Destinations): string | null {
  const demo = URL.parse(demoOrigin() ?? "");
  if (demo === null || portOf(demo) !== port) return null;
  const address = hostOf(demo);
  return host === address || host === "localhost" ? address : null;
}

interface Destination {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly isDemo: boolean;
}

function whyNot({ host, port, address, isDemo }: Destination, destinations: Destinations): string | null {
  const { allowPrivate, allow, neverPorts, own } = destinations;
  if (neverPorts().has(port) && isThisMachine(address, own)) return "a port that no page may reach";
  if (isDemo) return null;
  const why = refusalOf(address, own);
  if (why === null || allowPrivate || allow.some((pattern) => matches(pattern, host, port, address))) return null;
  return `${why}; URL_ALLOW_PRIVATE=on allows it`;
}

function matches(pattern: UrlPattern, host: string, port: number, address: string): boolean {
  if (pattern.port !== null && pattern.port !== port) return false;
  const name = host.replace(/\.$/, "");
  if (pattern.kind === "name") return name === pattern.host;
  if (pattern.kind === "names below") return name.endsWith(pattern.suffix);
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return pattern.ranges.some(([start, bits]) => start.kind() === parsed.kind() && parsed.match(start, bits));
}

function parsePattern(text: string): UrlPattern | null {
  if (ipaddr.isValidCIDR(text)) return { kind: "addresses", ranges: [ipaddr.parseCIDR(text)], port: null };
  if (ipaddr.IPv6.isValid(text)) return { kind: "addresses", ranges: [single(text)], port: null };
  const [, host = "", portText] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}|\*))?$/.exec(text) ?? [];
  const port = portText === undefined || portText === "*" ? null : Number(portText);
  if (port !== null && (port === 0 || port > MAX_PORT)) return null;
  if (host === "loopback") return { kind: "addresses", ranges: LOOPBACK, port };
  const address = host.replace(/^\[(.*)\]$/, "$1");
  if (host.startsWith("[") ? ipaddr.IPv6.isValid(address) : ipaddr.IPv4.isValidFourPartDecimal(address)) {
    return { kind: "addresses", ranges: [single(address)], port };
  }
  const below = host.startsWith("*.");
  const name = asHostName(below ? host.slice(2) : host);
  if (name === null) return null;
  return below ? { kind: "names below", suffix: `.${name}`, port } : { kind: "name", host: name, port };
}

function single(address: string): Range {
  const parsed = ipaddr.process(address);
  return [parsed, parsed.kind() === "ipv6" ? 128 : 32];
}

/** The host name as a URL writes it (lower case, punycode); null for text that is no name, such as an oddly spelled address. */
function asHostName(text: string): string | null {
  if (/[\s/\\?#@]/.test(text)) return null;
  const host = URL.parse(`http://${text}/`)?.host;
  return host !== undefined && /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(host) && !ipaddr.isValid(host) ? host : null;
}
