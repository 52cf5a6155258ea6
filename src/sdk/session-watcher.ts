/** Who waits for news of a session: told by the feed, or woken where that cannot tell any more. */
import type { EventFeed } from "../client/event-feed.js";
import { delay } from "./delay.ts";

/** Without any news it is looked all the same: what a feed misses must not be waited for without end. */
const LOOK_EVERY_MS = 30_000;

interface Waiter {
  isTold: boolean;
  wake: () => void;
}

export class SessionNews {
  readonly #feed: EventFeed;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(feed: EventFeed) {
    this.#feed = feed;
    feed.on("sessions", ({ data }) => "session_id" in data && this.#tell(this.#waiters.get(data.session_id)));
    feed.onNews("gap", () => this.#tellAll());
    feed.onNews("state", () => this.#tellAll());
  }

  get isLive(): boolean {
    return this.#feed.isLive;
  }

  /** What is told of this session from now on is not missed between two waits. */
  of(id: string): { next(signal: AbortSignal | undefined): Promise<void>; stop(): void } {
    const waiter: Waiter = { isTold: false, wake: () => {} };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    return {
      next: (signal) => untilTold(waiter, signal),
      stop: () => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(id);
      },
    };
  }

  close(): void {
    this.#feed.close();
  }

  #tellAll(): void {
    for (const waiters of this.#waiters.values()) this.#tell(waiters);
  }

  #tell(waiters: ReadonlySet<Waiter> | undefined): void {
    for (const waiter of waiters ?? []) {
      waiter.isTold = true;
      waiter.wake();
    }
  }
}

async function untilTold(waiter: Waiter, signal: AbortSignal | undefined): Promise<void> {
  const woken = new AbortController();
  waiter.wake = () => woken.abort();
  if (!waiter.isTold) {
    const stop = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
    await delay(LOOK_EVERY_MS, stop).catch(() => {});
  }
  waiter.wake = () => {};
  waiter.isTold = false;
  signal?.throwIfAborted();
}
