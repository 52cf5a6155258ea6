/** What is put right later: records and ends that could not be written or told, and what is kept no longer. */
import type { Logger } from "pino";
import type { EventPublisher } from "../events/event-publisher.ts";
import { publishMissedEnds } from "./lifecycle/resume.ts";
import type { ResumeState } from "./ports/resume-state.ts";
import type { SessionRecord, SessionStore } from "./ports/store.ts";

const SWEEP_MS = 60_000;
/** While something is not stored: a bot waits to be told of it, and a try that fails costs next to nothing. */
const RETRY_MS = 2_000;
/** Events are for streams that resume; what a session came to stays as long as the session. */
const EVENT_RETENTION_MS = 3_600_000;

export interface StoreMaintenanceDeps {
  readonly store: SessionStore;
  readonly events: EventPublisher;
  readonly log: Logger;
  readonly retentionSeconds: number;
  /** Whether a session's end is still on its way: its storage state is being kept. */
  readonly isReleasing: (uid: string) => boolean;
  readonly sweepEveryMs?: number | undefined;
}

export class StoreMaintenance {
  readonly #deps: StoreMaintenanceDeps;
  /**
   * What the store could not write (disk full, say), by uid. Not more than the sessions that lived at that time: where
   * nothing can be written none is made.
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

  /** Saves a record. What cannot be written is told in the log, once, and tried again with what the record is then. */
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

  /** Keeps what is needed to come back to a page: without it the session ends with this server. */
  saveResumeState({ uid, session_id }: SessionRecord, parts: Partial<ResumeState>): void {
    try {
      this.#deps.store.saveResumeState(uid, parts);
    } catch (error) {
      this.#deps.log.error({ err: error, session_id }, "what a restart needs could not be stored");
    }
  }

  /** The newest record with this session_id: its end too where that is not stored yet. */
  find(sessionId: string): SessionRecord | undefined {
    const stored = this.#deps.store.find(sessionId);
    return stored && (this.#unsaved.get(stored.uid) ?? stored);
  }

  /** What still is not stored is tried once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#retrySaves();
    clearTimeout(this.#retryTimer);
  }

  /** A store that cannot be read or written is told in the log, and asked again the next time. */
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

  /** The ends among what can be stored now are told. */
  #retryEnds(): void {
    const { store, events, isReleasing } = this.#deps;
    this.#retrySaves();
    publishMissedEnds(store, events, isReleasing);
  }

  #retrySaves(): void {
    for (const record of [...this.#unsaved.values()]) this.save(record);
  }
}
