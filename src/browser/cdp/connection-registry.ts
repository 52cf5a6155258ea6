/** The open connections to browsers: our own CDP connections, Playwright's connections, and the sessions of both. */
import type { Browser, BrowserContext, CDPSession } from "playwright";
import { withDeadline } from "../../util/with-deadline.ts";
import { type CdpChannel, CdpConnection, type DialOptions } from "./connection.ts";

export class ConnectionRegistry {
  readonly #cdpConnections = new Set<CdpConnection>();
  readonly #browsers = new Set<Browser>();
  readonly #sessions = new Set<CDPSession>();

  /** Does what CdpConnection.connect does, and counts the connection from its first byte until it is gone. */
  connect(endpoint: string, signal?: AbortSignal, dial?: DialOptions): Promise<CdpConnection> {
    return CdpConnection.connect(endpoint, signal, this.#cdpConnections, dial);
  }

  /** Does what CdpConnection.over does, and counts the connection until it is gone. */
  over(channel: CdpChannel): CdpConnection {
    return CdpConnection.over(channel, this.#cdpConnections);
  }

  /** Waits at most `ms` for a connection of Playwright's. AppError `timeout`; a connection that comes later is closed. */
  playwright(connecting: Promise<Browser>, ms: number): Promise<Browser> {
    const connected = connecting.then((browser) => {
      this.#browsers.add(browser);
      browser.once("disconnected", () => this.#browsers.delete(browser));
      if (!browser.isConnected()) this.#browsers.delete(browser);
      return browser;
    });
    return inTime(connected, ms, "browser connection", (late) => late.close());
  }

  /**
   * Waits at most `ms` for a session of Playwright's. A session reports its own end, but not its connection's, which
   * `context` reports. AppError `timeout`; a session that comes later is detached, as a bot's own browser would keep it.
   */
  session(opening: Promise<CDPSession>, context: BrowserContext, ms: number, what: string): Promise<CDPSession> {
    const opened = opening.then((session) => {
      const gone = () => {
        this.#sessions.delete(session);
        context.off("close", gone);
      };
      this.#sessions.add(session);
      session.on("close", gone);
      context.once("close", gone);
      return session;
    });
    return inTime(opened, ms, what, (late) => late.detach());
  }

  /** How many of each are open now. */
  open(): { cdp_connections: number; playwright_connections: number; cdp_sessions: number } {
    const ours = [...this.#cdpConnections].reduce((sum, { openSessions }) => sum + openSessions, 0);
    return {
      cdp_connections: this.#cdpConnections.size,
      playwright_connections: this.#browsers.size,
      cdp_sessions: ours + this.#sessions.size,
    };
  }
}

async function inTime<T>(work: Promise<T>, ms: number, what: string, release: (late: T) => Promise<void>): Promise<T> {
  try {
    return await withDeadline(work, ms, what);
  } catch (error) {
    work.then(release).catch(() => {});
    throw error;
  }
}
