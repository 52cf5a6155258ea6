/** [R20] The gauges of /healthz: what is open on the server now. */
import { z } from "zod";

/** Each gauge and its meaning, as docs/protocol/operations.md has them. Each is back at its first value once all sessions have ended. */
export const GAUGES = {
  sessions: "living sessions",
  releasing: "ended sessions whose pages are still being closed",
  operator_sockets: "operator sockets",
  event_sockets: "events sockets [R18]",
  relay_sockets: "sockets over which bots lend pages [W55]",
  event_streams: "event streams [R14], [R18]",
  cdp_connections: "the server's own DevTools connections to browsers",
  playwright_connections: "Playwright's connections to browsers",
  cdp_sessions: "DevTools sessions attached by the server, on any connection",
  browsers: "browsers that the server runs for sessions, each a process group",
  warm_browsers: "browsers that are started and wait for a session [S17]",
  processes: "processes of this machine that use a profile of this `DATA_DIR`, whatever started them",
  profile_folders: "profile folders on the disk",
  proxies: "listening proxies of browsers",
  listeners: "listening sockets of the whole process: the server's, its proxies', the demo's, a bot's own",
} as const;

export type GaugeName = keyof typeof GAUGES;
export type Gauges = Record<GaugeName, number>;
/** The gauges that `browser/` counts. */
export type BrowserGauges = Omit<
  Gauges,
  "sessions" | "releasing" | "operator_sockets" | "event_sockets" | "relay_sockets" | "event_streams" | "listeners"
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
  .meta({ description: "What is open now; only for an `ops` key, or with AUTH=off." });
