/** A tab of a browser as the rest of browser/ sees it, however it was opened and however it is reached. */
import type { Cookie } from "playwright";
import type { PageEvents } from "../../session/ports/page.ts";
import type { CdpSender, PageSession } from "../cdp/connection.ts";

/** A process that renders frames of a page: a session for scripts, and the fastest session for input. */
export interface FrameProcess {
  readonly session: CdpSender;
  readonly inputSession: CdpSender;
}

export type LostCode = Parameters<PageEvents["lost"]>[0];

export interface TabListeners {
  /** A frame was attached, has navigated or was detached, or a navigation has started or ended. */
  changed(): void;
  /** The page is lost. Called once. */
  gone(code: LostCode): void;
}

export interface Tab {
  /** The session of the page itself, for pictures and input. */
  readonly pageSession: PageSession;
  /** Grows with every frame that the browser reports as attached, navigated or detached. */
  readonly framesVersion: number;
  /** Whether a navigation is under way: the document it leads to is not known yet. */
  readonly isNavigating: boolean;
  /** Calls these listeners from now on, until close(). */
  listen(listeners: TabListeners): void;
  /**
   * The page's own process first, then one for each frame that has a process of its own. Throws when the browser does
   * not answer for one of them.
   */
  processes(): Promise<readonly FrameProcess[]>;
  /** Takes note of the frames that were just listed, parents first. */
  framesListed(frames: readonly { readonly id: string; readonly loaderId: string }[]): void;
  /** Detaches from the page, which stays open. */
  close(): Promise<void>;
}

/** A cookie as CDP's Storage.getCookies returns it: `sameSite` is left out where the site did not set it. */
type TabCookie = Required<Omit<Cookie, "sameSite" | "partitionKey">> & { readonly sameSite?: Cookie["sameSite"] };

/** Reads the cookies of the browser context that the page is in. */
export async function cookiesOf({ pageSession }: Pick<Tab, "pageSession">): Promise<TabCookie[]> {
  return (await pageSession.send("Storage.getCookies")).cookies;
}
