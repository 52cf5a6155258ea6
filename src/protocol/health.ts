/** [R20] What is open on the server now, as ops are told it. */
import { z } from "zod";

/** Each goes up with what sessions do, and is back where it was once they have all ended. */
export const GAUGES = {
  sessions: "sessions that live",
  releasing: "ended sessions whose pages are still being let go of",
  operator_sockets: "operator sockets",
  event_sockets: "events sockets [R18]",
  event_streams: "event streams [R14], [R18]",
  cdp_connections: "DevTools connections of the server's own to browsers",
  playwright_connections: "connections of Playwright's to browsers",
  cdp_sessions: "DevTools sessions attached by the server, on any connection",
  browsers: "browsers that the server runs, each a process group",
  processes: "processes of the machine that run for a profile of this `DATA_DIR`, whoever has started them",
  profile_folders: "profile folders on the disk",
  proxies: "proxies of browsers that listen",
  listeners: "listening sockets of the whole process: the server's, its proxies', the demo's, a bot's own",
} as const;

export type GaugeName = keyof typeof GAUGES;
export type Gauges = Record<GaugeName, number>;
/** Those that `browser/` knows of. */
export type BrowserGauges = Omit<
  Gauges,
  "sessions" | "releasing" | "operator_sockets" | "event_sockets" | "event_streams" | "listeners"
>;

export const GAUGE_NAMES = Object.keys(GAUGES) as readonly GaugeName[];

const count = z.number().int().nonnegative();

export const gaugesSchema = z
  .object(
    Object.fromEntries(GAUGE_NAMES.map((name) => [name, count.meta({ description: GAUGES[name] })])) as Record<
      GaugeName,
      typeof count
    >,
  )
  .meta({ description: "What is open now; for an `ops` key, or with AUTH=off." });
