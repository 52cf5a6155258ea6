/** Attaches to a page of the bot's own browser (a guest), and leaves it as it was. */

import { allowedAddresses, portOf } from "../../egress/destination.ts";
import { AppError } from "../../errors.ts";
import type { CdpPattern } from "../../protocol/cdp-pattern.ts";
import type { CdpTarget } from "../../protocol/rest.ts";
import type { GuestPageRequest } from "../../session/ports/page-request.ts";
import { redactUrl } from "../../util/redact-url.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection } from "../cdp/connection.ts";
import { browserAddress, disallowed, parseEndpoint, unreachable } from "../cdp/endpoint.ts";
import { type OpenedWindow, PageWindows } from "../page/page-windows.ts";
import { RemotePage, type RemotePageParts } from "../page/remote-page.ts";
import { FullViewportCapture } from "../pictures/capture-region.ts";
import { CdpTab } from "../tabs/cdp-tab.ts";
import { viewportOf } from "../tabs/viewport-of.ts";
import type { HeldTargets } from "./held-targets.ts";
import type { PageDeps } from "./owned-page.ts";
import { assertSelectors } from "./validate-selectors.ts";

const CALL_DEADLINE_MS = 3_000;
const RESOLVE_DEADLINE_MS = 5_000;
/** The candidates that an error names: a browser may have hundreds of tabs. */
const MAX_CANDIDATES = 20;
const MAX_URL_LENGTH = 300;

export interface GuestDeps extends PageDeps {
  readonly allow: readonly CdpPattern[];
  readonly targets: HeldTargets;
  /** Debugging ports of the browsers that this server has started. */
  readonly ownPorts: () => ReadonlySet<number>;
  /** Blocks this port for owned pages while a guest is held through it. Returns a function that unblocks it. */
  readonly blockPort: (port: number) => () => void;
}

/**
 * Checks the addresses of an endpoint whose name CDP_ALLOW allows: a browser of this server's own is no guest. Throws
 * AppError url_not_allowed, cdp_unreachable.
 */
async function assertNotOurs(endpoint: URL, ownPorts: GuestDeps["ownPorts"], signal: AbortSignal): Promise<void> {
  const destinations = { allowPrivate: true, allow: [], neverPorts: ownPorts, demoOrigin: () => undefined };
  const checking = allowedAddresses(endpoint, destinations);
  await withDeadline(checking, RESOLVE_DEADLINE_MS, "resolver", signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw cause instanceof AppError && cause.code === "url_not_allowed" ? disallowed() : unreachable(cause);
  });
}

interface TargetInfo {
  readonly targetId: string;
  readonly type: string;
  readonly url: string;
}

/**
 * Attaches to the page that the request names; it is not scanned yet. AppError: invalid_message, url_not_allowed,
 * cdp_unreachable, target_not_found, target_ambiguous, page_in_use, timeout (the page does not answer).
 */
