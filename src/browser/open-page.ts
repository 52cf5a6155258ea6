/** Opens owned pages: a browser process of its own a session, the page set up as the bot asked, then its URL. */
import { join } from "node:path";
import type { Logger } from "pino";
import { type Browser, type CDPSession, chromium, type Page } from "playwright";
import type { Config } from "../config.ts";
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";
import type { Rule } from "../protocol/rest.ts";
import type { OpenPage, OpenPageRequest, PageEvents } from "../session/page.ts";
import { KNOWN_KINDS } from "./challenge-kinds.ts";
import { RemotePage } from "./challenge-page.ts";
import { DevTools } from "./devtools.ts";
import { findChromium } from "./find-chromium.ts";
import { invalidSelectors } from "./page-scripts.ts";
import { type BrowserProcess, reapBrowsers, startBrowser } from "./process.ts";

const CONNECT_DEADLINE_MS = 10_000;
const CALL_DEADLINE_MS = 5_000;
/** Until the first document is committed. */
const NAVIGATION_DEADLINE_MS = 20_000;
/** [R10] The challenge is looked for until it is found or so long. */
const CHALLENGE_SEARCH_MS = 3_000;
/** A browser start this recent says that another one would work too [R20]. */
const START_WORKED_WITHIN_MS = 60_000;
const PROBE_DEADLINE_MS = 15_000;

export interface BrowserRoom {
  readonly openPage: OpenPage;
  /** Whether a browser start worked within the last minute; tries one where none was made. */
  canStart(): Promise<boolean>;
  /** Ends what a probe has started; sessions end their own browsers. */
  close(): Promise<void>;
  /** Ends every browser at once, for a process that is about to exit. */
  kill(): void;
}

type BrowserConfig = Pick<Config, "chromiumPath" | "searchPath" | "dataDir" | "customKinds" | "browserEnvironment">;

/** What browsers need of this machine. Ends browsers that a killed server left in DATA_DIR. */
export async function openBrowserRoom(config: BrowserConfig, log: Logger): Promise<BrowserRoom> {
  const profilesDir = join(config.dataDir, "profiles");
  const reaped = await reapBrowsers(profilesDir);
  if (reaped > 0) log.warn({ processes: reaped }, "ended browsers of a server that did not stop cleanly");
  const kinds = [...config.customKinds, ...KNOWN_KINDS];
  const running = new Set<BrowserProcess>();
  const closing = new AbortController();
  let lastStart = -Infinity;
  let probing: Promise<boolean> | null = null;

  async function launch(request: Omit<OpenPageRequest, "url">, signal: AbortSignal): Promise<BrowserProcess> {
    const chromiumPath = await findChromium({ chromiumPath: config.chromiumPath, path: config.searchPath }).catch(
      (cause: unknown) => {
        throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
      },
    );
    if (chromiumPath === undefined) throw new AppError("browser_unavailable", { why: "no Chromium found" });
    const { viewport, locale, timezone, user_agent: userAgent } = request;
    const process = await startBrowser(
      {
        chromiumPath,
        profileDir: join(profilesDir, request.session_id),
        environment: config.browserEnvironment,
        viewport,
        locale,
        timezone: timezone && new Intl.DateTimeFormat("en", { timeZone: timezone }).resolvedOptions().timeZone,
        userAgent,
      },
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
    assertAllowed(request.url);
    const process = await launch(request, signal);
    let page: RemotePage | null = null;
    try {
      signal.throwIfAborted();
      const browser = await connect(process, join(profilesDir, request.session_id));
      page = await setUp(browser, process, request, events);
      await navigate(page.page, request.url, signal);
      await page.begin(CHALLENGE_SEARCH_MS, signal);
      return page;
    } catch (error) {
      await (page ? page.close() : process.stop());
      throw error;
    }
  }

  async function setUp(
    browser: Browser,
    process: BrowserProcess,
    request: OpenPageRequest,
    events: PageEvents,
  ): Promise<RemotePage> {
    const context = browser.contexts()[0];
    const page = context?.pages()[0];
    if (!context || !page) throw new AppError("browser_unavailable", { why: "the browser has no page" });
    const session = await within(context.newCDPSession(page), "page session");
    const { targetInfo } = await within(session.send("Target.getTargetInfo"), "target");
    const live = await DevTools.attach(process.endpoint, targetInfo.targetId);
    const remote = new RemotePage({
      browser,
      context,
      page,
      session,
      live,
      viewport: request.viewport,
      kinds,
      completion: request.completion,
      events,
      log,
      stop: async () => {
        live.close();
        await process.stop();
      },
    });
    void live.closed.then(() => remote.connectionLost());
    try {
      const browserSession = await within(browser.newBrowserCDPSession(), "browser session");
      browserSession.on("Browser.downloadWillBegin", ({ url }) => remote.refuseDownload(url));
      await within(
        browserSession.send("Browser.setDownloadBehavior", { behavior: "deny", eventsEnabled: true }),
        "downloads",
      );
      await remote.prepare();
      if (request.locale !== undefined) {
        await within(session.send("Emulation.setLocaleOverride", { locale: request.locale }), "locale");
      }
      await assertSelectors(remote, request);
      await applyHeaders(session, request);
      await applyStorageState(page, request);
      return remote;
    } catch (error) {
      await remote.close();
      throw error;
    }
  }

  async function probe(): Promise<boolean> {
    const session_id = `.probe-${performance.now()}`;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(PROBE_DEADLINE_MS)]);
    const request = { session_id, viewport: { width: 200, height: 200 }, completion: undefined };
    try {
      const process = await launch(request, signal);
      await process.stop();
      return true;
    } catch (error) {
      log.warn({ err: error }, "a browser start failed");
      return false;
    }
  }

  return {
    openPage: open,
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

/** Only web pages: `file:`, `chrome:` and the like would show the server's own machine. */
function assertAllowed(url: string): void {
  const parsed = URL.parse(url);
  if (!parsed) throw new AppError("url_not_allowed", { field: "url", why: "not an absolute URL" });
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new AppError("url_not_allowed", { field: "url", why: "only http: and https:" });
  }
}

