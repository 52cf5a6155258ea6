/** What is put right once a minute: records and ends that could not be written or told, and what is kept no longer. */
import type { Logger } from "pino";
import { tellUntold } from "./comeback.ts";
import type { EventFeed } from "./event-feed.ts";

import type { PageMemory } from "./page-memory.ts";
import type { SessionRecord, SessionStore } from "./store.ts";

const SWEEP_MS = 60_000;
/** Events are for streams that resume; what a session came to stays as long as the session. */
const EVENT_RETENTION_MS = 3_600_000;

export interface HousekeepingDeps {
  readonly store: SessionStore;
  readonly events: EventFeed;
  readonly log: Logger;
  readonly retentionSeconds: number;
  /** Whether a session's end is still on its way: its storage state is being kept. */
  readonly isReleasing: (uid: string) => boolean;
  readonly sweepEveryMs?: number | undefined;
}

export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  /**
   * What the store could not write (disk full, say), by uid. Not more than the sessions that lived at that time: where
   * nothing can be written none is made.
   */
  readonly #unsaved = new Map<string, SessionRecord>();
  readonly #timer: NodeJS.Timeout;

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
    this.#sweep();
    this.#timer = setInterval(() => this.#sweep(), deps.sweepEveryMs ?? SWEEP_MS);
    this.#timer.unref();
  }

  /** Saves a record. A store that cannot write is told in the log, and tried again with what the record is then. */
  save(record: SessionRecord): void {
    try {
      this.#deps.store.save(record);
      this.#unsaved.delete(record.uid);
    } catch (error) {
      this.#unsaved.set(record.uid, record);
      this.#deps.log.error({ err: error, session_id: record.session_id }, "session could not be stored");
    }
  }

  /** Keeps what is needed to come back to a page: without it the session ends with this server. */
  remember({ uid, session_id }: SessionRecord, memory: Partial<PageMemory>): void {
    try {
      this.#deps.store.remember(uid, memory);
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
    this.#saveAgain();
  }

  /** A store that cannot be read or written is told in the log, and asked again the next time. */
  #sweep(): void {
    const { store, events, log, retentionSeconds, isReleasing } = this.#deps;
    try {
      this.#saveAgain();
      tellUntold(store, events, isReleasing);
      store.removeEndedBefore(Date.now() - retentionSeconds * 1_000);
      store.events.removeBefore(Date.now() - EVENT_RETENTION_MS);
    } catch (error) {
      log.error({ err: error }, "the store could not be swept");
    }
  }

  #saveAgain(): void {
    for (const record of [...this.#unsaved.values()]) this.save(record);
  }
}
