/** [S11] Decides when a session needs a person: once its page is ready, but not while what the page shows works by itself. */
import type { SessionRecord } from "../ports/store.ts";

/** A spinner or a proof of work is done within this time, or a person should look at it. */
const WORKING_PATIENCE_MS = 8_000;

interface AttentionDeps {
  /** `needs_person` is changed here: to true, once. */
  readonly record: Pick<SessionRecord, "needs_person">;
  readonly isWorking: () => boolean;
  /** Left out: 8 s. */
  readonly patienceMs?: number | undefined;
  /** A session whose page was ready before needs a person now: the record is to be saved and published. */
  readonly onNeeded: () => void;
}

export class Attention {
  readonly #deps: AttentionDeps;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: AttentionDeps) {
    this.#deps = deps;
  }

  /** The page is ready, for the first time or again; the caller saves and publishes the record. */
  pageReady(): void {
    const { record, isWorking, patienceMs = WORKING_PATIENCE_MS } = this.#deps;
    if (record.needs_person) return;
    if (isWorking()) this.#timer ??= setTimeout(() => this.#need(), patienceMs);
    else this.#note();
  }

  /** What the page shows has changed. */
  challengeChanged(): void {
    if (this.#timer && !this.#deps.isWorking()) this.#need();
  }

  /** From now on nothing is decided any more: the session has ended. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #note(): void {
    this.stop();
    this.#deps.record.needs_person = true;
  }

  #need(): void {
    this.#note();
    this.#deps.onNeeded();
  }
}
