/** Opens an owned page: in a browser of its own, set up as the bot asked, then at its URL. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Browser, CDPSession, Page } from "playwright";
import type { ChallengeKind } from "../../config.ts";
import { AppError } from "../../errors.ts";
import { MAX_TOUCHES } from "../../protocol/live.ts";
import type { Notice, PageEvents } from "../../session/ports/page.ts";
import type { OwnedPageRequest } from "../../session/ports/page-request.ts";
import { redactUrlsIn } from "../../util/redact-url.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { replaceWhatIsOutside } from "../assist/outside-the-page.ts";
import type { ConnectionRegistry } from "../cdp/connection-registry.ts";
import { DialogsAndPopups } from "../page/dialogs-and-popups.ts";
import { PageHistory } from "../page/page-history.ts";
import { RemotePage } from "../page/remote-page.ts";
import { DESK, type Device, PHONE, ViewportOverrideCapture } from "../pictures/capture-region.ts";
import type { ProxiedBrowser } from "../process/proxied-browser.ts";
import { PlaywrightTab } from "../tabs/playwright-tab.ts";
import type { HeldTargets } from "./held-targets.ts";
import { navigate } from "./navigate.ts";
import { assertSelectors } from "./validate-selectors.ts";

const CONNECT_DEADLINE_MS = 10_000;
const CALL_DEADLINE_MS = 5_000;
const CLOSE_DEADLINE_MS = 2_000;

/** What opening a page of any kind needs. */
export interface PageDeps {
  readonly kinds: readonly ChallengeKind[];
  readonly log: Logger;
  readonly events: PageEvents;
  readonly targets: HeldTargets;
  readonly connections: ConnectionRegistry;
  /** Of a file that an operator gives to the page. */
  readonly maxFileBytes: number;
}

/**
 * Opens the page; it is not scanned yet. The page's end ends `process` too, and so does a failure here. AppError:
 * invalid_message, url_not_allowed, navigation_failed, timeout, browser_unavailable, or what `signal` aborts with.
 */
export async function openOwnedPage(
  process: ProxiedBrowser,
  profileDir: string,
  request: OwnedPageRequest,
  deps: PageDeps,
  signal: AbortSignal,
): Promise<RemotePage> {
  return endOnFailure(process, signal, async (own) => {
    const browser = await connect(process, profileDir, deps.connections);
    const page = browser.contexts()[0]?.pages()[0];
    if (!page) throw new AppError("browser_unavailable", { why: "the browser has no page" });
    const parts = await partsOf({ browser, page, process }, deps.connections);
    const remote = own(await remotePage(parts, request, deps));
    await setUp(parts, remote, request, deps.connections);
    await assertSelectors(remote.frames, request.completion, deps.kinds);
    await applyStorageState(page, request);
    await navigate(page, request.at ?? request.url, process.proxy.reports, signal);
    return remote;
  });
}

/**
 * Returns to the page of an earlier server that still runs in `process`: not scanned yet, and without a navigation. A
 * failure ends `process`. AppError: page_crashed, timeout, browser_unavailable, or what `signal` aborts with.
 */
export async function resumeOwnedPage(
  process: ProxiedBrowser,
  profileDir: string,
  { request, targetId }: { readonly request: OwnedPageRequest; readonly targetId: string },
  deps: PageDeps,
  signal: AbortSignal,
): Promise<RemotePage> {
  return endOnFailure(process, signal, async (own) => {
    const browser = await connect(process, profileDir, deps.connections);
    // Playwright does not list a page that has crashed.
    const candidates = await Promise.all(
      (browser.contexts()[0]?.pages() ?? []).map((page) => partsOf({ browser, page, process }, deps.connections)),
    );
    const parts = candidates.find((candidate) => candidate.targetId === targetId);
    if (!parts) throw new AppError("page_crashed");
    const remote = own(await remotePage(parts, request, deps));
    await setUp(parts, remote, request, deps.connections);
    return remote;
  });
}

/** Runs `open`. Where it fails, the page that it has made is closed and the process ended. */
async function endOnFailure(
  process: ProxiedBrowser,
  signal: AbortSignal,
  open: (own: (remote: RemotePage) => RemotePage) => Promise<RemotePage>,
): Promise<RemotePage> {
  let remote: RemotePage | null = null;
  try {
    signal.throwIfAborted();
    return await open((made) => {
      remote = made;
      return made;
    });
  } catch (error) {
    await ((remote as RemotePage | null)?.close() ?? process.stop());
    throw error;
  }
}

interface OwnedParts {
  readonly browser: Browser;
  readonly page: Page;
  readonly session: CDPSession;
  readonly process: ProxiedBrowser;
  readonly targetId: string;
}

async function partsOf(
  given: Pick<OwnedParts, "browser" | "page" | "process">,
  connections: ConnectionRegistry,
): Promise<OwnedParts> {
  const context = given.page.context();
  const session = await connections.session(
    context.newCDPSession(given.page),
    context,
    CALL_DEADLINE_MS,
    "page session",
  );
  const { targetInfo } = await within(session.send("Target.getTargetInfo"), "target");
  return { ...given, session, targetId: targetInfo.targetId };
}