async function connect(process: BrowserProcess, profileDir: string): Promise<Browser> {
  const connected = chromium.connectOverCDP(process.endpoint, {
    timeout: CONNECT_DEADLINE_MS,
    noDefaults: true,
    artifactsDir: join(profileDir, "artifacts"),
  });
  return withDeadline(connected, CONNECT_DEADLINE_MS + 1_000, "browser connection").catch((cause: unknown) => {
    throw new AppError("browser_unavailable", { why: String(cause).slice(0, 300) }, { cause });
  });
}

async function navigate(page: Page, url: string, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new AppError("session_ended")), { once: true });
  });
  aborted.catch(() => {});
  const work = page.goto(url, { waitUntil: "commit", timeout: NAVIGATION_DEADLINE_MS });
  await Promise.race([withDeadline(work, NAVIGATION_DEADLINE_MS + 1_000, "page"), aborted]).catch((cause: unknown) => {
    if (cause instanceof AppError) throw cause;
    const text = String(cause);
    if (text.includes("Timeout"))
      throw new AppError("timeout", { field: "url", why: "the page did not answer" }, { cause });
    const why = /net::\w+/.exec(text)?.[0] ?? (text.includes("Download") ? "a download" : "no page");
    throw new AppError("navigation_failed", { field: "url", why }, { cause });
  });
}

/** Selectors can only be checked by a browser; a bad one is refused before the page is opened. */
async function assertSelectors(remote: RemotePage, { completion }: OpenPageRequest): Promise<void> {
  const rules = [
    ...(completion?.all ?? []).map((rule, index) => ({ rule, field: `completion.all.${index}` })),
    ...(completion?.any ?? []).map((rule, index) => ({ rule, field: `completion.any.${index}` })),
  ];
  const selectors = rules.flatMap(({ rule, field }) => {
    const selector = selectorOf(rule);
    return selector === undefined ? [] : [{ selector, field }];
  });
  if (selectors.length === 0) return;
  const [main] = await remote.frames.list();
  if (!main) return;
  const invalid = await remote.frames.run(
    main,
    invalidSelectors,
    selectors.map(({ selector }) => selector),
  );
  const first = selectors.find(({ selector }) => invalid.includes(selector));
  if (first) throw new AppError("invalid_message", { field: first.field, why: "not a CSS selector" });
}

function selectorOf(rule: Rule): string | undefined {
  if ("gone" in rule) return rule.gone;
  if ("visible" in rule) return rule.visible;
  if ("value" in rule) return rule.value;
  return "text" in rule ? rule.text : undefined;
}

/** The bot's headers go to the url's own origin only; an override is not carried along a redirect. */
async function applyHeaders(session: CDPSession, request: OpenPageRequest): Promise<void> {
  const headers = Object.entries(request.extra_headers ?? {});
  if (headers.length === 0) return;
  const { origin } = new URL(request.url);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  session.on("Fetch.requestPaused", ({ requestId, request: paused }) => {
    const own = Object.entries(paused.headers).filter(([name]) => !given.has(name.toLowerCase()));
    const all = [...own, ...headers].map(([name, value]) => ({ name, value: String(value) }));
    const params = URL.parse(paused.url)?.origin === origin ? { requestId, headers: all } : { requestId };
    session.send("Fetch.continueRequest", params).catch(() => {});
  });
  await within(session.send("Fetch.enable", { patterns: [{ urlPattern: `${origin}/*` }] }), "headers");
}

async function applyStorageState(page: Page, { storage_state: state }: OpenPageRequest): Promise<void> {
  if (state === undefined) return;
  type Given = Exclude<Parameters<ReturnType<Page["context"]>["setStorageState"]>[0], string>;
  await within(page.context().setStorageState(state as unknown as Given), "storage state").catch((cause: unknown) => {
    if (cause instanceof AppError) throw cause;
    throw new AppError("invalid_message", { field: "storage_state", why: String(cause).split("\n")[0] }, { cause });
  });
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
