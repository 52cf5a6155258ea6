/** Which addresses this server connects to on behalf of others: those of the open internet, and others where allowed. */
import type { LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { AppError } from "../errors.ts";
import { type Resolve, systemResolve } from "./resolver.ts";

/**
 * Where clouds answer their machines, beside link-local addresses: Azure's host agent, which is public by its range, and
 * the metadata of Alibaba Cloud, of AWS and of Google Cloud.
 */
const CLOUD_SERVICES = ["168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128"].map((cidr) =>
  ipaddr.parseCIDR(cidr),
);
/** The routed part of IPv6; the rest is special, or not assigned yet. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");
const IPV4_BITS = 32;
/** The addresses of `localhost` and of names below it, here as in browsers, whatever a resolver answers. */
export const LOCALHOST = ["127.0.0.1", "::1"];
const PRIVATE_ADDRESS = "a private address";
const OWN_ADDRESS = "an address of this server's own";

export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** True for an address of the open internet, in any spelling; false for text that is no address. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address that is mapped into IPv6 is judged as IPv4.
  const address = ipaddr.process(text);
  if (address.range() !== "unicast") return false;
  const within = (ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[]) =>
    ranges.some(([start, bits]) => start.kind() === address.kind() && address.match(start, bits));
  return address.kind() === "ipv6" ? within([GLOBAL_IPV6]) : !within(CLOUD_SERVICES);
}

/** Returns this machine's addresses with the prefix lengths of their networks, such as `203.0.113.7/24`. */
export type OwnAddresses = () => readonly string[];

/**
 * True for an address of one of this machine's interfaces. With IPv6, true for the interface's whole network: this
 * machine may have any number of addresses there.
 */
function isOwnAddress(text: string, own: OwnAddresses): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return own().some((cidr) => {
    const [start, bits] = ipaddr.parseCIDR(cidr);
    const length = start.kind() === "ipv4" ? IPV4_BITS : bits;
    return start.kind() === address.kind() && address.match(start, length);
  });
}

/** True for every address that leads to this machine itself; on Linux 0.0.0.0 and :: do. */
export function isThisMachine(text: string, own: OwnAddresses = systemAddresses): boolean {
  if (!ipaddr.isValid(text)) return false;
  const range = ipaddr.process(text).range();
  return range === "loopback" || range === "unspecified" || isOwnAddress(text, own);
}

/** True for addresses at which a cloud answers its machines, 169.254.169.254 and all of link-local among them. */
export function isCloudService(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() === "linkLocal") return true;
  return CLOUD_SERVICES.some(([start, bits]) => start.kind() === address.kind() && address.match(start, bits));
}

/** The reason why this server does not connect to the address, in words; null: it may. */
export function refusalOf(address: string, own: OwnAddresses = systemAddresses): string | null {
  if (!isPublicAddress(address)) return PRIVATE_ADDRESS;
  return isOwnAddress(address, own) ? OWN_ADDRESS : null;
}

/** The addresses of a host as hostOf() returns it; an address is its own. Throws what the resolver throws. */
export async function addressesOf(host: string, resolve: Resolve = systemResolve): Promise<readonly string[]> {
  if (ipaddr.isValid(host)) return [host];
  return isLocalhost(host) ? LOCALHOST : resolve(host);
}

/** Adds each address's family. Throws for text that is no address. */
export function withFamilies(addresses: readonly string[]): readonly CheckedAddress[] {
  return addresses.map((address) => ({ address, family: ipaddr.parse(address).kind() === "ipv6" ? 6 : 4 }));
}

/** A `lookup` for a connection that returns the checked addresses, whatever the name resolves to by now. */
export function pinnedTo(addresses: readonly CheckedAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (!first) callback(new Error("no address"), "", 0);
    else if (all) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/.test(host);
}

function systemAddresses(): readonly string[] {
  // `cidr` is null for an interface whose netmask is invalid.
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).flatMap(({ cidr }) => cidr ?? []));
}

/** The URL's host without the brackets of IPv6. URL has already turned 2130706433, 0x7f.1 and 0177.0.0.1 into 127.0.0.1. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

export function notAllowed(host: string, field: string, why: string): AppError {
  return new AppError("url_not_allowed", { field, host, why });
}