async function remotePage(
  { browser, page, session, process, targetId }: OwnedParts,
  request: OwnedPageRequest,
  { kinds, log, events, targets, connections, maxFileBytes }: PageDeps,
): Promise<RemotePage> {
  const { url, viewport, completion, http_credentials: credentials, files = true, clipboard = true } = request;
  const device = deviceOf(request);
  const context = page.context();
  const connection = await connections.connect(process.endpoint);
  const pageSession = await connection.attach(targetId);
  const release = targets.hold(targetId, "ours");
  const remote = new RemotePage({
    tab: new PlaywrightTab({ page, session, pageSession, connections, attach: (id) => connection.attach(id) }),
    capture: new ViewportOverrideCapture(pageSession, viewport, device),
    viewport,
    kinds,
    completion,
    openedUrl: url,
    events,
    log,
    isOurs: true,
    touch: { isOn: device.hasTouch, isMobile: device.isMobile },
    history: new PageHistory(pageSession),
    proxyPort: process.proxy.port,
    place: { kind: "owned", target_id: targetId, ...process.identity },
    dialogs: pageSession,
    // A main frame has the id of its target.
    signIn: {
      session: pageSession,
      frameId: targetId,
      given: credentials ? { ...credentials, origin: new URL(url).origin } : null,
    },
    dialogsOf: null,
    assist: { maxFileBytes: files ? maxFileBytes : null, clipboard },
    storageState: () => context.storageState(),
    release: async (how) => {
      // Playwright's close() ends its connection here, not the browser.
      await withDeadline(browser.close(), CLOSE_DEADLINE_MS, "browser connection").catch(() => {});
      connection.close();
      release();
      await (how === "end" ? process.stop() : process.detach());
    },
  });
  void connection.closed.then(() => remote.lost("browser_lost"));
  new DialogsAndPopups(context, page, log, remote.notices);
  const notice = (one: Notice) => remote.notices.publish(one);
  await replaceWhatIsOutside(session, { notice, url: () => remote.url ?? "" });
  return remote;
}

/** Sets up what belongs to the connection and ends with it: the next server sets it up again. */
async function setUp(
  { browser, page, session }: Pick<OwnedParts, "browser" | "page" | "session">,
  remote: RemotePage,
  request: OwnedPageRequest,
  connections: ConnectionRegistry,
): Promise<void> {
  const opening = browser.newBrowserCDPSession();
  const browserSession = await connections.session(opening, page.context(), CALL_DEADLINE_MS, "browser session");
  browserSession.on("Browser.downloadWillBegin", ({ url }) =>
    remote.notices.publish({ type: "page_notice", notice: "download_refused", url }),
  );
  await within(
    browserSession.send("Browser.setDownloadBehavior", { behavior: "deny", eventsEnabled: true }),
    "downloads",
  );
  await remote.prepare();
  await applyTouch(session, request);
  // A window that the page opens would put it into the background, where the browser draws nothing.
  await within(session.send("Emulation.setFocusEmulationEnabled", { enabled: true }), "focus");
  if (request.locale !== undefined) {
    await within(session.send("Emulation.setLocaleOverride", { locale: request.locale }), "locale");
  }
  await applyHeaders(session, request);
}

function deviceOf({ device, touch }: OwnedPageRequest): Device {
  return device === "phone" ? PHONE : { ...DESK, hasTouch: touch === true };
}

/** The page's own process; frames with processes of their own have it from the browser's command line. */
async function applyTouch(session: CDPSession, request: OwnedPageRequest): Promise<void> {
  if (!deviceOf(request).hasTouch) return;
  const touch = { enabled: true, maxTouchPoints: MAX_TOUCHES };
  await within(session.send("Emulation.setTouchEmulationEnabled", touch), "touch");
}

/** Loading it takes a fifth of a second: call it while the first browser starts. A server of guests never needs it. */
export function loadPlaywright(): Promise<typeof import("playwright")> {
  return import("playwright");
}

async function connect(process: ProxiedBrowser, profileDir: string, connections: ConnectionRegistry): Promise<Browser> {
  const { chromium } = await loadPlaywright();
  const connecting = chromium.connectOverCDP(process.endpoint, {
    timeout: CONNECT_DEADLINE_MS,
    noDefaults: true,
    artifactsDir: join(profileDir, "artifacts"),
  });
  return connections.playwright(connecting, CONNECT_DEADLINE_MS + 1_000).catch((cause: unknown) => {
    throw new AppError("browser_unavailable", { why: redactUrlsIn(String(cause)).slice(0, 300) }, { cause });
  });
}

/** Adds the bot's headers to requests to the URL's own origin only, and not after a redirect to another one. */
async function applyHeaders(session: CDPSession, request: OwnedPageRequest): Promise<void> {
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

async function applyStorageState(page: Page, { storage_state: state }: OwnedPageRequest): Promise<void> {
  if (state === undefined) return;
  type Given = Exclude<Parameters<ReturnType<Page["context"]>["setStorageState"]>[0], string>;
  await within(page.context().setStorageState(state as unknown as Given), "storage state").catch((cause: unknown) => {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      "invalid_message",
      { field: "storage_state", why: redactUrlsIn(String(cause).split("\n")[0] ?? "") },
      { cause },
    );
  });
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
