/** Counts the failed authentications of each address within a minute, to stop guessing. */
import { addressKey } from "./address-key.ts";

const WINDOW_MS = 60_000;
/** How many addresses are remembered. Above it the one whose minute began first is forgotten, to bound the memory. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly startedAt: number;
  failures: number;
}

/**
 * Not @fastify/rate-limit: its limiter needs a request and answers asynchronously, so of guesses that are sent together
 * all would pass before the first one counts.
 */
export class FailedAuthentications {
  readonly #maxPerMinute: number;
  readonly #now: () => number;
  /** By address, in the order in which their minutes began. */
  readonly #windows = new Map<string, Window>();

  /** `now` in ms, monotonic. */
  constructor(maxPerMinute: number, now: () => number = () => performance.now()) {
    this.#maxPerMinute = maxPerMinute;
    this.#now = now;
  }

  /** Counts a failure of this address (request.ip). */
  count(ip: string | undefined): void {
    const key = addressKey(ip);
    const open = this.#open(key);
    if (open) {
      open.failures += 1;
      return;
    }
    // Removes what is over, oldest first; at least one if the map is full.
    for (const [oldest, { startedAt }] of this.#windows) {
      if (this.#windows.size < MAX_ADDRESSES && this.#now() - startedAt < WINDOW_MS) break;
      this.#windows.delete(oldest);
    }
    this.#windows.set(key, { startedAt: this.#now(), failures: 1 });
  }

  /** Whether this address has failed too often. To be asked only for an invalid key: a valid one is never refused. */
  isExceeded(ip: string | undefined): boolean {
    return (this.#open(addressKey(ip))?.failures ?? 0) >= this.#maxPerMinute;
  }

  get addresses(): number {
    return this.#windows.size;
  }

  #open(key: string): Window | undefined {
    const window = this.#windows.get(key);
    if (!window || this.#now() - window.startedAt < WINDOW_MS) return window;
    this.#windows.delete(key);
    return undefined;
  }
}
