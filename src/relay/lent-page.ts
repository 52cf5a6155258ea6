/** As much of Playwright as a lent page needs: no type of Playwright's own, which a bot may have in any version. */

type Facts = Readonly<Record<string, unknown>>;

/** As much of Playwright's CDPSession as is used. */
export interface LentSession {
  send(method: string, params?: object): Promise<unknown>;
  on(event: string, listener: (params: Facts) => void): unknown;
  detach(): Promise<void>;
}

/** As much of Playwright's Page as is used. */
export interface LentPage {
  context(): LentContext;
  viewportSize(): { readonly width: number; readonly height: number } | null;
  url(): string;
  isClosed(): boolean;
  opener(): Promise<unknown>;
  bringToFront(): Promise<void>;
  close(): Promise<void>;
  mainFrame(): object;
}

/** Playwright declares one overload for each event: no one signature fits them all. */
interface Emitter {
  on(event: string, listener: (about: unknown) => void): unknown;
  off(event: string, listener: (about: unknown) => void): unknown;
}

interface LentContext {
  newCDPSession(page: never): Promise<unknown>;
  browser(): LentBrowser | null;
  pages(): readonly object[];
}

interface LentBrowser {
  newBrowserCDPSession(): Promise<unknown>;
  on(event: "disconnected", listener: () => void): unknown;
  off(event: "disconnected", listener: () => void): unknown;
}

export interface PlaywrightOptions {
  /** Whether the page is emulated as a phone's (`isMobile`); left out: as its context says. */
  readonly isMobile?: boolean | undefined;
}

const METHODS = ["context", "viewportSize", "mainFrame", "bringToFront", "opener", "on", "off"];

export function isPlaywrightPage(given: unknown): given is LentPage & Emitter {
  if (typeof given !== "object" || given === null) return false;
  return METHODS.every((name) => typeof Reflect.get(given, name) === "function");
}
