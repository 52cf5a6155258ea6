/** The forms of origins, hosts and proxies in the configuration. No wildcards. */
import { isIP } from "node:net";
import { z } from "zod";

/** Names of address ranges, as proxy-addr defines them. */
const NAMED_RANGES = ["loopback", "linklocal", "uniquelocal"];

/** `https://shop.example`, exactly as a browser writes it in `Origin`: no wildcard, no path, not `null`. */
export const siteOriginSchema = z.string().refine((text) => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text && !text.includes("*");
}, "not an exact origin such as https://shop.example");

/** `captcha.internal` (any port) or `captcha.internal:3000`, in lower case. */
export const siteHostSchema = z
  .string()
  .toLowerCase()
  .regex(/^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/, "not a host or host:port such as captcha.internal:3000");

/** An address, a range such as 10.1.0.0/16, or loopback, linklocal, uniquelocal. A range of all addresses is refused. */
export const trustedProxySchema = z
  .string()
  .refine(
    (text) => NAMED_RANGES.includes(text) || isIP(text) > 0 || isRange(text),
    "not an address, a range such as 10.1.0.0/16, loopback, linklocal or uniquelocal",
  );

function isRange(text: string): boolean {
  const [, address = "", bits] = /^([^/]+)\/([1-9]\d{0,2})$/.exec(text) ?? [];
  return isIP(address) > 0 && Number(bits) <= (isIP(address) === 4 ? 32 : 128);
}
