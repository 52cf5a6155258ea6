/** Opens pages for sessions: owned pages in a browser process each, and pages of the bot's own browser where they are. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../../config.ts";
import { cachedResolver } from "../../egress/cached-resolver.ts";
import { type Destinations, urlPatternSchema } from "../../egress/destination.ts";
import { type Resolve, systemResolve } from "../../egress/resolver.ts";
import { isLoopback } from "../../environment.ts";
import { AppError } from "../../errors.ts";
import { type CdpPattern, cdpPatternSchema } from "../../protocol/cdp-pattern.ts";
import type { BrowserGauges } from "../../protocol/health.ts";
import { DEFAULT_VIEWPORT } from "../../protocol/rest.ts";
import type { OpenPage, PageEvents, ResumablePage, ResumePage } from "../../session/ports/page.ts";
import type {
  GuestPageRequest,
  OpenPageRequest,
  OwnedPageRequest,
  RelayedPageRequest,
} from "../../session/ports/page-request.ts";
import type { Relays } from "../../session/ports/relays.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { ConnectionRegistry } from "../cdp/connection-registry.ts";
import { waitForPage, whenResponsive } from "../cdp/wait-for-page.ts";
import { KNOWN_KINDS } from "../challenge/kinds.ts";
import type { PageWindows } from "../page/page-windows.ts";
import type { RemotePage } from "../page/remote-page.ts";
import { countProcesses, discardBrowser, reapBrowsers } from "../process/chromium-process.ts";
import { findChromium } from "../process/find-chromium.ts";
import { memoryLeft } from "../process/memory-left.ts";
import { phoneUserAgent } from "../process/phone-user-agent.ts";
import { memoryOf, type ProcessIdentity } from "../process/process-table.ts";
import { adoptProxiedBrowser, type ProxiedBrowser, startProxiedBrowser } from "../process/proxied-browser.ts";
import { RelayRegistry } from "../relay/relay-registry.ts";
import { openGuestPage } from "./guest-page.ts";
import { type HandedPage, holdHandedPage } from "./handed-page.ts";
import { HeldTargets } from "./held-targets.ts";
import { assertDestination } from "./navigate.ts";
import {
  loadPlaywright,
  openOwnedPage,
  type PageDeps,
  type ReachedPage,
  reachBlankPage,
  resumeOwnedPage,
} from "./owned-page.ts";
import { openRelayedPage } from "./relayed-page.ts";
import { type WarmBrowser, WarmBrowsers } from "./warm-browsers.ts";

/** [R10] How long a page that opens is scanned for its challenge. */
const CHALLENGE_SEARCH_MS = 3_000;
/** [R27] How long it may take to reach a bot's browser: who reaches none is told within 3 s. */
const REACH_MS = 2_500;
/** After a restart nobody waits for an answer, and many pages are returned to at once. */
const REACH_AGAIN_MS = 10_000;
/** A browser start within this time shows that another one would work too [R20]. */
const START_WORKED_WITHIN_MS = 60_000;
const PROBE_DEADLINE_MS = 15_000;
/** Profiles of warm browsers; no session's id has this character. */
const WARM_PREFIX = "warm@";
/** A warm browser that takes longer to answer is slower than a new one. */
const WARM_ANSWER_MS = 500;

type OpenedPage = RemotePage | PageWindows;

/** [S17] A browser that waits at its blank page. */
interface WarmOwned extends WarmBrowser {
  readonly process: ProxiedBrowser;
  readonly blank: ReachedPage;
}

export interface BrowserPool {
  readonly openPage: OpenPage;
  /** Returns to a page of an earlier server. The browser of an owned page must have been kept at openBrowserPool(). */
  readonly resumePage: ResumePage;
  /** [W55] The pages that bots lend over relays. */
  readonly relays: Relays;
  /** Takes the place of openPage for a page that a bot in this process hands over. */
  openerFor(page: HandedPage): OpenPage;
  /** Whether a browser start worked within the last minute; starts one where there was none. */
  canStart(): Promise<boolean>;
  /** The ports of this machine that no page may reach: the server's, its proxies', and debugging ports. */
  readonly neverPorts: () => ReadonlySet<number>;
  /** Counts what is open now [R20]. */
  open(): Promise<BrowserGauges>;
  /** The private memory of each running browser, bytes. */
  memory(): Promise<number[]>;
  /**
   * Ends the warm browsers, and the one that canStart() has started. Sessions end their own browsers; relays outlive them.
   */
  close(): Promise<void>;
  /** Ends every browser at once and without waiting: for a server that is about to exit. */
  kill(): void;
}

