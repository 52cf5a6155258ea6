/** A browser's page as the rest of browser/ sees it, whoever opened it and by whatever way it is reached. */
import type { Cookie } from "playwright";
import type { PageEvents } from "../../session/ports/page.ts";
import type { CdpSender, PageSession } from "../cdp/connection.ts";

/** A process that holds frames of a page: a session for scripts, and the quickest one for input. */
export interface FrameProcess {
  readonly session: CdpSender;
  readonly inputSession: CdpSender;
}

export type LostCode = Parameters<PageEvents["lost"]>[0];

export interface TabListeners {
  /** A frame has come, navigated or gone, or a navigation has begun or ended. */
  changed(): void;
  /** The page cannot go on. Told once. */
  gone(code: LostCode): void;
}

export interface Tab {
  /** Of the page itself, for pictures and inputSession. */
  readonly pageSession: PageSession;
  /** Grows with every frame of which the tab hears by itself that it has come, navigated or gone. */
  readonly framesVersion: number;
  /** A navigation is under way of which nobody knows yet what it leads to. */
  readonly isNavigating: boolean;
  /** From now on, until close(). */
  listen(listeners: TabListeners): void;
  /** The page's own process first, then one for each frame that has a process of its own. Throws when one cannot be asked. */
  processes(): Promise<readonly FrameProcess[]>;
  /** Told at each look which frames there are. */
  saw(frames: readonly { readonly id: string; readonly loaderId: string }[]): void;
  /** Lets go of what was attached; the page stays. */
  close(): Promise<void>;
}

/** As DevTools tells of one: what a site has not said is left out. */
type TabCookie = Required<Omit<Cookie, "sameSite" | "partitionKey">> & { readonly sameSite?: Cookie["sameSite"] };

/** The cookies of the browser context that the page is in. */
export async function cookiesOf({ pageSession }: Pick<Tab, "pageSession">): Promise<TabCookie[]> {
  return (await pageSession.send("Storage.getCookies")).cookies;
}
