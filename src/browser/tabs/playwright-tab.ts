/** A page that is reached through Playwright: one that a bot in this process has handed over. */
import type { Browser, CDPSession, Frame, Page, Request } from "playwright";
import { waitUntil, withDeadline } from "../../util/with-deadline.ts";
import type { InputSession, PageSession } from "../cdp/connection.ts";
import type { ConnectionRegistry } from "../cdp/connection-registry.ts";
import type { NavigationCause } from "./navigation-cause.ts";
import { PageNetwork } from "./page-network.ts";
import { PendingNavigations } from "./pending-navigations.ts";
import type { WatchedField } from "./request-fields.ts";
import type { FrameProcess, ListedFrame, LostCode, Submission, Tab, TabCookie, TabListeners } from "./tab.ts";
import { TabSessions } from "./tab-sessions.ts";

/** The deadline of one call for a frame's session. */
const FRAME_CALL_DEADLINE_MS = 1_000;
const FRAME_CALL = "frame session";
const DISCONNECT_PATIENCE_MS = 200;
const DISCONNECT_POLL_MS = 10;

export interface PlaywrightTabParts {
  readonly page: Page;
  /** Playwright's session of the page. */
  readonly session: CDPSession;
  readonly connections: ConnectionRegistry;
}

export class PlaywrightTab implements Tab {
  readonly pageSession: PageSession & InputSession;
  readonly sessions = new TabSessions();
  readonly #parts: PlaywrightTabParts;
  /** The process of each frame; null for a frame that shares its parent's process. */
  readonly #processes = new Map<Frame, Promise<FrameProcess | null>>();
  readonly #navigations = new PendingNavigations<Frame, Request>();
  readonly #network = new PageNetwork(() => this.#onNetwork());
  readonly #stops: (() => void)[] = [];
  #onNetwork: () => void = () => {};
  #framesVersion = 0;

  constructor(parts: PlaywrightTabParts) {
    this.#parts = parts;
    this.pageSession = parts.session;
    this.sessions.add(parts.session);
  }

  get framesVersion(): number {
    return this.#framesVersion;
  }

  get isNavigating(): boolean {
    return this.#navigations.isUnderWay(this.#parts.page.mainFrame());
  }

  get networkQuietMs(): number {
    return this.#network.quietMs;
  }

  causeOf(loaderId: string): NavigationCause {
    return this.#network.causeOf(loaderId);
  }

  refreshDelayOf(loaderId: string): number | null {
    return this.#network.refreshDelayOf(loaderId);
  }

  pendingUrl(frameId: string): string | null {
    return this.#network.pendingUrl(frameId);
  }

  watchFields(fields: readonly WatchedField[]): void {
    this.#network.watchFields(fields);
  }

  takeSubmissions(): readonly Submission[] {
    return this.#network.takeSubmissions();
  }

