/** What counts as one address where somebody is counted: an IPv4 address, or the network that one IPv6 line is given. */
import { normalizeIP } from "@fastify/rate-limit";

/** One subscriber has a whole /64, and may come from any address in it. */
const IPV6_PREFIX_BITS = 64;
/** Behind a trusted proxy the address is a text of a header, which may be anything. */
const MAX_KEY_LENGTH = 64;

/** `ip` as request.ip gives it; undefined on a socket file. */
export function addressKey(ip: string | undefined): string {
  return normalizeIP((ip ?? "").slice(0, MAX_KEY_LENGTH), IPV6_PREFIX_BITS);
}
