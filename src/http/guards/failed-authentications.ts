/** Who guesses: failed authentications of each address within a minute. */
import { addressKey } from "./address-key.ts";

const WINDOW_MS = 60_000;
/** Addresses that are remembered. Above it the one whose minute began first is forgotten: memory before justice. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly startedAt: number;
  failures: number;
}

/**
 * A map of our own: the limiter of @fastify/rate-limit asks for a request, and answers only after a promise, so that
 * guesses sent at once would all be let in before the first of them counts.
 */
export class FailedAuthentications {
  readonly #maxPerMinute: number;
  readonly #now: () => number;
  /** In the order in which their minutes began. */
  readonly #windows = new Map<string, Window>();

  /** `now` in ms, never going back. */
  constructor(maxPerMinute: number, now: () => number = () => performance.now()) {
    this.#maxPerMinute = maxPerMinute;
    this.#now = now;
  }

  /** One more from this address (request.ip). */
  count(ip: string | undefined): void {
    const key = addressKey(ip);
    const open = this.#open(key);
    if (open) {
      open.failures += 1;
      return;
    }
    // The oldest ones go first, one at least where the map is full.
    for (const [oldest, { startedAt }] of this.#windows) {
      if (this.#windows.size < MAX_ADDRESSES && this.#now() - startedAt < WINDOW_MS) break;
      this.#windows.delete(oldest);
    }
    this.#windows.set(key, { startedAt: this.#now(), failures: 1 });
  }

  /** Whether this address has failed too often. Ask after a valid key was let in: that one is never refused for it. */
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
