/** Watches many sessions at once with a bounded number of requests. */
import type { SessionResult } from "../protocol/rest.ts";
import type { CaptchaRemoteClient } from "./client.ts";
import { CaptchaRemoteError } from "./errors.ts";
import { SHORT_POLL_SECONDS, type Turn, type WaitOptions } from "./wait.ts";

export interface PoolOptions {
  /** Requests under way at a time; 20 when left out, as many as a server has sessions by default. */
  readonly mostRequests?: number;
  /** Sessions watched at a time; 1,000 when left out. */
  readonly mostWatched?: number;
}

const MOST_REQUESTS = 20;
const MOST_WATCHED = 1_000;

/**
 * Long polls that take turns of 2 s. Not operator sockets: joining one takes control where nobody holds it, and a bot
 * has no hands in this.
 */
export class ConnectionPool {
  readonly #client: CaptchaRemoteClient;
  readonly #mostWatched: number;
  readonly #stop = new AbortController();
  /** Who waits for a turn, longest first. */
  readonly #queue = new Set<() => void>();
  #free: number;
  #size = 0;

  constructor(
    client: CaptchaRemoteClient,
    { mostRequests = MOST_REQUESTS, mostWatched = MOST_WATCHED }: PoolOptions = {},
  ) {
    if (!(mostRequests >= 1)) throw new TypeError("mostRequests: at least 1");
    this.#client = client;
    this.#free = mostRequests;
    this.#mostWatched = mostWatched;
  }

  /** Sessions that are watched. */
  get size(): number {
    return this.#size;
  }

  /**
   * The session's result, as from `waitUntilDone`. With more sessions than requests an end is noticed within as many
   * turns as it takes to ask for all. CaptchaRemoteError capacity above `mostWatched`.
   */
  async watch(id: string, options: WaitOptions = {}): Promise<SessionResult> {
    const stop = this.#stop.signal;
    stop.throwIfAborted();
    if (this.#size >= this.#mostWatched) {
      throw new CaptchaRemoteError("capacity", `This pool watches ${this.#mostWatched} sessions already.`);
    }
    const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
    this.#size += 1;
    try {
      return await this.#client.waitInTurn(id, { ...options, signal }, this.#turn);
    } finally {
      this.#size -= 1;
    }
  }

  /** Ends every watch, each with an AbortError; the sessions themselves go on. */
  close(): void {
    this.#stop.abort(new DOMException("The pool is closed.", "AbortError"));
  }

  readonly #turn: Turn = async (poll, signal) => {
    await this.#acquire(signal);
    try {
      return await poll(SHORT_POLL_SECONDS);
    } finally {
      this.#release();
    }
  };

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

  /** The turn goes to whoever has waited longest. */
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
