/** Whether two addresses belong to one site, as browsers count sites. */
import { getDomain } from "tldts";

/**
 * Whether two URLs have the same registrable domain. Hosts without one (IP addresses, localhost, names of one label) are
 * compared as they are. False where one of them has no host.
 */
export function isSameSite(one: string, other: string): boolean {
  const site = siteOf(one);
  return site !== "" && site === siteOf(other);
}

function siteOf(url: string): string {
  const host = URL.parse(url)?.hostname ?? "";
  // Private suffixes count (github.io, say): what stands before them belongs to different people.
  return getDomain(host, { allowPrivateDomains: true }) ?? host;
}
