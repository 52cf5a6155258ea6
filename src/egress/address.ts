/** Where this server may connect to on somebody else's word: addresses of the open internet, and no others unless allowed. */
import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { AppError } from "../errors.ts";

/** Reachable from the open internet by the books, yet the door to a cloud's own services: Azure's host agent. */
const CLOUD_SERVICES = [ipaddr.parseCIDR("168.63.129.16/32")];
/** All that is routed of IPv6; what lies outside is special, or not given out yet. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");

export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Answers the addresses of a name, as the system's resolver knows them. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** True for an address of the open internet, in any spelling of it; false for what is no address. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const address = ipaddr.process(text);
  if (address.range() !== "unicast") return false;
  const within = (ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[]) =>
    ranges.some(([start, bits]) => start.kind() === address.kind() && address.match(start, bits));
  return address.kind() === "ipv6" ? within([GLOBAL_IPV6]) : !within(CLOUD_SERVICES);
}

/**
 * What can be said of a URL without asking anybody: throws url_not_allowed, naming `field`, where its host is a
 * private address in any spelling, or a name that always means this machine.
 */
export function refusePrivateHost(url: string, field: string): void {
  const host = hostOf(new URL(url));
  const isAddress = ipaddr.isValid(host);
  if (isAddress ? isPublicAddress(host) : !/(^|\.)localhost\.?$/.test(host)) return;
  throw notAllowed(host, field);
}

/**
 * Resolves the host of a URL once and checks every address it has; whoever connects must use these and not ask again,
 * or a name could answer otherwise the second time. Throws url_not_allowed, or what the resolver throws.
 */
export async function checkedAddresses(
  url: URL,
  { allowPrivate, resolve = systemResolve }: { allowPrivate: boolean; resolve?: Resolve },
): Promise<readonly CheckedAddress[]> {
  const host = hostOf(url);
  const addresses = ipaddr.isValid(host) ? [host] : await resolve(host);
  if (!allowPrivate && !addresses.every(isPublicAddress)) throw notAllowed(host, "url");
  return addresses.map((address) => ({ address, family: ipaddr.parse(address).kind() === "ipv6" ? 6 : 4 }));
}

async function systemResolve(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/** Without the brackets of IPv6. URL has already made 127.0.0.1 of 2130706433, 0x7f.1 and 0177.0.0.1. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function notAllowed(host: string, field: string): AppError {
  return new AppError("url_not_allowed", { field, host, why: "a private address" });
}
