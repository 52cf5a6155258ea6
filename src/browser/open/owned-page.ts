/** Opens an owned page: in a browser of its own, set up as the bot asked, then at its URL. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Browser, CDPSession, Page } from "playwright";
import type { ChallengeKind } from "../../config.ts";
import { AppError } from "../../errors.ts";
import { MAX_TOUCHES } from "../../protocol/live.ts";
import type { PageEvents } from "../../session/ports/page.ts";
import type { OwnedPageRequest } from "../../session/ports/page-request.ts";
import { redactUrlsIn } from "../../util/redact-url.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { replaceWhatIsOutside } from "../assist/outside-the-page.ts";
import { OwnClipboard } from "../assist/own-clipboard.ts";
import { type CdpConnection, type CdpSender, CdpSession, type PageSession } from "../cdp/connection.ts";
import type { ConnectionRegistry } from "../cdp/connection-registry.ts";
import { PageHistory } from "../page/page-history.ts";
import { type OpenedWindow, PageWindows } from "../page/page-windows.ts";
import { RemotePage, type RemotePageParts } from "../page/remote-page.ts";
import { DESK, type Device, PHONE, ViewportOverrideCapture } from "../pictures/capture-region.ts";
import type { ProxiedBrowser } from "../process/proxied-browser.ts";
import { CdpTab } from "../tabs/cdp-tab.ts";
import { PlaywrightTab } from "../tabs/playwright-tab.ts";
import { viewportOf } from "../tabs/viewport-of.ts";
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
 * Connects to a browser that has just been started, and attaches to its blank page. Whoever calls it ends the process where
 * it fails. AppError: browser_unavailable, timeout.
 */
export async function reachBlankPage(
  process: ProxiedBrowser,
  profileDir: string,
  connections: ConnectionRegistry,
): Promise<ReachedPage> {
  const browser = await connect(process, profileDir, connections);
  const page = browser.contexts()[0]?.pages()[0];
  if (!page) throw new AppError("browser_unavailable", { why: "the browser has no page" });
  return reached(await partsOf({ browser, page, process }, connections), connections);
}

/**
 * Opens the page; it is not scanned yet. `blank` is the browser's page where it was reached before. The page's end ends
 * `process` too, and so does a failure here. AppError: invalid_message, url_not_allowed, navigation_failed, timeout,
 * browser_unavailable, or what `signal` aborts with.
 */
