/** A tab of a browser as the rest of browser/ sees it, however it was opened and however it is reached. */
import type { Cookie } from "playwright";
import type { PageEvents } from "../../session/ports/page.ts";
import type { CdpSender, InputSession, PageSession } from "../cdp/connection.ts";
import type { NavigationCause } from "./navigation-cause.ts";
import type { WatchedField } from "./request-fields.ts";
import type { TabSessions } from "./tab-sessions.ts";

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

/** What a tab takes note of when its frames are listed. */
export interface ListedFrame {
  readonly id: string;
  readonly parent: ListedFrame | null;
  readonly url: string;
  readonly loaderId: string;
  readonly session: CdpSender;
}

/** A request that carried a watched field with an answer. The answer itself is not kept. */
export interface Submission {
  /** The frame that sent it, and its document; null where the document is not known. */
  readonly frameId: string;
  readonly loaderId: string | null;
  /** The field's name. */
  readonly name: string;
  /** The document that this request itself loads; null: a script's request, which loads none. */
  readonly navigates: string | null;
  /** Monotonic ms. */
  readonly at: number;
}

export interface Tab {
  /** The session of the page itself, for pictures and input. */
  readonly pageSession: PageSession & InputSession;
  /** All sessions of the page and its frames. */
  readonly sessions: Pick<TabSessions, "follow">;
  /** Grows with every frame that the browser reports as attached, navigated or detached. */
  readonly framesVersion: number;
  /** Whether a navigation of the main frame is under way: the document it leads to is not known yet. */
  readonly isNavigating: boolean;
  /** For how long no request of the page has been under way, ms; 0: one is. What streams without an end does not count. */
  readonly networkQuietMs: number;
  /** Calls these listeners from now on, until close(). */
  listen(listeners: TabListeners): void;
  /**
   * The page's own process first, then one for each frame that has a process of its own. Throws when the browser does
   * not answer for one of them.
   */
  processes(): Promise<readonly FrameProcess[]>;
  /** Takes note of the frames that were just listed, parents first. */
  framesListed(frames: readonly ListedFrame[]): void;
  /**
   * Why this document was loaded. "unknown" also for documents from before the attach, and for a moment after one was
   * listed: changed() is called when it becomes known. Of two documents that came so fast that the first was never listed,
   * the second has the first one's doubt.
   */
  causeOf(loaderId: string): NavigationCause;
  /** After how many ms, once it has loaded, this document's response asks for another one (Refresh header); null: not at all. */
  refreshDelayOf(loaderId: string): number | null;
  /** The address (with its fragment) that the navigation under way in this frame leads to by now; null: there is none. */
  pendingUrl(frameId: string): string | null;
  /** The response fields to look for in requests from now on; none: requests are not looked at. */
  watchFields(fields: readonly WatchedField[]): void;
  /**
   * Requests since the last call that carried an answer in a watched field, to the site of the page's main document. The
   * oldest are dropped where there are more than 100.
   */
  takeSubmissions(): readonly Submission[];
  /** The cookies of the browser context that the page is in; also right after the page has closed. */
  cookies(): Promise<readonly TabCookie[]>;
  /**
   * The page that opened this one as its window; null: none, or it is gone. Also right after this page has closed. The
   * caller closes it.
   */
  opener(): Promise<Tab | null>;
  /** Detaches from the page, which stays open. */
  close(): Promise<void>;
}

/** A cookie as CDP's Storage.getCookies returns it: `sameSite` is left out where the site did not set it. */
export type TabCookie = Required<Omit<Cookie, "sameSite" | "partitionKey">> & {
  readonly sameSite?: Cookie["sameSite"];
};