type BrowserConfig = Pick<
  Config,
  | "chromiumPath"
  | "searchPath"
  | "dataDir"
  | "customKinds"
  | "browserEnvironment"
  | "cdpAllow"
  | "urlAllowPrivate"
  | "maxUploadBytes"
  | "maxRelays"
  | "maxMessageBytes"
  | "warmBrowsers"
>;

/** What the pool needs to know of the server that it runs in. */
export interface PageOpenerOptions {
  /** The ports that the server listens on: no page may reach them. */
  readonly serverPorts: () => readonly number[];
  /** The origin of the demo challenges, which every page may reach; undefined while there is none. */
  readonly demoOrigin: () => string | undefined;
  /** [R10] How long a page that opens is scanned for its challenge, ms; left out: 3 s. */
  readonly challengeSearchMs?: number | undefined;
  /** Resolves the names of sites and of bots' browsers; left out: as the system does. */
  readonly resolve?: Resolve | undefined;
}

/**
 * Opens the pool. Ends the browsers that an earlier server left in DATA_DIR, except `browsersToKeep`: the process of each
 * by the name of its profile.
 */
export async function openBrowserPool(
  config: BrowserConfig,
  { serverPorts, demoOrigin, challengeSearchMs = CHALLENGE_SEARCH_MS, resolve = systemResolve }: PageOpenerOptions,
  log: Logger,
  browsersToKeep: ReadonlyMap<string, ProcessIdentity> = new Map(),
): Promise<BrowserPool> {
  const profilesDir = join(config.dataDir, "profiles");
  const reaped = await reapBrowsers(profilesDir, browsersToKeep);
  if (reaped > 0) log.warn({ processes: reaped }, "ended browsers that no session claims");
  const kinds = [...config.customKinds, ...KNOWN_KINDS];
  const running = new Set<ProxiedBrowser>();
  /** The debugging ports of browsers with guests: one entry for each guest. */
  const guestPorts = new Map<symbol, number>();
  const targets = new HeldTargets();
  const connections = new ConnectionRegistry();
  const relays = new RelayRegistry(config);
  const proxies = new Set<Server>();
  const closing = new AbortController();
  /** The profiles of browsers that are started for sessions to come, or wait for them. */
  const warming = new Set<string>();
  /** The pages that were opened and are not over, while there is a pool. */
  const pages = new Set<OpenedPage>();
  /** How many pages are being opened or returned to. */
  let openings = 0;
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

  /** The endpoints that the request may name: those of its key, else those of CDP_ALLOW. */
  function cdpPatternsOf({ cdp_allow }: Pick<GuestPageRequest, "cdp_allow">): readonly CdpPattern[] {
    return cdp_allow?.map((text) => cdpPatternSchema.parse(text)) ?? config.cdpAllow;
  }

  function destinationsOf(request: Pick<OwnedPageRequest, "url_allow">): Destinations {
    const allow = (request.url_allow ?? []).map((text) => urlPatternSchema.parse(text));
    return {
      allowPrivate: config.urlAllowPrivate,
      allow,
      neverPorts,
      demoOrigin,
      resolve: cachedResolver(resolve),
    };
  }

  function blockPort(port: number): () => void {
    const guest = Symbol();
    guestPorts.set(guest, port);
    return () => guestPorts.delete(guest);
  }

  async function launch(
    request: Omit<OwnedPageRequest, "url" | "completion">,
    destinations: Destinations | null,
    signal: AbortSignal,
  ): Promise<ProxiedBrowser> {
    const chromiumPath = await findChromium({ chromiumPath: config.chromiumPath, path: config.searchPath }).catch(
      (cause: unknown) => {
        throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
      },
    );
    if (chromiumPath === undefined) throw new AppError("browser_unavailable", { why: "no Chromium found" });
    const { viewport, locale, timezone, device, touch } = request;
    const isPhone = device === "phone";
    const userAgent = request.user_agent ?? (isPhone ? await phoneUserAgent(chromiumPath) : undefined);
    const startedAt = performance.now();
    const process = await startProxiedBrowser(
      {
        chromiumPath,
        profileDir: join(profilesDir, request.session_id),
        environment: config.browserEnvironment,
        viewport,
        locale,
        timezone: timezone && new Intl.DateTimeFormat("en", { timeZone: timezone }).resolvedOptions().timeZone,
        userAgent,
        touch: isPhone ? "only" : touch ? "also" : undefined,
      },
      { destinations, port: request.proxy_port, open: proxies, log: log.child({ session_id: request.session_id }) },
      signal,
    );
    lastStart = performance.now();
    publishMetric("browser_start", lastStart - startedAt);
    return tracked(process);
  }

  /** Lists a browser until it stops: no page may reach its ports, and kill() ends it. */
  function tracked(process: ProxiedBrowser): ProxiedBrowser {
    const owned: ProxiedBrowser = {
      ...process,
      stop: () => process.stop().finally(() => running.delete(owned)),
      detach: () => process.detach().finally(() => running.delete(owned)),
    };
    running.add(owned);
    return owned;
  }

  const warm = new WarmBrowsers<WarmOwned>({
    size: config.warmBrowsers,
    start: startWarm,
    memoryLeft,
    isDragging: () => {
      for (const page of pages) if (page.isOver) pages.delete(page);
      return [...pages].some((page) => page.isPressed);
    },
    isOpening: () => openings > 0,
    log,
  });

  /** [S17] Starts a browser for a session to come. Its proxy refuses everything until then. */
  async function startWarm(signal: AbortSignal): Promise<WarmOwned> {
    const profile = WARM_PREFIX + randomBytes(8).toString("hex");
    warming.add(profile);
    const process = await launch({ session_id: profile, viewport: DEFAULT_VIEWPORT }, null, signal).catch((error) => {
      warming.delete(profile);
      throw error;
    });
    const stop = async () => {
      await process.stop().catch((error: unknown) => log.error({ err: error }, "a warm browser stays"));
      warming.delete(profile);
    };
    // A connection that is being made ends with its browser.
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      const blank = await reachBlankPage(process, connections);
      const asked = { expression: "1" };
      const answers = () =>
        withDeadline(blank.tab.pageSession.send("Runtime.evaluate", asked), WARM_ANSWER_MS, "warm browser").then(
          () => true,
          () => false,
        );
      return {
        process,
        blank,
        gone: Promise.race([blank.connection.closed, blank.tab.pageSession.gone]),
        answers,
        stop,
      };
    } catch (error) {
      await stop();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Counts the opening, and keeps its page in sight, for as long as that matters to the pool. */
  async function counted(opening: Promise<OpenedPage>): Promise<OpenedPage> {
    openings += 1;
    try {
      const page = await opening;
      if (config.warmBrowsers > 0) pages.add(page);
      return page;
    } finally {
      openings -= 1;
    }
  }

  async function open(request: OpenPageRequest, events: PageEvents, signal: AbortSignal): Promise<OpenedPage> {
    const page = await opened(request);
    events.progress("challenge");
    return closeOnFailure(page, () => page.begin(challengeSearchMs, signal));

    function opened(wanted: OpenPageRequest): Promise<OpenedPage> {
      if ("relay" in wanted) return openRelayedPage(wanted, { ...depsOf(events), relays }, signal);
      return "cdp" in wanted ? openGuest(wanted, REACH_MS, events, signal) : openOwned(wanted);
    }

    async function openOwned(owned: OwnedPageRequest): Promise<OpenedPage> {
      const destinations = destinationsOf(owned);
      events.progress("browser");
      await assertDestination(owned.at ?? owned.url, destinations, signal);
      const ready = isUsual(owned) ? await warm.take() : null;
      if (ready) {
        const { process, blank } = ready;
        warming.delete(process.profile);
        process.proxy.assign({ destinations, log: log.child({ session_id: owned.session_id }) });
        events.progress("page");
        return openOwnedPage(process, join(profilesDir, process.profile), owned, depsOf(events), signal, blank);
      }
      // Whoever needs it awaits it, and handles its failure.
      if (owned.storage_state) loadPlaywright().catch(() => {});
      const process = await launch(owned, destinations, signal);
      events.progress("page");
      return openOwnedPage(process, join(profilesDir, owned.session_id), owned, depsOf(events), signal);
    }
  }

  async function resumePage(memory: ResumablePage, events: PageEvents, signal: AbortSignal): Promise<OpenedPage> {
    const { request, place, watch, held } = memory;
    const page = await returnTo(request);
    return closeOnFailure(page, () => page.resume(watch, held));

    function returnTo(wanted: OpenPageRequest): Promise<OpenedPage> {
      if ("relay" in wanted) return returnToRelayed(wanted);
      return "cdp" in wanted ? returnToGuest(wanted) : returnToOwned(wanted);
    }

    /** The bot dials, and has to come with the same page. */
    async function returnToRelayed(relayed: RelayedPageRequest): Promise<OpenedPage> {
      if (place.kind !== "relayed") throw new AppError("browser_lost");
      const { relay, owner } = relayed;
      await relays.whenBack({ relay, owner, secret: place.secret, targetId: place.target_id }, signal);
      const open = () => openRelayedPage(relayed, { ...depsOf(events), relays }, signal);
      return whenResponsive(open, Infinity, signal);
    }

    /** Waits for a page behind a dialog as long as its session lives: the bot may answer the dialog at any time. */
    function returnToGuest(guest: GuestPageRequest): Promise<OpenedPage> {
      const { url_contains: _foundBy, ...kept } = guest.cdp;
      const cdp = { ...kept, target_id: place.target_id };
      return whenResponsive(() => openGuest({ ...guest, cdp }, REACH_AGAIN_MS, events, signal), Infinity, signal);
    }

    async function returnToOwned(owned: OwnedPageRequest): Promise<OpenedPage> {
      if (place.kind !== "owned" || memory.proxy_port === null) throw new AppError("browser_lost");
      const profileDir = join(profilesDir, place.profile ?? owned.session_id);
      const through = {
        destinations: destinationsOf(owned),
        port: memory.proxy_port,
        open: proxies,
        log: log.child({ session_id: owned.session_id }),
      };
      // Pages have no network until the proxy listens again, so it starts first.
      const process = await adoptProxiedBrowser(profileDir, place, through).catch(async (error: unknown) => {
        await discardBrowser(profileDir, place);
        throw error;
      });
      const browser = tracked(process);
      try {
        await waitForPage(connections, browser.endpoint, place.target_id, signal);
      } catch (error) {
        await browser.stop();
        throw error;
      }
      const found = { request: owned, targetId: place.target_id };
      return resumeOwnedPage(browser, found, depsOf(events), signal);
    }
  }

  function depsOf(events: PageEvents): PageDeps {
    return { kinds, log, events, targets, connections, maxFileBytes: config.maxUploadBytes };
  }

  async function openGuest(
    guest: GuestPageRequest,
    reachWithinMs: number,
    events: PageEvents,
    signal: AbortSignal,
  ): Promise<OpenedPage> {
    const endpoints = { allow: cdpPatternsOf(guest), ownPorts: debuggingPorts, resolve };
    return openGuestPage(guest, { ...depsOf(events), ...endpoints, reachWithinMs, blockPort }, signal);
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
    openPage: (request, events, signal) => counted(open(request, events, signal)),
    resumePage: (memory, events, signal) => counted(resumePage(memory, events, signal)),
    relays,
    neverPorts,
    openerFor: (handed) => async (request, events, signal) => {
      const page = await holdHandedPage(handed, request, depsOf(events));
      return closeOnFailure(page, () => page.begin(challengeSearchMs, signal));
    },
    async canStart() {
      if (performance.now() - lastStart < START_WORKED_WITHIN_MS) return true;
      probing ??= probe().finally(() => {
        probing = null;
      });
      return probing;
    },
    async open() {
      const groups = [...running].map(({ identity }) => identity.pid);
      const ofSessions = [...running].filter(({ profile }) => !warming.has(profile));
      const open = {
        ...connections.open(),
        browsers: ofSessions.length,
        warm_browsers: warm.count,
        proxies: proxies.size,
      };
      const profile_folders = (await readdir(profilesDir).catch(() => [])).length;
      return { ...open, profile_folders, processes: await countProcesses(profilesDir, groups) };
    },
    memory: () => memoryOf([...running].map(({ identity }) => identity.pid)),
    async close() {
      closing.abort();
      await Promise.all([probing, warm.close()]);
    },
    kill() {
      for (const process of running) process.kill();
    },
  };
}

/**
 * [S17] Whether a browser will do that was started before anybody knew of this request: nothing that it asks for is given to
 * the process.
 */
function isUsual({ viewport, device, touch, locale, timezone, user_agent, proxy_port }: OwnedPageRequest): boolean {
  const { width, height } = DEFAULT_VIEWPORT;
  const isDesk = device === undefined && touch !== true;
  const given = [locale, timezone, user_agent, proxy_port];
  return viewport.width === width && viewport.height === height && isDesk && given.every((each) => each === undefined);
}

/** Runs `begin`. Where it fails, the page is closed. */
async function closeOnFailure<Page extends OpenedPage>(page: Page, begin: () => Promise<void>): Promise<Page> {
  try {
    await begin();
    return page;
  } catch (error) {
    await page.close();
    throw error;
  }
}

/** The debugging ports on this machine that the configuration names. */
function namedPorts(patterns: readonly CdpPattern[]): number[] {
  return patterns.flatMap(({ host, port }) =>
    port !== "*" && (host === "loopback" || isLoopback(host)) ? [Number(port)] : [],
  );
}
