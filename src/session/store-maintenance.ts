/** Maintenance of the store: retries failed writes, publishes missed ends, and removes what has expired. */
import type { Logger } from "pino";
import type { EventPublisher } from "../events/event-publisher.ts";
import { publishMissedEnds } from "./lifecycle/resume.ts";
import type { ResumeState } from "./ports/resume-state.ts";
import type { SessionRecord, SessionStore } from "./ports/store.ts";

const SWEEP_MS = 60_000;
/**
 * Interval of retries while a record is not stored: a bot waits for its event, and a failing try costs next to nothing.
 */
const RETRY_MS = 2_000;
/** How long events stay for streams that resume. A session's end stays as long as the session. */
const EVENT_RETENTION_MS = 3_600_000;

export interface StoreMaintenanceDeps {
  readonly store: SessionStore;
  readonly events: EventPublisher;
  readonly log: Logger;
  readonly retentionSeconds: number;
  /** Whether the storage state of an ended session is still being stored: its end is published after that. */
  readonly isReleasing: (uid: string) => boolean;
  readonly sweepEveryMs?: number | undefined;
}

export class StoreMaintenance {
  readonly #deps: StoreMaintenanceDeps;
  /**
   * Records that the store could not write (disk full, say), by uid. At most as many as sessions lived then: none is
   * created while the store cannot write.
   */
  readonly #unsaved = new Map<string, SessionRecord>();
  readonly #timer: NodeJS.Timeout;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(deps: StoreMaintenanceDeps) {
    this.#deps = deps;
    this.#sweep();
    this.#timer = setInterval(() => this.#sweep(), deps.sweepEveryMs ?? SWEEP_MS);
    this.#timer.unref();
  }

  /** Saves a record. Never throws: a failure is logged once, and retried with what the record is by then. */
  save(record: SessionRecord): void {
    const { store, log } = this.#deps;
    const { uid, session_id } = record;
    try {
      store.save(record);
      if (this.#unsaved.delete(uid)) log.info({ session_id }, "session is stored now");
    } catch (error) {
      if (!this.#unsaved.has(uid)) log.error({ err: error, session_id }, "session could not be stored yet");
      this.#unsaved.set(uid, record);
      this.#retryTimer ??= setTimeout(() => this.#retryNow(), RETRY_MS).unref();
    }
  }

  /**
   * Stores parts of the resume state. Never throws: a failure is logged, and the session then ends with this server.
   */
  saveResumeState({ uid, session_id }: SessionRecord, parts: Partial<ResumeState>): void {
    try {
      this.#deps.store.saveResumeState(uid, parts);
    } catch (error) {
      this.#deps.log.error({ err: error, session_id }, "what a restart needs could not be stored");
    }
  }

  /** The newest record with this session_id, with its end even if that is not stored yet. */
  find(sessionId: string): SessionRecord | undefined {
    const stored = this.#deps.store.find(sessionId);
    return stored && (this.#unsaved.get(stored.uid) ?? stored);
  }

  /** Stops the timers and retries once more what is not stored. */
  stop(): void {
    clearInterval(this.#timer);
    this.#retrySaves();
    clearTimeout(this.#retryTimer);
  }

  /** A failure of the store is logged, and the next sweep tries again. */
  #sweep(): void {
    const { store, events, log, retentionSeconds } = this.#deps;
    try {
      this.#retryEnds();
      store.removeEndedBefore(Date.now() - retentionSeconds * 1_000);
      events.removeBefore(Date.now() - EVENT_RETENTION_MS);
    } catch (error) {
      log.error({ err: error }, "the store could not be swept");
    }
  }

  #retryNow(): void {
    this.#retryTimer = undefined;
    try {
      this.#retryEnds();
    } catch (error) {
      this.#deps.log.error({ err: error }, "ends could not be told yet");
    }
  }

  /** Retries the failed writes, then publishes the ends that are stored now. */
  #retryEnds(): void {
    const { store, events, isReleasing } = this.#deps;
    this.#retrySaves();
    publishMissedEnds(store, events, isReleasing);
  }

  #retrySaves(): void {
    for (const record of [...this.#unsaved.values()]) this.save(record);
  }
}