  listen(listeners: TabListeners): void {
    const { page, session } = this.#parts;
    this.#onNetwork = listeners.changed;
    // Of a page that is gone before this completes, its end is reported.
    this.#network.begin(session).catch(() => {});
    const browser = page.context().browser();
    const changed = (frame: Frame) => {
      this.#framesVersion += 1;
      this.#navigations.settled(frame);
      this.#forget(frame);
      listeners.changed();
    };
    const ended = (request: Request) => {
      const frame = frameOf(request);
      if (frame && this.#navigations.ended(frame, request)) listeners.changed();
    };
    let isGone = false;
    const gone = (code: LostCode) => {
      if (!isGone) listeners.gone(code);
      isGone = true;
    };
    this.#on("frameattached", changed);
    this.#on("framenavigated", changed);
    this.#on("framedetached", changed);
    this.#on("request", (request: Request) => {
      const frame = request.isNavigationRequest() ? frameOf(request) : null;
      if (!frame) return;
      this.#navigations.started(frame, request);
      listeners.changed();
    });
    this.#on("requestfailed", ended);
    this.#on("requestfinished", ended);
    this.#on("crash", () => gone("page_crashed"));
    this.#on("close", () => void whyClosed(browser).then(gone));
    const disconnected = () => gone("browser_lost");
    browser?.once("disconnected", disconnected);
    this.#stops.push(() => browser?.off("disconnected", disconnected));
  }

  async processes(): Promise<readonly FrameProcess[]> {
    const { page, session } = this.#parts;
    const inner = page.frames().filter((frame) => frame !== page.mainFrame());
    const processes = await Promise.all(inner.map((frame) => this.#processOf(frame)));
    return [{ session, inputSession: session }, ...processes.filter((process) => process !== null)];
  }

  /** Playwright reports every change by itself: only the causes are looked up. */
  framesListed(frames: readonly ListedFrame[]): void {
    this.#network.framesListed(frames);
  }

  async cookies(): Promise<readonly TabCookie[]> {
    const { page, session } = this.#parts;
    // Playwright's own list is there after the page has closed, but says "Lax" where the site said nothing.
    return session.send("Storage.getCookies").then(
      ({ cookies }) => cookies,
      () => page.context().cookies(),
    );
  }

  async opener(): Promise<Tab | null> {
    const { page, connections } = this.#parts;
    const opener = await page.opener().catch(() => null);
    if (!opener) return null;
    const context = opener.context();
    const opening = context.newCDPSession(opener);
    const session = await connections.session(opening, context, FRAME_CALL_DEADLINE_MS, "opener session");
    return new PlaywrightTab({ page: opener, session, connections });
  }

  async close(): Promise<void> {
    this.#network.stop();
    for (const stop of this.#stops.splice(0)) stop();
    for (const frame of this.#processes.keys()) this.#forget(frame);
  }

  #on(event: string, listener: (about: never) => void): void {
    // Playwright declares one overload for each event; the caller knows the argument of its event.
    const page = this.#parts.page as unknown as Record<"on" | "off", (event: string, listener: unknown) => void>;
    page.on(event, listener);
    this.#stops.push(() => page.off(event, listener));
  }

  #forget(frame: Frame): void {
    const known = this.#processes.get(frame);
    this.#processes.delete(frame);
    known?.then((process) => (process?.session as CDPSession | undefined)?.detach()).catch(() => {});
  }

  #processOf(frame: Frame): Promise<FrameProcess | null> {
    const known = this.#processes.get(frame);
    if (known) return known;
    const opened = this.#open(frame).catch((error: unknown) => {
      // Playwright's error for a frame that shares its parent's process.
      if (String(error).includes("does not have a separate CDP session")) return null;
      this.#processes.delete(frame);
      throw error;
    });
    this.#processes.set(frame, opened);
    return opened;
  }

  async #open(frame: Frame): Promise<FrameProcess> {
    const { page, connections } = this.#parts;
    const context = page.context();
    const opening = context.newCDPSession(frame);
    const session = await connections.session(opening, context, FRAME_CALL_DEADLINE_MS, FRAME_CALL);
    session.on("close", () => {
      this.#network.forget(session);
      this.sessions.forget(session);
    });
    this.sessions.add(session);
    await withDeadline(this.#network.follow(session), FRAME_CALL_DEADLINE_MS, FRAME_CALL);
    return { session, inputSession: session };
  }
}

/** A browser that dies closes its pages first; its own end is known only a moment later. */
async function whyClosed(browser: Browser | null): Promise<LostCode> {
  const isGone = () => browser?.isConnected() === false;
  return (await waitUntil(isGone, DISCONNECT_PATIENCE_MS, DISCONNECT_POLL_MS)) ? "browser_lost" : "page_closed";
}

/** Null where the request's page is gone: Playwright throws then. */
function frameOf(request: Request): Frame | null {
  try {
    return request.frame();
  } catch {
    return null;
  }
}
