/** Watches many sessions at once with a bounded number of requests. */
import type { SessionResult } from "../protocol/rest.ts";
import type { CaptchaRemoteClient } from "./client.ts";
import { CaptchaRemoteError } from "./errors.ts";
import { type SessionChanges, SessionWatcher } from "./session-watcher.ts";
import { SHORT_POLL_SECONDS, type Turn, type WaitOptions } from "./wait.ts";

export interface PoolOptions {
  /** Requests under way at a time; 20 when left out, as many as a server has sessions by default. */
  readonly mostRequests?: number;
  /** Sessions watched at a time; 1,000 when left out. */
  readonly mostWatched?: number;
}

const MOST_REQUESTS = 20;
const MOST_WATCHED = 1_000;
/** With this many sessions or more, one events socket serves all of them [R18]. */
const FEED_FROM = 3;

/**
 * Watches many sessions over one events socket, or without one by long polls that take turns of 2 s. It does not use
 * operator sockets: a client that joins one takes control when nobody has it, and a bot must not.
 */
export class ConnectionPool {
  readonly #client: CaptchaRemoteClient;
  readonly #mostWatched: number;
  readonly #stop = new AbortController();
  /** Watches that wait for a turn, longest first. */
  readonly #queue = new Set<() => void>();
  #free: number;
  #size = 0;
  /** Null: this engine has no WebSocket. */
  #watcher: SessionWatcher | null | undefined;

  constructor(
    client: CaptchaRemoteClient,
    { mostRequests = MOST_REQUESTS, mostWatched = MOST_WATCHED }: PoolOptions = {},
  ) {
    if (!(mostRequests >= 1)) throw new TypeError("mostRequests: at least 1");
    this.#client = client;
    this.#free = mostRequests;
    this.#mostWatched = mostWatched;
  }

  /** Number of sessions that are watched now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Resolves with the session's result, like `waitUntilDone`. With more sessions than requests, an end is noticed within as
   * many turns as it takes to poll all of them. CaptchaRemoteError: also capacity, above `mostWatched`.
   */
  async watch(id: string, options: WaitOptions = {}): Promise<SessionResult> {
    const stop = this.#stop.signal;
    stop.throwIfAborted();
    if (this.#size >= this.#mostWatched) {
      throw new CaptchaRemoteError("capacity", `This pool watches ${this.#mostWatched} sessions already.`);
    }
    const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
    this.#size += 1;
    if (this.#size >= FEED_FROM) this.#watcher ??= this.#follow();
    const turn = this.#turnOf(id);
    try {
      return await this.#client.waitInTurn(id, { ...options, signal }, turn.take);
    } finally {
      turn.stop();
      this.#size -= 1;
      // An open socket would keep the program running.
      if (this.#size === 0) this.#unfollow();
    }
  }

  /** Ends every watch, each with an AbortError; the sessions themselves go on. */
  close(): void {
    this.#unfollow();
    this.#stop.abort(new DOMException("The pool is closed.", "AbortError"));
  }

  /** With a feed, each poll waits for a change of the session and returns at once. */
  #turnOf(id: string): { take: Turn; stop: () => void } {
    let changes: SessionChanges | undefined;
    const take: Turn = async (look, signal) => {
      if (changes && this.#watcher?.isLive) await changes.next(signal);
      // From here on no change is missed; the first poll covers those before.
      changes ??= this.#watcher?.changesOf(id);
      await this.#acquire(signal);
      try {
        return await look(this.#watcher?.isLive ? 0 : SHORT_POLL_SECONDS);
      } finally {
        this.#release();
      }
    };
    return { take, stop: () => changes?.stop() };
  }

  /** Null without a WebSocket; the pool then polls. */
  #follow(): SessionWatcher | null {
    return globalThis.WebSocket ? new SessionWatcher(this.#client.feed()) : null;
  }

  #unfollow(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #acquire(signal: AbortSignal | undefined): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#queue.delete(onTurn);
        reject(signal?.reason);
      };
      const onTurn = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#queue.add(onTurn);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Passes the turn to the watch that has waited longest. */
  #release(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
