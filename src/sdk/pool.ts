/** Watches many sessions at once with a bounded number of requests. */
import type { SessionResult } from "../protocol/rest.ts";
import type { CaptchaRemoteClient } from "./client.ts";
import { CaptchaRemoteError } from "./errors.ts";
import { SessionNews } from "./session-watcher.ts";
import { SHORT_POLL_SECONDS, type Turn, type WaitOptions } from "./wait.ts";

export interface PoolOptions {
  /** Requests under way at a time; 20 when left out, as many as a server has sessions by default. */
  readonly mostRequests?: number;
  /** Sessions watched at a time; 1,000 when left out. */
  readonly mostWatched?: number;
}

const MOST_REQUESTS = 20;
const MOST_WATCHED = 1_000;
/** From so many sessions on one events socket is told of all of them [R18]. */
const NEWS_FROM = 3;

/**
 * One events socket where many are watched; where there is none, long polls that take turns of 2 s. Not operator sockets: joining one takes control where nobody holds it, and a bot
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
  #news: SessionNews | null | undefined;

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
    if (this.#size >= NEWS_FROM) this.#news ??= this.#follow();
    const turn = this.#turnOf(id);
    try {
      return await this.#client.waitInTurn(id, { ...options, signal }, turn.take);
    } finally {
      turn.stop();
      this.#size -= 1;
      // An open socket would keep the program from its end.
      if (this.#size === 0) this.#unfollow();
    }
  }

  /** Ends every watch, each with an AbortError; the sessions themselves go on. */
  close(): void {
    this.#unfollow();
    this.#stop.abort(new DOMException("The pool is closed.", "AbortError"));
  }

  /** With a feed a look is taken when there is news of the session, and answered at once. */
  #turnOf(id: string): { take: Turn; stop: () => void } {
    let news: ReturnType<SessionNews["of"]> | undefined;
    const take: Turn = async (look, signal) => {
      if (news && this.#news?.isLive) await news.next(signal);
      // From here on nothing is missed; the first look is for what was before.
      news ??= this.#news?.of(id);
      await this.#acquire(signal);
      try {
        return await look(this.#news?.isLive ? 0 : SHORT_POLL_SECONDS);
      } finally {
        this.#release();
      }
    };
    return { take, stop: () => news?.stop() };
  }

  /** Null where there is no WebSocket: then the polls have to do. */
  #follow(): SessionNews | null {
    return globalThis.WebSocket ? new SessionNews(this.#client.feed()) : null;
  }

  #unfollow(): void {
    this.#news?.close();
    this.#news = undefined;
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
