/** Opens pages for sessions: ours in a browser process each, or the bot's own where it already is. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { type Destinations, urlPatternSchema } from "../egress/destination.ts";
import { remembering } from "../egress/name-memory.ts";
import { systemResolve } from "../egress/resolver.ts";
import { isLoopback } from "../environment.ts";
import { AppError } from "../errors.ts";
import { type CdpPattern, cdpPatternSchema } from "../protocol/cdp-pattern.ts";
import { DEFAULT_VIEWPORT } from "../protocol/rest.ts";
import type { GuestPageRequest, OpenPage, OpenPageRequest, OwnedPageRequest, PageEvents } from "../session/page.ts";
import { KNOWN_KINDS } from "./challenge-kinds.ts";
import type { RemotePage } from "./challenge-page.ts";
import { findChromium } from "./find-chromium.ts";
import { openGuestPage } from "./guest-page.ts";
import { type HandedPage, holdHandedPage } from "./handed-page.ts";
import { assertDestination } from "./navigate.ts";
import { openOwnedPage } from "./owned-page.ts";
import { reapBrowsers } from "./process.ts";
import { type ProxiedBrowser, startProxiedBrowser } from "./proxied-browser.ts";
import { Targets } from "./targets.ts";

/** [R10] The challenge is looked for until it is found or so long. */
const CHALLENGE_SEARCH_MS = 3_000;
/** A browser start this recent says that another one would work too [R20]. */
const START_WORKED_WITHIN_MS = 60_000;
const PROBE_DEADLINE_MS = 15_000;

export interface BrowserRoom {
  readonly openPage: OpenPage;
  /** In its place for a page that a bot in this process hands over. */
  holding(page: HandedPage): OpenPage;
  /** Whether a browser start worked within the last minute; tries one where none was made. */
  canStart(): Promise<boolean>;
  /** Ports of this machine that no page may reach: the server's, its proxies', and debugging ports. */
  readonly neverPorts: () => ReadonlySet<number>;
  /** Ends what a probe has started; sessions end their own browsers. */
  close(): Promise<void>;
  /** Ends every browser at once, for a process that is about to exit. */
  kill(): void;
}

type BrowserConfig = Pick<
  Config,
  "chromiumPath" | "searchPath" | "dataDir" | "customKinds" | "browserEnvironment" | "cdpAllow" | "urlAllowPrivate"
>;

/** What pages of ours must know of the server that they run beside. */
export interface Surroundings {
  /** The ports that the server itself listens on: no page may reach them. */
  readonly serverPorts: () => readonly number[];
  /** The demo challenges, which every page may reach; undefined while there are none. */
  readonly demoOrigin: () => string | undefined;
  /** [R10] How long a page that opens is searched for its challenge; left out: 3 s. */
  readonly challengeSearchMs?: number | undefined;
}