export async function openGuestPage(
  request: GuestPageRequest,
  deps: GuestDeps,
  signal: AbortSignal,
): Promise<RemotePage | PageWindows> {
  const { cdp, completion } = request;
  const endpoint = parseEndpoint(cdp.endpoint, deps.allow);
  await assertNotOurs(endpoint, deps.ownPorts, signal);
  const address = await browserAddress(endpoint, signal);
  const connection = await deps.connections.connect(address, signal).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  const unblockPort = deps.blockPort(portOf(endpoint));
  let release = unblockPort;
  // Until the page is held, an abort closes the connection.
  const giveUp = () => connection.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const { targetId } = choose(await pagesOf(connection, deps.targets), cdp);
    const releaseTarget = deps.targets.hold(targetId, "guest");
    release = () => {
      releaseTarget();
      unblockPort();
    };
    signal.throwIfAborted();
    const tab = await CdpTab.attach(connection, targetId).catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw new AppError("target_not_found", { field: "cdp", why: "it has just gone" }, { cause });
    });
    const parts = {
      ...(await guestParts(tab, connection, request, deps)),
      place: { kind: "guest", target_id: targetId } as const,
      release: async () => {
        connection.close();
        release();
      },
    };
    if (cdp.windows !== "follow") {
      const remote = new RemotePage(parts);
      await remote.takeDialogs();
      await assertSelectors(remote.frames, completion, deps.kinds);
      return remote;
    }
    const windows = new PageWindows({
      connection,
      firstId: targetId,
      isOwnBrowser: false,
      takesDialogs: cdp.dialogs === "operator",
      events: deps.events,
      log: deps.log,
      open: (window, events) => openedWindow(window, request, { ...deps, events }),
      first: (given) => new RemotePage({ ...parts, ...given }),
    });
    await windows.first.takeDialogs();
    await assertSelectors(windows.first.frames, completion, deps.kinds);
    await windows.followWindows();
    return windows;
  } catch (error) {
    connection.close();
    release();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function guestParts(
  tab: CdpTab,
  connection: CdpConnection,
  { cdp, completion, clipboard = true }: GuestPageRequest,
  deps: GuestDeps,
): Promise<Omit<RemotePageParts, "place" | "release">> {
  const viewport = await viewportOf(tab);
  const capture = new FullViewportCapture(tab.pageSession, viewport);
  return {
    ...deps,
    tab,
    capture,
    viewport,
    completion,
    openedUrl: null,
    isOurs: false,
    touch: null,
    history: null,
    proxyPort: null,
    assist: { maxFileBytes: null, clipboard },
    readClipboard: null,
    signIn: null,
    ...(cdp.dialogs === "operator"
      ? { dialogs: tab.pageSession, dialogsOf: null }
      : { dialogs: null, dialogsOf: connection }),
    storageState: async () => null,
  };
}

/** [W47] A window that the page has opened: left as it is, as the page itself. */
async function openedWindow(
  { connection, targetId, dialogs }: OpenedWindow,
  request: GuestPageRequest,
  deps: GuestDeps,
): Promise<RemotePage> {
  const release = deps.targets.hold(targetId, "guest");
  let tab: CdpTab | null = null;
  try {
    tab = await CdpTab.attach(connection, targetId);
    const parts = await guestParts(tab, connection, request, deps);
    const own = { isOpened: true, place: null, dialogs: dialogs(), release: async () => release() };
    return new RemotePage({ ...parts, ...own });
  } catch (error) {
    release();
    await tab?.close();
    throw error;
  }
}

/** The browser's tabs. A browser of this server's own is refused, whichever address led to it. */
async function pagesOf(connection: CdpConnection, targets: HeldTargets): Promise<TargetInfo[]> {
  const { targetInfos } = await within(connection.send("Target.getTargets"), "browser").catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (!Array.isArray(targetInfos)) throw unreachable("not a browser's debugging endpoint");
  if (targetInfos.some(({ targetId }) => targets.isOurs(targetId))) throw disallowed();
  return targetInfos.filter(({ type, url }) => type === "page" && !url.startsWith("devtools:"));
}

function choose(pages: readonly TargetInfo[], { target_id, url_contains }: CdpTarget): TargetInfo {
  const matching = pages.filter(
    ({ targetId, url }) =>
      (target_id === undefined || targetId === target_id) && (url_contains === undefined || url.includes(url_contains)),
  );
  const [chosen] = matching;
  if (chosen && matching.length === 1) return chosen;
  const field = target_id !== undefined ? "cdp.target_id" : url_contains !== undefined ? "cdp.url_contains" : "cdp";
  const shown = matching.length > 0 ? matching : pages;
  const candidates = shown
    .slice(0, MAX_CANDIDATES)
    .map(({ targetId, url }) => ({ target_id: targetId, url: redactUrl(url).slice(0, MAX_URL_LENGTH) }));
  throw new AppError(matching.length > 0 ? "target_ambiguous" : "target_not_found", { field, candidates });
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, what);
}
