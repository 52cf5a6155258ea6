/** Supervises a session's page: opens it, resumes it, opens it again after a crash, and closes it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AppError, type Code, toAppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { ChallengePage, OpenPage, PageEvents, ResumablePage, ResumePage } from "../ports/page.ts";
import type { OpenPageRequest } from "../ports/page-request.ts";
import type { Checkpoint, ResumeState } from "../ports/resume-state.ts";

/** A page that crashes more often is not opened again: it would crash again. */
const MOST_REOPENINGS = 3;
const CHECKPOINT_EVERY_MS = 5_000;
const CHECKPOINT_DEADLINE_MS = 3_000;
/** [W2] How long older clients wait for a page that is still starting. */
const WAIT_FOR_PAGE_MS = 5_000;

/** How a page is opened, for the first time and after a crash. */
export interface PageOpener {
  readonly open: OpenPage;
  readonly request: OpenPageRequest;
}

interface PageSupervisorDeps extends PageOpener {
  readonly events: PageEvents;
  readonly saveResumeState: (parts: Partial<ResumeState>) => void;
  readonly log: Logger;
  /** Aborted at the end of the session. */
  readonly signal: AbortSignal;
  /** The page is ready, for the first time or again. */
  readonly onReady: (page: ChallengePage) => Promise<void>;
  /** The page was lost with this code, and is being opened again. */
  readonly onLost: (code: Code) => void;
  /** The page is open again; called after onReady. */
  readonly onReopened: () => void;
}

export class PageSupervisor {
  readonly #deps: PageSupervisorDeps;
  #page: ChallengePage | null = null;
  #opened: Promise<void> = Promise.resolve();
  /** Settles when the last crashed page is closed. */
  #closing: Promise<void> = Promise.resolve();
  #reopenings = 0;
  #checkpoint: Checkpoint | null = null;
  #savedText = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PageSupervisorDeps) {
    this.#deps = deps;
  }

  /** Null while the page is being opened. */
  get page(): ChallengePage | null {
    return this.#page;
  }

  /** Opens the page. Resolves when it is ready or the session is over. Rejects as OpenPage does. */
  open(): Promise<void> {
    const { open, request, events, signal } = this.#deps;
    this.#saveCheckpoint({ url: "url" in request ? request.url : "", storage_state: storageOf(request) });
    return this.#begin(() => open(request, events, signal));
  }

  /**
   * Resumes the page of an earlier server; a lost one is opened again with on_crash `reopen`. Rejects as ResumePage
   * does.
   */
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

  /**
   * Opens the lost page again; resolves when it is ready. Null if it is not to be: it had not opened yet, on_crash is
   * not `reopen`, or it was lost too often.
   */
  reopen(code: Code): Promise<void> | null {
    const lost = this.#page;
    if (!lost || !this.#mayReopenAfter(code)) return null;
    clearInterval(this.#timer);
    this.#page = null;
    // Both use the same profile folder.
    this.#closing = this.#close(lost);
    return this.#openReplacement(code);
  }

  /** Resolves when the page is ready, cannot be opened, or takes too long. Never rejects. */
  async ready(): Promise<void> {
    if (this.#page || this.#deps.signal.aborted) return;
    const late = delay(WAIT_FOR_PAGE_MS, undefined, { ref: false });
    await Promise.race([this.#opened, late]).catch(() => {});
  }

  /** Closes the page; resolves when it and pages lost before are closed. */
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

  /** Takes a checkpoint; if it fails, the last one stays. */
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
