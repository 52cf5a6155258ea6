/** Opens an owned page: in a browser of its own, set up as the bot asked, then at its URL. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Browser, BrowserContext } from "playwright";
import type { ChallengeKind } from "../../config.ts";
import { AppError } from "../../errors.ts";
import { MAX_TOUCHES } from "../../protocol/live.ts";
import type { PageEvents } from "../../session/ports/page.ts";
import type { OwnedPageRequest } from "../../session/ports/page-request.ts";
import { redactUrlsIn } from "../../util/redact-url.ts";
import { waitUntil, withDeadline } from "../../util/with-deadline.ts";
import { replaceWhatIsOutside } from "../assist/outside-the-page.ts";
import { OwnClipboard } from "../assist/own-clipboard.ts";
import type { CdpConnection, CdpSender, CdpSession, PageSession } from "../cdp/connection.ts";
import type { ConnectionRegistry } from "../cdp/connection-registry.ts";
import { PageHistory } from "../page/page-history.ts";
import { type OpenedWindow, PageWindows } from "../page/page-windows.ts";
import { RemotePage, type RemotePageParts } from "../page/remote-page.ts";
import { DESK, type Device, PHONE, ViewportOverrideCapture } from "../pictures/capture-region.ts";
import type { ProxiedBrowser } from "../process/proxied-browser.ts";
import { CdpTab } from "../tabs/cdp-tab.ts";
import { viewportOf } from "../tabs/viewport-of.ts";
import type { HeldTargets } from "./held-targets.ts";
import { KeptStorage } from "./kept-storage.ts";
import { navigate } from "./navigate.ts";
import { assertSelectors } from "./validate-selectors.ts";

const CONNECT_DEADLINE_MS = 10_000;
const CALL_DEADLINE_MS = 5_000;
const CLOSE_DEADLINE_MS = 2_000;
/** A browser that has just opened its port may have no tab yet. */
const FIRST_TAB_MS = 5_000;
const FIRST_TAB_POLL_MS = 10;

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
    await applyStorageState(process, profileDir, request, deps.connections);
    const parts = blank ?? (await reachBlankPage(process, deps.connections));
    const windows = own(pageWindows(parts, request, deps));
    await setUp(parts, windows, request);
    await assertSelectors(windows.first.frames, request.completion, deps.kinds);
    await navigate(parts.tab, request.at ?? request.url, process.proxy.reports, signal);
    return windows;
  });
}

/**
 * Returns to the page of an earlier server that still runs in `process`: not scanned yet, and without a navigation. A
 * failure ends `process`. AppError: page_crashed, timeout, browser_unavailable, or what `signal` aborts with.
 */
