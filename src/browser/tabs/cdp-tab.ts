/**
 * A page that is reached over CDP alone. Playwright would attach to every tab of its browser, pause each new frame until
 * it has inspected it, hang where any tab hangs, and remember requests and frames that are long gone. This class attaches
 * to the page's own frames only, and keeps what is there.
 *
 * In the bot's own browser CDP's Page domain stays disabled: a browser leaves dialogs to the client that enables it. An
 * alert that nobody answers would stay open while this server is attached, and the bot's own confirm would be answered
 * with "no" at the detach. In a browser of our own it is enabled, and reports each frame that comes, navigates or goes.
 */

import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS, type CdpConnection, type CdpSession } from "../cdp/connection.ts";
import type { NavigationCause } from "./navigation-cause.ts";
import { PageNetwork } from "./page-network.ts";
import type { WatchedField } from "./request-fields.ts";
import type { FrameProcess, ListedFrame, LostCode, Submission, Tab, TabCookie, TabListeners } from "./tab.ts";
import { TabSessions } from "./tab-sessions.ts";

/** A page that has not evaluated `1` in this time cannot be given to an operator. */
const PREFLIGHT_MS = 800;
const DETACH_DEADLINE_MS = 1_000;
/** A browser that ends closes its pages first; its own end is known only a moment later. */
const GONE_PATIENCE_MS = 200;

/** Attaches to frames of other processes, and to no other target of the page: its workers are not paused. */
const AUTO_ATTACH = {
  autoAttach: true,
  waitForDebuggerOnStart: false,
  flatten: true,
  filter: [{ type: "iframe" }, { exclude: true }],
};

/** Which cookies a page's rules may see: those of its browser context, or of its own addresses only. */
type CookiesOf = "browser" | "page";

export interface CdpTabOptions {
  readonly cookiesOf?: CookiesOf;
  /** A page of a browser of our own. */
  readonly isOurs?: boolean;
  /** How long the page may take to evaluate `1`, ms. */
  readonly answersWithinMs?: number;
}

export class CdpTab implements Tab {
  readonly pageSession: CdpSession;
  readonly sessions = new TabSessions();
  readonly #connection: CdpConnection;
  readonly #remote = new Set<CdpSession>();
  readonly #network = new PageNetwork(() => this.#listeners?.changed());
  /** The document of each frame when the frames were last listed. */
  readonly #loaders = new Map<string, string>();
  #listeners: TabListeners | null = null;
  #browserContextId: string | undefined;
  #openerId: string | undefined;
  #crashed = false;
  #framesVersion = 0;

  readonly targetId: string;
  readonly #options: CdpTabOptions;

  private constructor(connection: CdpConnection, session: CdpSession, targetId: string, options: CdpTabOptions) {
    this.#connection = connection;
    this.pageSession = session;
    this.targetId = targetId;
    this.#options = options;
  }

  /** Attaches to one target. AppError `timeout` where its page does not answer. */
  static async attach(connection: CdpConnection, targetId: string, options: CdpTabOptions = {}): Promise<CdpTab> {
    const tab = new CdpTab(connection, await connection.attach(targetId), targetId, options);
    try {
      return await CdpTab.#prepared(tab);
    } catch (error) {
      await tab.close();
      throw error;
    }
  }