/** What browsers need of this machine. Ends browsers that a killed server left in DATA_DIR. */
export async function openBrowserRoom(
  config: BrowserConfig,
  { serverPorts, demoOrigin, challengeSearchMs = CHALLENGE_SEARCH_MS }: Surroundings,
  log: Logger,
): Promise<BrowserRoom> {
  const profilesDir = join(config.dataDir, "profiles");
  const reaped = await reapBrowsers(profilesDir);
  if (reaped > 0) log.warn({ processes: reaped }, "ended browsers of a server that did not stop cleanly");
  const kinds = [...config.customKinds, ...KNOWN_KINDS];
  const running = new Set<ProxiedBrowser>();
  /** Debugging ports of browsers that guests are held in now, one entry a guest. */
  const guestPorts = new Map<symbol, number>();
  const targets = new Targets();
  const closing = new AbortController();
  let lastStart = -Infinity;
  let probing: Promise<boolean> | null = null;

  const debuggingPorts = () => new Set([...running].map(({ endpoint }) => Number(new URL(endpoint).port)));
  const neverPorts = () =>
    new Set([
      ...serverPorts(),
      ...debuggingPorts(),
      ...[...running].map(({ proxy }) => proxy.port),
      ...guestPorts.values(),
      ...namedPorts(config.cdpAllow),
    ]);

  /** A key may have a list of its own. */
  function cdpPatternsOf({ cdp_allow }: Pick<GuestPageRequest, "cdp_allow">): readonly CdpPattern[] {
    return cdp_allow?.map((text) => cdpPatternSchema.parse(text)) ?? config.cdpAllow;
  }

  function destinationsOf(request: Pick<OwnedPageRequest, "url_allow">): Destinations {
    const allow = (request.url_allow ?? []).map((text) => urlPatternSchema.parse(text));
    return { allowPrivate: config.urlAllowPrivate, allow, neverPorts, demoOrigin, resolve: remembering(systemResolve) };
  }

  function keepOut(port: number): () => void {
    const guest = Symbol();
    guestPorts.set(guest, port);
    return () => guestPorts.delete(guest);
  }

  async function launch(
    request: Omit<OwnedPageRequest, "url" | "completion">,
    destinations: Destinations,
    signal: AbortSignal,
  ): Promise<ProxiedBrowser> {
    const chromiumPath = await findChromium({ chromiumPath: config.chromiumPath, path: config.searchPath }).catch(
      (cause: unknown) => {
        throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
      },
    );
    if (chromiumPath === undefined) throw new AppError("browser_unavailable", { why: "no Chromium found" });
    const { viewport, locale, timezone, user_agent: userAgent } = request;
    const process = await startProxiedBrowser(
      {
        chromiumPath,
        profileDir: join(profilesDir, request.session_id),
        environment: config.browserEnvironment,
        viewport,
        locale,
        timezone: timezone && new Intl.DateTimeFormat("en", { timeZone: timezone }).resolvedOptions().timeZone,
        userAgent,
      },
      { destinations, port: request.proxy_port, log: log.child({ session_id: request.session_id }) },
      signal,
    );
    lastStart = performance.now();
    const owned = {
      ...process,
      stop: () => process.stop().finally(() => running.delete(owned)),
    };
    running.add(owned);
    return owned;
  }

  async function open(request: OpenPageRequest, events: PageEvents, signal: AbortSignal): Promise<RemotePage> {
    return begun(await ("cdp" in request ? openGuest(request) : openOwned(request)), signal);

    async function openOwned(owned: OwnedPageRequest): Promise<RemotePage> {
      const destinations = destinationsOf(owned);
      await assertDestination(owned.url, destinations, signal);
      const process = await launch(owned, destinations, signal);
      const deps = { kinds, log, events, targets };
      return openOwnedPage(process, join(profilesDir, owned.session_id), owned, deps, signal);
    }

    async function openGuest(guest: Extract<OpenPageRequest, { cdp: unknown }>): Promise<RemotePage> {
      const deps = { kinds, log, events, targets, allow: cdpPatternsOf(guest), ownPorts: debuggingPorts, keepOut };
      return openGuestPage(guest, deps, signal);
    }
  }

  async function begun(page: RemotePage, signal: AbortSignal): Promise<RemotePage> {
    try {
      await page.begin(challengeSearchMs, signal);
      return page;
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  async function probe(): Promise<boolean> {
    const session_id = `.probe-${performance.now()}`;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(PROBE_DEADLINE_MS)]);
    try {
      const process = await launch({ session_id, viewport: DEFAULT_VIEWPORT }, destinationsOf({}), signal);
      await process.stop();
      return true;
    } catch (error) {
      log.warn({ err: error }, "a browser start failed");
      return false;
    }
  }

  return {
    openPage: open,
    neverPorts,
    holding: (page) => async (request, events, signal) =>
      begun(await holdHandedPage(page, request, { kinds, log, events, targets }), signal),
    async canStart() {
      if (performance.now() - lastStart < START_WORKED_WITHIN_MS) return true;
      probing ??= probe().finally(() => {
        probing = null;
      });
      return probing;
    },
    async close() {
      closing.abort();
      await probing;
    },
    kill() {
      for (const process of running) process.kill();
    },
  };
}

/** Debugging ports on this machine that the configuration names. */
function namedPorts(patterns: readonly CdpPattern[]): number[] {
  return patterns.flatMap(({ host, port }) =>
    port !== "*" && (host === "loopback" || isLoopback(host)) ? [Number(port)] : [],
  );
}
