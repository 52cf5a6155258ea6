/** Waits for changes of single sessions through one event feed. It wakes all waiters when the feed may have missed an event. */
import type { EventFeed } from "../client/event-feed.ts";
import { delay } from "./delay.ts";

/** The longest wait without an event, so that no wait is endless if the feed misses one. */
const LONGEST_QUIET_MS = 30_000;

/** One waiter for a session. `hasChanged` keeps a change that happens between two waits. */
interface Waiter {
  hasChanged: boolean;
  wake: () => void;
}

export interface SessionChanges {
  /** Resolves at the next change since the wait before, or after 30 s; rejects with the signal's reason. */
  next(signal: AbortSignal | undefined): Promise<void>;
  stop(): void;
}

export class SessionWatcher {
  readonly #feed: EventFeed;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(feed: EventFeed) {
    this.#feed = feed;
    feed.on("sessions", ({ data }) => "session_id" in data && this.#wake(this.#waiters.get(data.session_id)));
    feed.onNews("gap", () => this.#wakeAll());
    feed.onNews("state", () => this.#wakeAll());
  }

  get isLive(): boolean {
    return this.#feed.isLive;
  }

  /** The changes of a session from now on. Changes between two waits are kept. */
  changesOf(id: string): SessionChanges {
    const waiter: Waiter = { hasChanged: false, wake: () => {} };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    return {
      next: (signal) => untilChanged(waiter, signal),
      stop: () => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(id);
      },
    };
  }

  close(): void {
    this.#feed.close();
  }

  #wakeAll(): void {
    for (const waiters of this.#waiters.values()) this.#wake(waiters);
  }

  #wake(waiters: ReadonlySet<Waiter> | undefined): void {
    for (const waiter of waiters ?? []) {
      waiter.hasChanged = true;
      waiter.wake();
    }
  }
}

async function untilChanged(waiter: Waiter, signal: AbortSignal | undefined): Promise<void> {
  const woken = new AbortController();
  waiter.wake = () => woken.abort();
  if (!waiter.hasChanged) {
    const stop = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
    await delay(LONGEST_QUIET_MS, stop).catch(() => {});
  }
  waiter.wake = () => {};
  waiter.hasChanged = false;
  signal?.throwIfAborted();
}
