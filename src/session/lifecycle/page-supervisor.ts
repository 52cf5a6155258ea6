/** A session's page: opened, come back to, opened again after a crash, and let go of. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AppError, type Code, toAppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { ChallengePage, OpenPage, PageEvents, ResumablePage, ResumePage } from "../ports/page.ts";
import type { OpenPageRequest } from "../ports/page-request.ts";
import type { Checkpoint, ResumeState } from "../ports/resume-state.ts";

/** A page that crashes more often will do so again. */
const MOST_REOPENINGS = 3;
const CHECKPOINT_EVERY_MS = 5_000;
const CHECKPOINT_DEADLINE_MS = 3_000;
/** [W2] How long older clients wait for a page that is still starting. */
const WAIT_FOR_PAGE_MS = 5_000;

/** What is to be known of a page to open it, and to open it again. */
export interface PageOpener {
  readonly open: OpenPage;
  readonly request: OpenPageRequest;
}

interface PageSupervisorDeps extends PageOpener {
  readonly events: PageEvents;
  readonly saveResumeState: (parts: Partial<ResumeState>) => void;
  readonly log: Logger;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
  /** It is there, for the first time or again. */
  readonly onReady: (page: ChallengePage) => Promise<void>;
  /** It was lost by this code, and is opened again. */
  readonly onLost: (code: Code) => void;
  /** It is there again; called after onReady. */
  readonly onReopened: () => void;
}

export class PageSupervisor {
  readonly #deps: PageSupervisorDeps;
  #page: ChallengePage | null = null;
  #opened: Promise<void> = Promise.resolve();
  /** Pages that have crashed, and are being let go of. */
  #closing: Promise<void> = Promise.resolve();
  #reopenings = 0;
  #checkpoint: Checkpoint | null = null;
  #savedText = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PageSupervisorDeps) {
    this.#deps = deps;
  }

  /** Null while it is opened. */
  get page(): ChallengePage | null {
    return this.#page;
  }

  /** Resolves when it is ready, or the session over. Throws as OpenPage does. */
  open(): Promise<void> {
    const { open, request, events, signal } = this.#deps;
    this.#saveCheckpoint({ url: "url" in request ? request.url : "", storage_state: storageOf(request) });
    return this.#begin(() => open(request, events, signal));
  }

  /** The same for the page of an earlier server; opened again where it is lost and that is wished for. Throws as ResumePage does. */
  resume(resumePage: ResumePage, resumable: ResumablePage): Promise<void> {
    const { events, signal } = this.#deps;
    this.#checkpoint = resumable.checkpoint;
    const opened = this.#begin(() => resumePage(resumable, events, signal));
    return opened.catch((error: unknown) => {
      const { code } = toAppError(error);
      if (signal.aborted || !this.#mayReopenAfter(code)) throw error;
      return this.#openReplacement(code);
    });
  }

  /** Opens the page again that was lost by this code. Null where it had yet to open, that is not wished for, or was too often. */
  reopen(code: Code): Promise<void> | null {
    const lost = this.#page;
    if (!lost || !this.#mayReopenAfter(code)) return null;
    clearInterval(this.#timer);
    this.#page = null;
    // Both use the same profile folder.
    this.#closing = this.#close(lost);
    return this.#openReplacement(code);
  }

  /** Resolves when it is there, cannot be, or has been waited for long enough. */
  async ready(): Promise<void> {
    if (this.#page || this.#deps.signal.aborted) return;
    const late = delay(WAIT_FOR_PAGE_MS, undefined, { ref: false });
    await Promise.race([this.#opened, late]).catch(() => {});
  }

  /** Lets go of it, and waits until that is done. */
  async release(): Promise<void> {
    this.stop();
    const page = this.#page;
    await Promise.all([this.#closing, page ? this.#close(page) : this.#opened.catch(() => {})]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get #mayReopen(): boolean {
    const { request } = this.#deps;
    return request.on_crash === "reopen" && "url" in request;
  }

  #mayReopenAfter(code: Code): boolean {
    return this.#mayReopen && code !== "page_closed" && this.#reopenings < MOST_REOPENINGS;
  }

  #begin(open: () => Promise<ChallengePage>): Promise<void> {
    this.#opened = this.#open(open);
    this.#opened.catch(() => {});
    return this.#opened;
  }

  async #open(open: () => Promise<ChallengePage>): Promise<void> {
    const page = await open();
    if (this.#deps.signal.aborted) return this.#close(page);
    this.#page = page;
    if (page.place) this.#deps.saveResumeState({ place: page.place });
    this.#keepCheckpoints();
    await this.#deps.onReady(page);
  }

  async #openReplacement(code: Code): Promise<void> {
    const { onLost, onReopened, signal, log } = this.#deps;
    this.#reopenings += 1;
    log.warn({ code, reopenings: this.#reopenings }, "opening the page again");
    onLost(code);
    await this.#begin(() => this.#openAtCheckpoint(code));
    if (!signal.aborted) onReopened();
  }

  async #openAtCheckpoint(code: Code): Promise<ChallengePage> {
    await this.#closing;
    const { open, request, events, signal } = this.#deps;
    signal.throwIfAborted();
    const { url: at, storage_state } = this.#checkpoint ?? {};
    const last = { ...(at ? { at } : {}), ...(storage_state ? { storage_state } : {}) };
    return open({ ...request, ...last }, events, signal).catch((cause: unknown) => {
      throw new AppError(code, undefined, { cause });
    });
  }

  #keepCheckpoints(): void {
    if (!this.#mayReopen) return;
    void this.#takeCheckpoint();
    this.#timer = setInterval(() => void this.#takeCheckpoint(), CHECKPOINT_EVERY_MS);
  }

  /** Whatever goes wrong, the last one stands. */
  async #takeCheckpoint(): Promise<void> {
    const page = this.#page;
    if (!page) return;
    const taking = page.checkpoint(this.#checkpoint);
    const checkpoint = await withDeadline(taking, CHECKPOINT_DEADLINE_MS, "checkpoint").catch(() => null);
    if (checkpoint && page === this.#page && !this.#deps.signal.aborted) this.#saveCheckpoint(checkpoint);
  }

  #saveCheckpoint(checkpoint: Checkpoint): void {
    if (!this.#mayReopen) return;
    this.#checkpoint = checkpoint;
    const text = JSON.stringify(checkpoint);
    if (text === this.#savedText) return;
    this.#savedText = text;
    this.#deps.saveResumeState({ checkpoint });
  }

  async #close(page: ChallengePage): Promise<void> {
    await page.close().catch((error: unknown) => this.#deps.log.error({ err: error }, "page could not be closed"));
  }
}

function storageOf(request: OpenPageRequest): Checkpoint["storage_state"] {
  return ("url" in request && request.storage_state) || null;
}
