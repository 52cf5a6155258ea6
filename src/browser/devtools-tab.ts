/**
 * A page of the bot's own browser, reached over DevTools alone. Playwright would attach to every tab of that browser, hold
 * up each new frame until it has looked at it, and hang where any tab does; here the page's own frames are all there is.
 */
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { CALL_DEADLINE_MS, type DevTools, type DevToolsSession } from "./devtools.ts";
import { Navigations } from "./navigations.ts";
import type { FrameProcess, LostCode, Tab, TabListeners } from "./tab.ts";

/** A page that does not even evaluate `1` in this time is no page for an operator. */
const PREFLIGHT_MS = 800;
const DETACH_DEADLINE_MS = 1_000;
/** A browser that ends closes its pages first, and is known to be gone only a moment later. */
const GONE_PATIENCE_MS = 200;

/** Frames of other processes, and nothing else that belongs to the page: its workers are not paused. */
const AUTO_ATTACH = {
  autoAttach: true,
  waitForDebuggerOnStart: false,
  flatten: true,
  filter: [{ type: "iframe" }, { exclude: true }],
};

interface FrameEvent {
  readonly frameId: string;
}

export interface OpenedDialog {
  readonly type: "alert" | "confirm" | "prompt" | "beforeunload";
  readonly message: string;
}

export class DevToolsTab implements Tab {
  readonly live: DevToolsSession;
  readonly #devtools: DevTools;
  readonly #mainFrameId: string;
  readonly #remote = new Set<DevToolsSession>();
  readonly #navigations = new Navigations<string, string>();
  #listeners: TabListeners | null = null;
  #onDialog: (dialog: OpenedDialog) => void = () => {};
  #crashed = false;
  #framesVersion = 0;

  private constructor(devtools: DevTools, session: DevToolsSession, targetId: string) {
    this.#devtools = devtools;
    this.live = session;
    // A page's target and its main frame have the same id.
    this.#mainFrameId = targetId;
  }

  /** Attaches to one target. AppError `timeout` where its page does not answer; the connection is the caller's. */
  static async attach(devtools: DevTools, targetId: string): Promise<DevToolsTab> {
    const tab = new DevToolsTab(devtools, await devtools.attach(targetId), targetId);
    const answered = tab.live.send("Runtime.evaluate", { expression: "1" });
    await withDeadline(answered, PREFLIGHT_MS, "page").catch((cause: unknown) => {
      const why = "the page does not answer: a dialog is open, or a script does not end";
      throw new AppError("timeout", { field: "cdp", why }, { cause });
    });
    await withDeadline(tab.#follow(tab.live), CALL_DEADLINE_MS, "page");
    void tab.live.gone.then(() => tab.#onGone());
    return tab;
  }

  get framesVersion(): number {
    return this.#framesVersion;
  }

  get isNavigating(): boolean {
    return this.#navigations.isUnderWay(this.#mainFrameId);
  }

  listen(listeners: TabListeners): void {
    this.#listeners = listeners;
  }

  /** The page asks something; whoever holds the browser answers, not we. */
  onDialog(listener: (dialog: OpenedDialog) => void): void {
    this.#onDialog = listener;
  }

  async processes(): Promise<readonly FrameProcess[]> {
    return [this.live, ...this.#remote].map((session) => ({ session, hands: session }));
  }

  async close(): Promise<void> {
    this.#listeners = null;
    const detaching = this.#devtools.send("Target.detachFromTarget", { sessionId: this.live.id });
    await withDeadline(detaching, DETACH_DEADLINE_MS, "detaching").catch(() => {});
  }

  async #follow(session: DevToolsSession): Promise<void> {
    session.on<{ sessionId: string }>("Target.attachedToTarget", ({ sessionId }) => {
      const remote = this.#devtools.session(sessionId);
      this.#remote.add(remote);
      void remote.gone.then(() => this.#changed(() => this.#remote.delete(remote)));
      // A frame that is gone before it could be followed is told of by its end.
      this.#follow(remote).catch(() => {});
      this.#changed();
    });
    const framed = (event: FrameEvent) => this.#changed(() => this.#navigations.settled(event.frameId));
    session.on("Page.frameAttached", framed);
    session.on("Page.frameDetached", framed);
    session.on<{ frame: { id: string } }>("Page.frameNavigated", ({ frame }) => framed({ frameId: frame.id }));
    session.on<FrameEvent & { loaderId: string; navigationType: string }>("Page.frameStartedNavigating", (event) => {
      if (event.navigationType.toLowerCase().includes("samedocument")) return;
      this.#navigations.begun(event.frameId, event.loaderId);
      this.#listeners?.changed();
    });
    // Also where a navigation came to nothing: a download, an answer without content, a stop.
    session.on<FrameEvent>("Page.frameStoppedLoading", ({ frameId }) => {
      this.#navigations.settled(frameId);
      this.#listeners?.changed();
    });
    session.on<OpenedDialog>("Page.javascriptDialogOpening", (dialog) => this.#onDialog(dialog));
    if (session === this.live) session.on("Inspector.targetCrashed", () => this.#onCrash());
    await Promise.all([
      session.send("Page.enable"),
      session.send("Inspector.enable"),
      session.send("Target.setAutoAttach", AUTO_ATTACH),
    ]);
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
    const isBrowserGone = await withDeadline(this.#devtools.closed, GONE_PATIENCE_MS, "end").then(
      () => true,
      () => false,
    );
    if (!this.#crashed) this.#gone(isBrowserGone ? "browser_lost" : "page_closed");
  }

  #gone(code: LostCode): void {
    this.#listeners?.gone(code);
  }
}
