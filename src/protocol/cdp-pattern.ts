/** Which debugging endpoints a bot may name: of all bots (CDP_ALLOW), or of one key. */
import { z } from "zod";

/** host:port; the host a name, `*.` and the rest of one, or `loopback`; the port a number or `*`. */
export const cdpPatternSchema = z
  .string()
  .regex(
    /^(loopback|\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9.-]+):(\d{1,5}|\*)$/i,
    "not host:port patterns such as chrome.internal:9222",
  )
  .transform((text): CdpPattern => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).toLowerCase(), port: text.slice(colon + 1) };
  });

export interface CdpPattern {
  readonly host: string;
  readonly port: string;
}
