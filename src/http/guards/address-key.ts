/** What is counted as one address in limits by address: an IPv4 address, or the /64 network of an IPv6 address. */
import { normalizeIP } from "@fastify/rate-limit";

/** A provider gives each subscriber a whole /64, who may connect from any address in it. */
const IPV6_PREFIX_BITS = 64;
/** Behind a trusted proxy the address is the text of a header, which may be anything. */
const MAX_KEY_LENGTH = 64;

/** `ip` as request.ip gives it; undefined on a Unix socket. */
export function addressKey(ip: string | undefined): string {
  return normalizeIP((ip ?? "").slice(0, MAX_KEY_LENGTH), IPV6_PREFIX_BITS);
}