export async function openOwnedPage(
  process: ProxiedBrowser,
  profileDir: string,
  request: OwnedPageRequest,
  deps: PageDeps,
  signal: AbortSignal,
  blank?: ReachedPage,
): Promise<PageWindows> {
  return endOnFailure(process, signal, async (own) => {
    const parts = blank ?? (await reachBlankPage(process, profileDir, deps.connections));
    const { page } = parts;
    const windows = own(await pageWindows(parts, request, deps));
    await setUp(parts, windows.first, request, deps.connections);
    await windows.followWindows();
    await assertSelectors(windows.first.frames, request.completion, deps.kinds);
    await applyStorageState(page, request);
    await navigate(page, request.at ?? request.url, process.proxy.reports, signal);
    return windows;
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
): Promise<PageWindows> {
  return endOnFailure(process, signal, async (own) => {
    const browser = await connect(process, profileDir, deps.connections);
    // Playwright does not list a page that has crashed.
    const candidates = await Promise.all(
      (browser.contexts()[0]?.pages() ?? []).map((page) => partsOf({ browser, page, process }, deps.connections)),
    );
    const found = candidates.find((candidate) => candidate.targetId === targetId);
    if (!found) throw new AppError("page_crashed");
    const parts = await reached(found, deps.connections);
    const windows = own(await pageWindows(parts, request, deps));
    await setUp(parts, windows.first, request, deps.connections);
    await windows.followWindows();
    return windows;
  });
}

/** Runs `open`. Where it fails, the page that it has made is closed and the process ended. */
async function endOnFailure(
  process: ProxiedBrowser,
  signal: AbortSignal,
  open: (own: (windows: PageWindows) => PageWindows) => Promise<PageWindows>,
): Promise<PageWindows> {
  let windows: PageWindows | null = null;
  try {
    signal.throwIfAborted();
    return await open((made) => {
      windows = made;
      return made;
    });
  } catch (error) {
    await ((windows as PageWindows | null)?.close() ?? process.stop());
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

/** With our own connection to the browser, and the page's session on it. */
export interface ReachedPage extends OwnedParts {
  readonly connection: CdpConnection;
  readonly pageSession: CdpSession;
}

async function reached(parts: OwnedParts, connections: ConnectionRegistry): Promise<ReachedPage> {
  const connection = await connections.connect(parts.process.endpoint);
  return { ...parts, connection, pageSession: await connection.attach(parts.targetId) };
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

async function pageWindows(
  { browser, page, session, process, targetId, connection, pageSession }: ReachedPage,
  request: OwnedPageRequest,
  deps: PageDeps,
): Promise<PageWindows> {
  const { url, viewport, http_credentials: credentials } = request;
  const { log, targets, connections } = deps;
  const context = page.context();
  const clipboard = new OwnClipboard(connection);
  const readClipboard = (most: number) => clipboard.read(most);
  const release = targets.hold(targetId, "ours");
  const windows = new PageWindows({
    connection,
    firstId: targetId,
    isOwnBrowser: true,
    isHelper: ({ browserContextId }) => clipboard.isOwn(browserContextId),
    takesDialogs: true,
    events: deps.events,
    log,
    open: (window, events) => openedWindow({ ...window, readClipboard }, request, { ...deps, events }),
    first: (parts) =>
      new RemotePage({
        ...parts,
        tab: new PlaywrightTab({ page, session, pageSession, connections, attach: (id) => connection.attach(id) }),
        ...ownParts(pageSession, request, deps),
        capture: new ViewportOverrideCapture(pageSession, viewport, deviceOf(request)),
        viewport,
        openedUrl: url,
        proxyPort: process.proxy.port,
        place: { kind: "owned", target_id: targetId, ...process.identity, profile: process.profile },
        readClipboard,
        dialogs: pageSession,
        // A main frame has the id of its target.
        signIn: {
          session: pageSession,
          frameId: targetId,
          given: credentials ? { ...credentials, origin: new URL(url).origin } : null,
        },
        storageState: () => context.storageState(),
        release: async (how) => {
          // Playwright's close() ends its connection here, not the browser.
          await withDeadline(browser.close(), CLOSE_DEADLINE_MS, "browser connection").catch(() => {});
          connection.close();
          release();
          await (how === "end" ? process.stop() : process.detach());
        },
      }),
  });
  void connection.closed.then(() => windows.first.lost("browser_lost"));
  // PageDialogs answers them. Without a listener Playwright would dismiss them.
  context.on("dialog", () => {});
  await replaceWhatIsOutside(session, outsideOf(windows.first));
  return windows;
}

function outsideOf(remote: RemotePage): Parameters<typeof replaceWhatIsOutside>[1] {
  return { notice: (notice) => remote.notices.publish(notice), url: () => remote.url ?? "" };
}

/** What each window of a page of our own is made of. */
function ownParts(
  session: PageSession,
  request: OwnedPageRequest,
  { kinds, log, maxFileBytes }: PageDeps,
): Pick<RemotePageParts, "kinds" | "completion" | "log" | "isOurs" | "touch" | "history" | "dialogsOf" | "assist"> {
  const { completion, files = true, clipboard = true } = request;
  const { hasTouch, isMobile } = deviceOf(request);
  return {
    kinds,
    completion,
    log,
    isOurs: true,
    touch: { isOn: hasTouch, isMobile },
    history: new PageHistory(session),
    dialogsOf: null,
    assist: { maxFileBytes: files ? maxFileBytes : null, clipboard },
  };
}

/** [W47] A window that the page has opened: as large as the page made it, on the same screen. */
async function openedWindow(
  { connection, targetId, dialogs, readClipboard }: OpenedWindow & Pick<RemotePageParts, "readClipboard">,
  request: OwnedPageRequest,
  deps: PageDeps,
): Promise<RemotePage> {
  const release = deps.targets.hold(targetId, "ours");
  let tab: CdpTab | null = null;
  try {
    tab = await CdpTab.attach(connection, targetId);
    const { pageSession } = tab;
    const viewport = await viewportOf(tab);
    const remote = new RemotePage({
      ...ownParts(pageSession, request, deps),
      events: deps.events,
      isOpened: true,
      tab,
      capture: new ViewportOverrideCapture(pageSession, viewport, deviceOf(request), request.viewport),
      viewport,
      openedUrl: null,
      proxyPort: null,
      place: null,
      readClipboard,
      dialogs: dialogs(),
      signIn: null,
      storageState: async () => null,
      release: async () => release(),
    });
    await remote.prepare();
    await replaceWhatIsOutside(await connection.attach(targetId), outsideOf(remote));
    await emulate(pageSession, request);
    await applyHeaders(pageSession, request);
    return remote;
  } catch (error) {
    release();
    await tab?.close();
    throw error;
  }
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
  // As with a window on a desk: a copy button of a page works. Reading stays refused.
  const copying = { permission: { name: "clipboard-write" }, setting: "granted" as const };
  await within(browserSession.send("Browser.setPermission", copying), "clipboard");
  await remote.prepare();
  await emulate(session, request);
  await applyHeaders(session, request);
}

async function emulate(session: CdpSender, request: OwnedPageRequest): Promise<void> {
  // Another window would put it into the background, where the browser draws nothing.
  await within(session.send("Emulation.setFocusEmulationEnabled", { enabled: true }), "focus");
  if (deviceOf(request).hasTouch) {
    // Frames with processes of their own have it from the browser's command line.
    const touch = { enabled: true, maxTouchPoints: MAX_TOUCHES };
    await within(session.send("Emulation.setTouchEmulationEnabled", touch), "touch");
  }
  const { locale } = request;
  if (locale !== undefined) await within(session.send("Emulation.setLocaleOverride", { locale }), "locale");
}

function deviceOf({ device, touch }: OwnedPageRequest): Device {
  return device === "phone" ? PHONE : { ...DESK, hasTouch: touch === true };
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

interface PausedRequest {
  readonly requestId: string;
  readonly request: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** Adds the bot's headers to requests to the URL's own origin only, and not after a redirect to another one. */
async function applyHeaders(session: CDPSession | CdpSession, request: OwnedPageRequest): Promise<void> {
  const headers = Object.entries(request.extra_headers ?? {});
  if (headers.length === 0) return;
  const { origin } = new URL(request.url);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const onPaused = ({ requestId, request: paused }: PausedRequest) => {
    const own = Object.entries(paused.headers).filter(([name]) => !given.has(name.toLowerCase()));
    const all = [...own, ...headers].map(([name, value]) => ({ name, value: String(value) }));
    const params = URL.parse(paused.url)?.origin === origin ? { requestId, headers: all } : { requestId };
    session.send("Fetch.continueRequest", params).catch(() => {});
  };
  if (session instanceof CdpSession) session.on("Fetch.requestPaused", onPaused);
  else session.on("Fetch.requestPaused", onPaused);
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
