/** Patterns of the debugging endpoints that a bot may name: for all bots (CDP_ALLOW), or for one key. */
import { z } from "zod";

/** `host:port`. The host is a name, `*.` with the end of a name, or `loopback`; the port is a number or `*`. */
export const cdpPatternSchema = z
  .string()
  .regex(
    /^(loopback|\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9.-]+):(\d{1,5}|\*)$/i,
    "not host:port patterns such as chrome.internal:9222",
  )
  .transform((text): CdpPattern => {
    const colon = text.lastIndexOf(":");
    const host = text.slice(0, colon).toLowerCase();
    // As addresses have it: [0:0:0:0:0:0:0:1] is [::1].
    const asInAddress = host.startsWith("[") ? URL.parse(`http://${host}`)?.hostname : undefined;
    return { host: asInAddress ?? host, port: text.slice(colon + 1) };
  });

export interface CdpPattern {
  readonly host: string;
  readonly port: string;
}
