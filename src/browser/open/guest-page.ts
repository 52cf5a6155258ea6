/** Attaches to a page of the bot's own browser (a guest), and leaves it as it was. */

import { isThisMachine } from "../../egress/address.ts";
import { portOf } from "../../egress/destination.ts";
import { AppError } from "../../errors.ts";
import { type TargetInfo, targetInfosSchema } from "../../protocol/cdp-targets.ts";
import type { Size } from "../../protocol/common.ts";
import type { CdpTarget, Pictures } from "../../protocol/rest.ts";
import type { GuestPageRequest } from "../../session/ports/page-request.ts";
import type { PageLocator } from "../../session/ports/resume-state.ts";
import { redactUrl } from "../../util/redact-url.ts";
import { unlessAborted } from "../../util/with-deadline.ts";
import type { CdpConnection, CdpSender } from "../cdp/connection.ts";
import {
  disallowed,
  type EndpointRules,
  endpointAddresses,
  NO_ENDPOINT,
  parseEndpoint,
  unreachable,
} from "../cdp/endpoint.ts";
import { reachBrowser } from "../cdp/reach-browser.ts";
import { type OpenedWindow, PageWindows } from "../page/page-windows.ts";
import { RemotePage, type RemotePageParts } from "../page/remote-page.ts";
import { FullViewportCapture, type PictureCapture } from "../pictures/capture-region.ts";
import { HelpedCapture, type PartOfPage } from "../pictures/helped-capture.ts";
import { croppingSession } from "../relay/cropping-session.ts";
import { CdpTab } from "../tabs/cdp-tab.ts";
import { viewportOf } from "../tabs/viewport-of.ts";
import type { HeldTargets } from "./held-targets.ts";
import type { PageDeps } from "./owned-page.ts";
import { assertSelectors } from "./validate-selectors.ts";

/** The candidates that an error names: a browser may have hundreds of tabs. */
const MAX_CANDIDATES = 20;
const MAX_URL_LENGTH = 300;
/** The browser's own: settings, new tabs, DevTools, extensions with their side panels, the popup of the address bar. */
const OWN_SURFACE = /^(chrome(-[a-z]+)?|devtools|edge|brave|opera|vivaldi):/i;
const BLANK = /^(about:blank\b.*)?$/i;
const NO_PAGE =
  "this browser has only blank tabs: a service that starts a fresh browser for each connection cannot be joined, so pass the address of the running session that has the page, or lend it over a relay from where the bot runs (docs/endpoints.md)";

