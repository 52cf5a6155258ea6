/** [W47] The windows that a page opens, as the browser's targets report them: found, counted, and refused beyond the limit. */
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection, CdpSession } from "../cdp/connection.ts";

const CALL_DEADLINE_MS = 3_000;
/** The browser reports tabs only: no frames, no workers. */
const TABS_ONLY = [{ type: "page" }, { exclude: true }];
/** Windows that are gone may have opened others: so many of them are remembered. */
const MAX_REMEMBERED = 1_000;

export interface WindowTarget {
  readonly targetId: string;
  readonly url: string;
  readonly openerId?: string;
  readonly browserContextId?: string;
}

interface AttachedToTarget {
  readonly sessionId: string;
  readonly targetInfo: WindowTarget;
  readonly waitingForDebugger: boolean;
}

interface WindowTargetsDeps {
  readonly connection: CdpConnection;
  readonly firstId: string;
  /** Every tab of that browser is the session's; else only those that its page has opened. */
  readonly isOwnBrowser: boolean;
  /** A tab that this server has made for itself. */
  readonly isHelper: (target: WindowTarget) => boolean;
  /**
   * Called in a browser of our own before a new window runs: what is sent over the window's session by then is done before
   * its first script. In the bot's browser no tab is held.
   */
  readonly onNew: (targetId: string, session: CdpSession) => void;
  /** The most windows at a time, the first one not counted. */
  readonly most: number;
  /** `wasThere`: it was open before this server looked. */
  readonly onOpened: (target: WindowTarget, wasThere: boolean) => void;
  /** The address of a window has changed, or its title may have. */
  readonly onChanged: (target: WindowTarget) => void;
  readonly onGone: (targetId: string) => void;
  /** There were too many: it is closed. */
  readonly onRefused: (target: WindowTarget) => void;
}

export class WindowTargets {
  readonly #deps: WindowTargetsDeps;
  readonly #open = new Set<string>();
  readonly #known: Set<string>;
  /** Tabs that belong to nobody we know yet: a window may be reported before its opener. */
  readonly #strangers = new Map<string, WindowTarget>();
  #isLooking = true;
  #isStopped = false;

  constructor(deps: WindowTargetsDeps) {
    this.#deps = deps;
    this.#known = new Set([deps.firstId]);
  }

  /** Finds the windows that are open, and those that open from now on. AppError `timeout`. */
  async begin(): Promise<void> {
    const { connection, isOwnBrowser } = this.#deps;
    if (isOwnBrowser) await this.#holdNew();
    connection.on<{ targetInfo: WindowTarget }>("Target.targetCreated", ({ targetInfo }) => this.#found(targetInfo));
    connection.on<{ targetInfo: WindowTarget }>("Target.targetInfoChanged", ({ targetInfo }) => {
      if (this.#open.has(targetInfo.targetId) || targetInfo.targetId === this.#deps.firstId) this.#changed(targetInfo);
      else if (this.#strangers.has(targetInfo.targetId)) this.#strangers.set(targetInfo.targetId, targetInfo);
    });
    connection.on<{ targetId: string }>("Target.targetDestroyed", ({ targetId }) => {
      this.#strangers.delete(targetId);
      if (this.#open.delete(targetId) && !this.#isStopped) this.#deps.onGone(targetId);
    });
    const discovering = connection.send("Target.setDiscoverTargets", { discover: true, filter: TABS_ONLY });
    await withDeadline(discovering, CALL_DEADLINE_MS, "windows");
    this.#isLooking = false;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Has the browser hold each new window until we have looked at it, as Playwright does on its own connection. */
  async #holdNew(): Promise<void> {
    const { connection, onNew } = this.#deps;
    connection.on<AttachedToTarget>("Target.attachedToTarget", ({ sessionId, targetInfo, waitingForDebugger }) => {
      // The browser attaches to tabs that are there already, too. To detach would take away their virtual security keys.
      if (!waitingForDebugger) return;
      const session = connection.session(sessionId);
      onNew(targetInfo.targetId, session);
      void session.send("Runtime.runIfWaitingForDebugger").catch(() => {});
    });
    const holding = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true, filter: TABS_ONLY };
    await withDeadline(connection.send("Target.setAutoAttach", holding), CALL_DEADLINE_MS, "windows");
  }

  /** A window that cannot be followed does not count any more. */
  forget(targetId: string): void {
    this.#open.delete(targetId);
  }

  /** Closes a window. Never rejects: it may be gone already. */
  async close(targetId: string): Promise<void> {
    const closing = this.#deps.connection.send("Target.closeTarget", { targetId });
    await withDeadline(closing, CALL_DEADLINE_MS, "window").catch(() => {});
  }

  /**
   * A client may have the browser hold each new window until it has looked at it. The window's opener waits meanwhile, and
   * for ever where the window is closed first.
   */
  async #refuse(targetId: string): Promise<void> {
    const session = await this.#deps.connection.attach(targetId).catch(() => null);
    const resuming = session?.send("Runtime.runIfWaitingForDebugger");
    await withDeadline(Promise.resolve(resuming), CALL_DEADLINE_MS, "window").catch(() => {});
    await this.close(targetId);
  }

  #found(target: WindowTarget): void {
    const { firstId, isOwnBrowser, isHelper, most, onOpened, onRefused } = this.#deps;
    if (this.#isStopped || target.targetId === firstId || this.#open.has(target.targetId)) return;
    if (isHelper(target)) return;
    if (!isOwnBrowser && !this.#known.has(target.openerId ?? "")) {
      if (this.#isLooking) this.#strangers.set(target.targetId, target);
      return;
    }
    if (this.#open.size >= most) {
      // The bot had opened it by itself before it handed over the page.
      if (this.#isLooking && !isOwnBrowser) return;
      void this.#refuse(target.targetId);
      onRefused(target);
      return;
    }
    this.#open.add(target.targetId);
    this.#known.add(target.targetId);
    for (const old of this.#known) {
      if (this.#known.size <= MAX_REMEMBERED) break;
      if (old !== firstId && !this.#open.has(old)) this.#known.delete(old);
    }
    onOpened(target, this.#isLooking);
    for (const child of this.#strangers.values()) {
      if (child.openerId !== target.targetId) continue;
      this.#strangers.delete(child.targetId);
      this.#found(child);
    }
  }

  #changed(target: WindowTarget): void {
    if (!this.#isStopped) this.#deps.onChanged(target);
  }
}
