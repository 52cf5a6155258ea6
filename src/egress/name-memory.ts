/** Remembers for a moment what names resolve to: a page asks for each of its hosts many times. */
import type { Resolve } from "./resolver.ts";

/** As long as browsers remember, or less; the names of most sites may change within minutes. */
const REMEMBERED_MS = 30_000;
const MAX_NAMES = 500;

interface Remembered {
  readonly at: number;
  readonly addresses: Promise<readonly string[]>;
}

/** The same resolver with a memory: one question for who asks at the same time, none while the answer is fresh. */
export function remembering(resolve: Resolve, now: () => number = () => performance.now()): Resolve {
  const known = new Map<string, Remembered>();
  return (name) => {
    const fresh = known.get(name);
    if (fresh && now() - fresh.at < REMEMBERED_MS) return fresh.addresses;
    const asked = { at: now(), addresses: resolve(name) };
    known.delete(name);
    known.set(name, asked);
    const [oldest] = known.keys();
    if (known.size > MAX_NAMES && oldest !== undefined) known.delete(oldest);
    // A failure is told to who waits for it, and asked again by the next.
    asked.addresses.catch(() => known.get(name) === asked && known.delete(name));
    return asked.addresses;
  };
}