export async function resumeOwnedPage(
  process: ProxiedBrowser,
  { request, targetId }: { readonly request: OwnedPageRequest; readonly targetId: string },
  deps: PageDeps,
  signal: AbortSignal,
): Promise<PageWindows> {
  return endOnFailure(process, signal, async (own) => {
    const parts = await reached(process, deps.connections, async () => targetId);
    const windows = own(pageWindows(parts, request, deps));
    await setUp(parts, windows, request);
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

/** A page of a browser of our own, with our connection to that browser. */
export interface ReachedPage {
  readonly process: ProxiedBrowser;
  readonly connection: CdpConnection;
  readonly tab: CdpTab;
}

/**
 * Connects to a browser that has just been started, and attaches to its blank page. Whoever calls it ends the process where
 * it fails. AppError: browser_unavailable, timeout.
 */
export function reachBlankPage(process: ProxiedBrowser, connections: ConnectionRegistry): Promise<ReachedPage> {
  return reached(process, connections, firstTab);
}

/** AppError: browser_unavailable, page_crashed (there is no such tab), timeout. */
async function reached(
  process: ProxiedBrowser,
  connections: ConnectionRegistry,
  tabOf: (connection: CdpConnection) => Promise<string>,
): Promise<ReachedPage> {
  const connection = await connections.connect(process.endpoint).catch(unavailable);
  const targetId = await tabOf(connection);
  const options = { isOurs: true, answersWithinMs: CALL_DEADLINE_MS };
  const tab = await CdpTab.attach(connection, targetId, options).catch((cause: unknown) => {
    throw cause instanceof AppError ? cause : new AppError("page_crashed", undefined, { cause });
  });
  return { process, connection, tab };
}

/** The tab that a browser begins with. AppError: browser_unavailable, timeout. */
async function firstTab(connection: CdpConnection): Promise<string> {
  let found: string | undefined;
  const look = async () => {
    const { targetInfos } = await within(connection.send("Target.getTargets"), "browser");
    found = targetInfos.find(({ type }) => type === "page")?.targetId;
    return found !== undefined;
  };
  await waitUntil(look, FIRST_TAB_MS, FIRST_TAB_POLL_MS);
  if (found === undefined) throw new AppError("browser_unavailable", { why: "the browser has no page" });
  return found;
}

function pageWindows(
  { process, connection, tab }: ReachedPage,
  request: OwnedPageRequest,
  deps: PageDeps,
): PageWindows {
  const { url, viewport, http_credentials: credentials, storage_state: given } = request;
  const { targetId, pageSession } = tab;
  const storage = new KeptStorage(connection, given?.origins.map(({ origin }) => origin) ?? []);
  const clipboard = new OwnClipboard(connection);
  const readClipboard = (most: number) => clipboard.read(most);
  const release = deps.targets.hold(targetId, "ours");
  const windows: PageWindows = new PageWindows({
    connection,
    firstId: targetId,
    isOwnBrowser: true,
    isHelper: ({ browserContextId }) => clipboard.isOwn(browserContextId),
    takesDialogs: true,
    events: deps.events,
    log: deps.log,
    open: (window, events) => openedWindow({ ...window, readClipboard, storage }, request, { ...deps, events }),
    first: (parts) =>
      new RemotePage({
        ...parts,
        tab,
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
        storageState: () => storage.read(windows.first.frames),
        release: async (how) => {
          connection.close();
          release();
          await (how === "end" ? process.stop() : process.detach());
        },
      }),
  });
  storage.follow(tab);
  void connection.closed.then(() => windows.first.lost("browser_lost"));
  return windows;
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

interface OwnWindow extends OpenedWindow, Pick<RemotePageParts, "readClipboard"> {
  readonly storage: KeptStorage;
}

/** [W47] A window that the page has opened: as large as the page made it, on the same screen. */
async function openedWindow(
  { connection, targetId, dialogs, readClipboard, storage }: OwnWindow,
  request: OwnedPageRequest,
  deps: PageDeps,
): Promise<RemotePage> {
  const release = deps.targets.hold(targetId, "ours");
  let tab: CdpTab | null = null;
  try {
    tab = await CdpTab.attach(connection, targetId, { isOurs: true });
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
    storage.follow(tab);
    await setUpWindow(connection, tab, remote, request);
    return remote;
  } catch (error) {
    release();
    await tab?.close();
    throw error;
  }
}

/** Sets up what belongs to the connection and ends with it: the next server sets it up again. */
async function setUp({ connection, tab }: ReachedPage, windows: PageWindows, request: OwnedPageRequest): Promise<void> {
  const remote = windows.first;
  connection.on<{ url: string }>("Browser.downloadWillBegin", ({ url }) =>
    remote.notices.publish({ type: "page_notice", notice: "download_refused", url }),
  );
  await within(connection.send("Browser.setDownloadBehavior", { behavior: "deny", eventsEnabled: true }), "downloads");
  // As with a window on a desk: a copy button of a page works. Reading stays refused.
  const copying = { permission: { name: "clipboard-write" }, setting: "granted" as const };
  await within(connection.send("Browser.setPermission", copying), "clipboard");
  await setUpWindow(connection, tab, remote, request);
  await windows.followWindows();
}

async function setUpWindow(
  connection: CdpConnection,
  { targetId, pageSession, sessions }: CdpTab,
  remote: RemotePage,
  request: OwnedPageRequest,
): Promise<void> {
  await remote.prepare();
  // A session beside the one for pictures and input: it hears all that the page logs, and sign-ins pause requests there.
  const second = await connection.attach(targetId);
  await replaceWhatIsOutside(second, {
    notice: (notice) => remote.notices.publish(notice),
    url: () => remote.url ?? "",
    sessions,
    pageSession,
  });
  await emulate(pageSession, request);
  await applyHeaders(second, request);
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

/** Loading it takes a fifth of a second: call it while the browser starts, for a page that is given a storage state. */
export function loadPlaywright(): Promise<typeof import("playwright")> {
  return import("playwright");
}

interface PausedRequest {
  readonly requestId: string;
  readonly request: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** Adds the bot's headers to requests to the URL's own origin only, and not after a redirect to another one. */
async function applyHeaders(session: CdpSession, request: OwnedPageRequest): Promise<void> {
  const headers = Object.entries(request.extra_headers ?? {});
  if (headers.length === 0) return;
  const { origin } = new URL(request.url);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  session.on("Fetch.requestPaused", ({ requestId, request: paused }: PausedRequest) => {
    const own = Object.entries(paused.headers).filter(([name]) => !given.has(name.toLowerCase()));
    const all = [...own, ...headers].map(([name, value]) => ({ name, value: String(value) }));
    const params = URL.parse(paused.url)?.origin === origin ? { requestId, headers: all } : { requestId };
    session.send("Fetch.continueRequest", params).catch(() => {});
  });
  await within(session.send("Fetch.enable", { patterns: [{ urlPattern: `${origin}/*` }] }), "headers");
}

/**
 * Gives the browser its cookies and local storage. Playwright does it, as the format is its own, and is gone again before
 * the page goes anywhere: it would remember each request and frame of it.
 */
async function applyStorageState(
  process: ProxiedBrowser,
  profileDir: string,
  { storage_state: state }: OwnedPageRequest,
  connections: ConnectionRegistry,
): Promise<void> {
  if (state === undefined) return;
  type Given = Exclude<Parameters<BrowserContext["setStorageState"]>[0], string>;
  const browser = await connectPlaywright(process, profileDir, connections);
  try {
    const [context] = browser.contexts();
    if (!context) throw new AppError("browser_unavailable", { why: "the browser has no page" });
    await within(context.setStorageState(state as unknown as Given), "storage state").catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw new AppError(
        "invalid_message",
        { field: "storage_state", why: redactUrlsIn(String(cause).split("\n")[0] ?? "") },
        { cause },
      );
    });
  } finally {
    // Playwright's close() ends its connection here, not the browser.
    await withDeadline(browser.close(), CLOSE_DEADLINE_MS, "browser connection").catch(() => {});
  }
}

async function connectPlaywright(
  process: ProxiedBrowser,
  profileDir: string,
  connections: ConnectionRegistry,
): Promise<Browser> {
  const { chromium } = await loadPlaywright();
  const connecting = chromium.connectOverCDP(process.endpoint, {
    timeout: CONNECT_DEADLINE_MS,
    noDefaults: true,
    artifactsDir: join(profileDir, "artifacts"),
  });
  return connections.playwright(connecting, CONNECT_DEADLINE_MS + 1_000).catch(unavailable);
}

function unavailable(cause: unknown): never {
  throw new AppError("browser_unavailable", { why: redactUrlsIn(String(cause)).slice(0, 300) }, { cause });
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
