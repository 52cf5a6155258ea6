/** Hears when a document of the page has changed: what listens there calls a binding of its isolated world alone. */
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import type { Tab } from "../tabs/tab.ts";
import type { EventSession } from "../tabs/tab-sessions.ts";
import { endListener, type ListenerWorld, makeListener } from "./in-page-listener.ts";
import { documentKey } from "./known-widgets.ts";

/** The function that the isolated world is given. */
const BINDING = "captchaRemoteHeard" satisfies keyof ListenerWorld;
/** What listens in a page ends itself when it was not renewed for so long: this server was killed. */
export const SILENT_AFTER_MS = 10_000;
/** A page of more frames is asked on the beat. */
const MAX_DOCUMENTS = 100;
/** A browser, or what stands before it, that has refused so often in a row is not asked again. */
const MAX_REFUSALS = 3;

interface PageListenerDeps {
  readonly tab: Pick<Tab, "pageSession" | "sessions">;
  readonly frames: Pick<PageFrames, "bind" | "run">;
  /** This document has changed since it was armed; `isMain`: the page's own process has said so. */
  readonly onHeard: (document: string, isMain: boolean) => void;
  readonly silentMs?: number;
}

export class PageListener {
  readonly #deps: PageListenerDeps;
  /** By what each says when it has changed. */
  readonly #listening = new Map<string, FrameRef>();
  #isFollowing = false;
  #lastToken = 0;
  #refusals = 0;
  #stopped = false;

  constructor(deps: PageListenerDeps) {
    this.#deps = deps;
  }

  /** Whether documents of a page with so many frames can be listened to. */
  canListen(frames: number): boolean {
    return !this.#stopped && this.#refusals < MAX_REFUSALS && frames <= MAX_DOCUMENTS;
  }

  /**
   * Makes these documents listen, not yet armed; `all`: the page's documents now. Resolves to whether each of them does.
   * Never rejects: a document may be gone, or too busy to answer.
   */
  async begin(deaf: readonly FrameRef[], all: readonly FrameRef[]): Promise<boolean> {
    if (!this.canListen(all.length)) return false;
    this.#follow();
    const current = new Set(all.map(documentKey));
    for (const [token, frame] of this.#listening) {
      if (!current.has(documentKey(frame)) || deaf.some((each) => documentKey(each) === documentKey(frame)))
        this.#listening.delete(token);
    }
    const made = await Promise.all(deaf.map((frame) => this.#make(frame)));
    return made.every(Boolean);
  }

  /** Ends what listens in the page. Never rejects: what does not answer ends itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const frames = [...this.#listening.values()];
    this.#listening.clear();
    await Promise.all(frames.map((frame) => this.#deps.frames.run(frame, endListener, undefined).catch(() => {})));
  }

  async #make(frame: FrameRef): Promise<boolean> {
    const { frames, silentMs = SILENT_AFTER_MS } = this.#deps;
    this.#lastToken += 1;
    const token = String(this.#lastToken);
    try {
      await frames.bind(frame, BINDING);
      if (this.#stopped) return false;
      const isMade = await frames.run(frame, makeListener, { token, silentMs });
      if (isMade) this.#listening.set(token, frame);
      if (frame.parent === null) this.#refusals = isMade ? 0 : this.#refusals + 1;
      return isMade;
    } catch {
      // It may be gone; one that has no way of its own to say so is told by its refusals.
      if (frame.parent === null) this.#refusals += 1;
      return false;
    }
  }

  #follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#deps.tab.sessions.follow((session) => {
      session.on("Runtime.bindingCalled", ({ name, payload }) => {
        if (name === BINDING) this.#onCalled(session, payload);
      });
    });
  }

  #onCalled(session: EventSession, token: string): void {
    if (this.#stopped) return;
    // A document that was left and is shown again (from the back-forward cache) is not among them.
    const frame = this.#listening.get(token);
    const page: unknown = this.#deps.tab.pageSession;
    this.#deps.onHeard(frame ? documentKey(frame) : token, session === page);
  }
}
