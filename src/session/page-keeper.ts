/** A session's page: opened, come back to, opened again after a crash, and let go of. */
import type { Logger } from "pino";
import { withDeadline } from "../deadline.ts";
import { AppError, toAppError } from "../errors.ts";
import type { ChallengePage, OpenPage, OpenPageRequest, PageEvents, RememberedPage, ReturnToPage } from "./page.ts";
import type { Checkpoint, PageMemory } from "./page-memory.ts";

/** A page that crashes more often will do so again. */
const MOST_REOPENINGS = 3;
const CHECKPOINT_EVERY_MS = 5_000;
const CHECKPOINT_DEADLINE_MS = 3_000;

/** What is to be known of a page to open it, and to open it again. */
export interface Opening {
  readonly open: OpenPage;
  readonly request: OpenPageRequest;
}

interface PageKeeperDeps extends Opening {
  readonly events: PageEvents;
  readonly remember: (memory: Partial<PageMemory>) => void;
  readonly log: Logger;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
}

export class PageKeeper {
  readonly #deps: PageKeeperDeps;
  #page: ChallengePage | null = null;
  /** Pages that have crashed, and are being let go of. */
  #closing: Promise<void> = Promise.resolve();
  #reopenings = 0;
  #checkpoint: Checkpoint | null = null;
  #written = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PageKeeperDeps) {
    this.#deps = deps;
  }

  /** Null while it is opened, and after the end. */
  get page(): ChallengePage | null {
    return this.#page;
  }

  /** As OpenPage. */
  open(): Promise<ChallengePage> {
    const { open, request, events, signal } = this.#deps;
    this.#remember({ url: "url" in request ? request.url : "", storage_state: storageOf(request) });
    return open(request, events, signal);
  }

  /** As ReturnToPage; opened again where its browser is gone and that is allowed. */
  async comeBack(back: ReturnToPage, memory: RememberedPage): Promise<ChallengePage> {
    const { events, signal } = this.#deps;
    this.#checkpoint = memory.checkpoint ?? null;
    try {
      return await back(memory, events, signal);
    } catch (error) {
      const again = signal.aborted ? null : this.again(toAppError(error).code);
      if (!again) throw error;
      return again();
    }
  }

  /** It is ready. */
  take(page: ChallengePage): void {
    this.#page = page;
    if (page.place) this.#deps.remember({ place: page.place });
    if (!this.#mayReopen) return;
    void this.#takeCheckpoint();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#takeCheckpoint(), CHECKPOINT_EVERY_MS);
  }

  /** How to open the page again that was lost by this code; null where that is not wished for, or was too often. */
  again(code: AppError["code"]): (() => Promise<ChallengePage>) | null {
    if (!this.#mayReopen || code === "page_closed" || this.#reopenings >= MOST_REOPENINGS) return null;
    this.#reopenings += 1;
    clearInterval(this.#timer);
    const lost = this.#page;
    this.#page = null;
    // Both use the same profile folder.
    if (lost) this.#closing = this.#close(lost);
    return async () => {
      await this.#closing;
      const { open, request, events, signal, log } = this.#deps;
      signal.throwIfAborted();
      const { url, storage_state } = this.#checkpoint ?? {};
      const last = { ...(url ? { url } : {}), ...(storage_state ? { storage_state } : {}) };
      log.warn({ code, reopenings: this.#reopenings }, "opening the page again");
      return open({ ...request, ...last }, events, signal).catch((cause: unknown) => {
        throw new AppError(code, undefined, { cause });
      });
    };
  }

  /** Lets go of it, and waits until that is done. */
  async release(): Promise<void> {
    this.stop();
    const page = this.#page;
    await Promise.all([this.#closing, page && this.#close(page)]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get #mayReopen(): boolean {
    const { request } = this.#deps;
    return request.on_crash === "reopen" && "url" in request;
  }

  /** Whatever goes wrong, the last one stands. */
  async #takeCheckpoint(): Promise<void> {
    const page = this.#page;
    if (!page) return;
    const taking = page.checkpoint(this.#checkpoint);
    const checkpoint = await withDeadline(taking, CHECKPOINT_DEADLINE_MS, "checkpoint").catch(() => null);
    if (checkpoint && page === this.#page && !this.#deps.signal.aborted) this.#remember(checkpoint);
  }

  #remember(checkpoint: Checkpoint): void {
    if (!this.#mayReopen) return;
    this.#checkpoint = checkpoint;
    const text = JSON.stringify(checkpoint);
    if (text === this.#written) return;
    this.#written = text;
    this.#deps.remember({ checkpoint });
  }

  async #close(page: ChallengePage): Promise<void> {
    await page.close().catch((error: unknown) => this.#deps.log.error({ err: error }, "page could not be closed"));
  }
}

function storageOf(request: OpenPageRequest): Checkpoint["storage_state"] {
  return ("url" in request && request.storage_state) || null;
}