export interface GuestDeps extends PageDeps, EndpointRules {
  readonly targets: HeldTargets;
  /** How long it may take to reach the browser and to hear which pages it has, ms. */
  readonly reachWithinMs: number;
  /** Blocks this port for owned pages while a guest is held through it. Returns a function that unblocks it. */
  readonly blockPort: (port: number) => () => void;
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
  const { connection, pages, release: unblockPort } = await reach(cdp.endpoint, deps, signal);
  let release = unblockPort;
  // Until the page is held, an abort closes the connection.
  const giveUp = () => connection.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const { targetId } = choose(pages, cdp);
    const releaseTarget = deps.targets.hold(targetId, "guest");
    release = () => {
      releaseTarget();
      unblockPort();
    };
    const tab = await CdpTab.attach(connection, targetId).catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw new AppError("target_not_found", { field: "cdp", why: "it has just gone" }, { cause });
    });
    return await guestOn(
      connection,
      tab,
      {
        completion,
        clipboard: request.clipboard,
        dialogs: cdp.dialogs ?? "bot",
        dialogsOf: connection,
        windows: cdp.windows ?? "leave",
        place: { kind: "guest", target_id: targetId },
        hold: (id) => deps.targets.hold(id, "guest"),
        attach: (id) => CdpTab.attach(connection, id),
        capture: ({ pageSession }, viewport, isOpened) => {
          const whole = new FullViewportCapture(pageSession, viewport);
          if (isOpened) return whole;
          const cropping = (part: PartOfPage) => croppingSession(pageSession, part);
          return new HelpedCapture({ targetId, session: pageSession, cropping, whole, viewport });
        },
        release,
      },
      deps,
    );
  } catch (error) {
    connection.close();
    release();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** What differs between pages of a bot's own browser: one that is reached by its endpoint, and one over a relay. */
export interface GuestTerms {
  readonly completion: GuestPageRequest["completion"];
  readonly clipboard: boolean | undefined;
  /** Who answers the page's dialogs. */
  readonly dialogs: "bot" | "operator";
  /** Shows whether a page whose dialogs the bot answers waits for that. */
  readonly dialogsOf: CdpSender;
  readonly windows: "follow" | "leave";
  readonly place: PageLocator | null;
  /** Holds a window that the page has opened. Throws AppError page_in_use. */
  readonly hold: (targetId: string) => () => void;
  readonly attach: (targetId: string) => Promise<CdpTab>;
  readonly capture: (tab: CdpTab, viewport: Size, isOpened: boolean) => PictureCapture;
  /** [R29] What pictures of a relayed page show; of its windows they show half the size. */
  readonly pictures?: Pictures;
  /** The round trip of the line to the bot, ms. */
  readonly lineMs?: () => number;
  readonly release: () => void;
}

/**
 * The page of this tab, and its windows where they are followed; it is not scanned yet. Whoever calls it closes the
 * connection where it fails. AppError: invalid_message, timeout.
 */
export async function guestOn(
  connection: CdpConnection,
  tab: CdpTab,
  terms: GuestTerms,
  deps: PageDeps,
): Promise<RemotePage | PageWindows> {
  const { place, windows: follow, release, completion } = terms;
  const parts = {
    ...(await guestParts(tab, terms, deps)),
    place,
    release: async () => {
      connection.close();
      release();
    },
  };
  if (follow !== "follow") {
    const remote = new RemotePage(parts);
    await remote.takeDialogs();
    await assertSelectors(remote.frames, completion, deps.kinds);
    return remote;
  }
  const windows = new PageWindows({
    connection,
    firstId: tab.targetId,
    isOwnBrowser: false,
    takesDialogs: terms.dialogs === "operator",
    events: deps.events,
    log: deps.log,
    open: (window, events) => openedWindow(window, terms, { ...deps, events }),
    first: (given) => new RemotePage({ ...parts, ...given }),
  });
  await windows.first.takeDialogs();
  await assertSelectors(windows.first.frames, completion, deps.kinds);
  await windows.followWindows();
  return windows;
}

async function guestParts(
  tab: CdpTab,
  terms: GuestTerms,
  deps: PageDeps,
  isOpened = false,
): Promise<Omit<RemotePageParts, "place" | "release">> {
  const { completion, clipboard = true, dialogs, dialogsOf, pictures, lineMs } = terms;
  const viewport = await viewportOf(tab);
  const capture = terms.capture(tab, viewport, isOpened);
  return {
    ...deps,
    tab,
    capture,
    helped: capture instanceof HelpedCapture ? capture : undefined,
    viewport,
    completion,
    openedUrl: null,
    isOurs: false,
    pictures: pictures && isOpened ? "half" : pictures,
    lineMs,
    touch: null,
    history: null,
    proxyPort: null,
    assist: { maxFileBytes: null, clipboard },
    readClipboard: null,
    signIn: null,
    ...(dialogs === "operator" ? { dialogs: tab.pageSession, dialogsOf: null } : { dialogs: null, dialogsOf }),
    storageState: async () => null,
  };
}

/** [W47] A window that the page has opened: left as it is, as the page itself. */
async function openedWindow(
  { targetId, dialogs }: OpenedWindow,
  terms: GuestTerms,
  deps: PageDeps,
): Promise<RemotePage> {
  const release = terms.hold(targetId);
  let tab: CdpTab | null = null;
  try {
    tab = await terms.attach(targetId);
    const parts = await guestParts(tab, terms, deps, true);
    const own = { isOpened: true, place: null, dialogs: dialogs(), release: async () => release() };
    return new RemotePage({ ...parts, ...own });
  } catch (error) {
    release();
    await tab?.close();
    throw error;
  }
}

/**
 * Connects to the browser and asks for its pages. `release` unblocks what is blocked for it. Once this throws, nothing is
 * open or blocked: AppError invalid_message, url_not_allowed, cdp_unreachable, or what `signal` aborts with.
 */
async function reach(
  named: string,
  deps: GuestDeps,
  signal: AbortSignal,
): Promise<{ connection: CdpConnection; pages: readonly TargetInfo[]; release: () => void }> {
  const endpoint = parseEndpoint(named, deps.allow);
  const { reachWithinMs: withinMs } = deps;
  const within = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  let connection: CdpConnection | null = null;
  let release = () => {};
  try {
    const addresses = await unlessAborted(endpointAddresses(endpoint, deps), within);
    connection = await reachBrowser(endpoint, {
      addresses,
      withinMs,
      signal: within,
      connect: (address, dialling, dial) => deps.connections.connect(address, dialling, dial),
    });
    if (addresses.some(({ address }) => isThisMachine(address))) release = deps.blockPort(portOf(endpoint));
    return { connection, pages: await unlessAborted(pagesOf(connection, deps.targets), within), release };
  } catch (cause) {
    connection?.close();
    release();
    signal.throwIfAborted();
    const isCoded = cause instanceof AppError && (cause.code === "url_not_allowed" || cause.code === "cdp_unreachable");
    throw isCoded ? cause : unreachable(within.aborted ? within.reason : cause);
  }
}

/** The browser's pages. AppError: a browser of this server's own is refused, whichever address led to it. */
async function pagesOf(connection: CdpConnection, targets: HeldTargets): Promise<readonly TargetInfo[]> {
  const { targetInfos } = await connection.send("Target.getTargets").catch((cause: unknown) => {
    const isClosed = cause instanceof AppError && cause.code === "browser_lost";
    throw unreachable(isClosed ? "it closes the connection" : cause);
  });
  const { data } = targetInfosSchema.safeParse(targetInfos);
  if (!data) throw unreachable(NO_ENDPOINT);
  if (data.some(({ targetId }) => targets.isOurs(targetId))) throw disallowed();
  return data.filter(({ type, url, subtype }) => type === "page" && subtype !== "prerender" && !OWN_SURFACE.test(url));
}

/** A blank tab is chosen by its id only: a bot may have written into it, and every browser has some that nobody means. */
function choose(pages: readonly TargetInfo[], { target_id, url_contains }: CdpTarget): TargetInfo {
  const filled = pages.filter(({ url }) => !BLANK.test(url));
  const matching = (target_id === undefined ? filled : pages).filter(
    ({ targetId, url }) =>
      (target_id === undefined || targetId === target_id) && (url_contains === undefined || url.includes(url_contains)),
  );
  const [chosen] = matching;
  if (chosen && matching.length === 1) return chosen;
  const field = target_id !== undefined ? "cdp.target_id" : url_contains !== undefined ? "cdp.url_contains" : "cdp";
  const candidates = (matching.length > 0 ? matching : filled)
    .slice(0, MAX_CANDIDATES)
    .map(({ targetId, url }) => ({ target_id: targetId, url: redactUrl(url).slice(0, MAX_URL_LENGTH) }));
  const why = filled.length === 0 ? { why: NO_PAGE } : {};
  throw new AppError(matching.length > 0 ? "target_ambiguous" : "target_not_found", { field, ...why, candidates });
}
