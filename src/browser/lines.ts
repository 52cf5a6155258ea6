/** The lines to browsers that are open now, one register a room: our DevTools connections, Playwright's, their sessions. */
import type { Browser, BrowserContext, CDPSession } from "playwright";
import { DevTools } from "./devtools.ts";

export class Lines {
  readonly #devtools = new Set<DevTools>();
  readonly #browsers = new Set<Browser>();
  readonly #sessions = new Set<CDPSession>();

  /** As DevTools.connect; on the register from its first byte until the connection is gone. */
  connect(endpoint: string, signal?: AbortSignal): Promise<DevTools> {
    return DevTools.connect(endpoint, signal, this.#devtools);
  }

  /** A connection of Playwright's, also one that came too late for whoever waited. */
  async playwright(connecting: Promise<Browser>): Promise<Browser> {
    const browser = await connecting;
    this.#browsers.add(browser);
    browser.once("disconnected", () => this.#browsers.delete(browser));
    if (!browser.isConnected()) this.#browsers.delete(browser);
    return browser;
  }

  /** A session of Playwright's. It tells of its own end, but not of its connection's: `context` does. */
  async session(opening: Promise<CDPSession>, context: BrowserContext): Promise<CDPSession> {
    const session = await opening;
    const gone = () => {
      this.#sessions.delete(session);
      context.off("close", gone);
    };
    this.#sessions.add(session);
    session.on("close", gone);
    context.once("close", gone);
    return session;
  }

  open(): { cdp_connections: number; playwright_connections: number; cdp_sessions: number } {
    const ours = [...this.#devtools].reduce((sum, { openSessions }) => sum + openSessions, 0);
    return {
      cdp_connections: this.#devtools.size,
      playwright_connections: this.#browsers.size,
      cdp_sessions: ours + this.#sessions.size,
    };
  }
}
