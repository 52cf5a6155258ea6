/** Caches for a short time what names resolve to: a page asks for each of its hosts many times. */
import type { Resolve } from "./resolver.ts";

/** As long as browsers cache names, or less: the addresses of most sites may change within minutes. */
const CACHED_MS = 30_000;
const MAX_NAMES = 500;

interface Entry {
  readonly at: number;
  readonly addresses: Promise<readonly string[]>;
}

/** Adds a cache to a resolver. Callers at the same time share one question; a fresh answer needs none. Failures are not cached. */
export function cachedResolver(resolve: Resolve, now: () => number = () => performance.now()): Resolve {
  const known = new Map<string, Entry>();
  return (name) => {
    const fresh = known.get(name);
    if (fresh && now() - fresh.at < CACHED_MS) return fresh.addresses;
    const asked = { at: now(), addresses: resolve(name) };
    known.delete(name);
    known.set(name, asked);
    const [oldest] = known.keys();
    if (known.size > MAX_NAMES && oldest !== undefined) known.delete(oldest);
    // The callers that wait get the failure; the next call asks again.
    asked.addresses.catch(() => known.get(name) === asked && known.delete(name));
    return asked.addresses;
  };
}