  static async #prepared(tab: CdpTab): Promise<CdpTab> {
    const { isOurs, answersWithinMs = PREFLIGHT_MS } = tab.#options;
    const answered = tab.pageSession.send("Runtime.evaluate", { expression: "1" });
    await withDeadline(answered, answersWithinMs, "page").catch((cause: unknown) => {
      if (isOurs || !(cause instanceof AppError) || cause.code !== "timeout") throw cause;
      const why = "the page does not answer: a dialog is open, or a script does not end";
      throw new AppError("timeout", { field: "cdp", why }, { cause });
    });
    const { targetInfo } = await withDeadline(tab.pageSession.send("Target.getTargetInfo"), CALL_DEADLINE_MS, "page");
    tab.#browserContextId = targetInfo.browserContextId;
    tab.#openerId = targetInfo.openerId;
    await withDeadline(tab.#follow(tab.pageSession), CALL_DEADLINE_MS, "page");
    void tab.pageSession.gone.then(() => tab.#onGone());
    return tab;
  }

  get framesVersion(): number {
    return this.#framesVersion;
  }

  get isNavigating(): boolean {
    return this.#network.isNavigating;
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
    this.#listeners = listeners;
    // Not before: a dialog that nobody listens for yet would stay open. Of a page that is gone its end is reported.
    if (this.#options.isOurs) this.pageSession.send("Page.enable").catch(() => {});
  }

  /** A frame that is new, is gone or has another document counts as a change. */
  framesListed(frames: readonly ListedFrame[]): void {
    this.#network.framesListed(frames);
    const isSame =
      frames.length === this.#loaders.size && frames.every(({ id, loaderId }) => this.#loaders.get(id) === loaderId);
    if (isSame) return;
    this.#loaders.clear();
    for (const { id, loaderId } of frames) this.#loaders.set(id, loaderId);
    this.#listeners?.changed();
  }

  async processes(): Promise<readonly FrameProcess[]> {
    return [this.pageSession, ...this.#remote].map((session) => ({ session, inputSession: session }));
  }

  async cookies(): Promise<readonly TabCookie[]> {
    // Without addresses: those of the page and its frames.
    if (this.#options.cookiesOf === "page") return (await this.pageSession.send("Network.getCookies")).cookies;
    const context = this.#browserContextId === undefined ? {} : { browserContextId: this.#browserContextId };
    return (await this.#connection.send("Storage.getCookies", context)).cookies;
  }

  async opener(): Promise<Tab | null> {
    if (this.#openerId === undefined) return null;
    return CdpTab.attach(this.#connection, this.#openerId, this.#options).catch(() => null);
  }

  async close(): Promise<void> {
    this.#listeners = null;
    this.#network.stop();
    const detaching = this.#connection.send("Target.detachFromTarget", { sessionId: this.pageSession.id });
    await withDeadline(detaching, DETACH_DEADLINE_MS, "detaching").catch(() => {});
  }

  async #follow(session: CdpSession): Promise<void> {
    this.sessions.add(session);
    session.on<{ sessionId: string; targetInfo: { targetId: string } }>("Target.attachedToTarget", (attached) => {
      const remote = this.#connection.session(attached.sessionId);
      this.#remote.add(remote);
      void remote.gone.then(() =>
        this.#changed(() => {
          this.#remote.delete(remote);
          this.#network.forget(remote);
          this.sessions.forget(remote);
          // A frame's target has its id.
          this.#network.settled(attached.targetInfo.targetId);
        }),
      );
      // Of a frame that is gone before this completes, the session's end is reported.
      this.#follow(remote).catch(() => {});
      this.#changed();
    });
    const isPage = session === this.pageSession;
    if (isPage) session.on("Inspector.targetCrashed", () => this.#onCrash());
    const { isOurs } = this.#options;
    if (isOurs) this.#followFrames(session);
    await Promise.all([
      isOurs && !isPage ? session.send("Page.enable") : null,
      isPage ? this.#network.begin(session) : this.#network.follow(session),
      session.send("Inspector.enable"),
      session.send("Target.setAutoAttach", AUTO_ATTACH),
    ]);
  }

  /** What the Page domain reports of each frame. */
  #followFrames(session: CdpSession): void {
    session.on("Page.frameAttached", () => this.#changed());
    session.on("Page.navigatedWithinDocument", () => this.#changed());
    session.on<{ frame: { id: string; loaderId: string } }>("Page.frameNavigated", ({ frame }) =>
      this.#changed(() => this.#network.shown(frame.id, frame.loaderId)),
    );
    session.on<{ frameId: string; reason: string }>("Page.frameDetached", ({ frameId, reason }) =>
      this.#changed(() => {
        // "swap": it goes on in another process.
        if (reason === "remove") this.#network.settled(frameId);
      }),
    );
  }

  #changed(apply: () => void = () => {}): void {
    this.#framesVersion += 1;
    apply();
    this.#listeners?.changed();
  }

  #onCrash(): void {
    this.#crashed = true;
    this.#gone("page_crashed");
  }

  async #onGone(): Promise<void> {
    const isBrowserGone = await withDeadline(this.#connection.closed, GONE_PATIENCE_MS, "end").then(
      () => true,
      () => false,
    );
    if (!this.#crashed) this.#gone(isBrowserGone ? "browser_lost" : "page_closed");
  }

  #gone(code: LostCode): void {
    this.#listeners?.gone(code);
  }
}
