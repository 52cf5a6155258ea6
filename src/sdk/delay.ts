/** Waits that can be aborted, and the pause before the next try. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * The result of `work`, or the signal's reason as soon as it aborts, whichever is first. The work itself goes on then; its
 * late failure is swallowed.
 */
export function unlessAborted<T>(work: T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * The pause in ms before retry number `attempt`, from 1. It grows from 0.5 to 10 s, and is random in the upper half, so
 * that many bots do not retry at the same moment. It is never shorter than `retryAfterMs`, the server's request.
 */
export function backoff(attempt: number, retryAfterMs: number | null = null): number {
  const grown = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  const wait = (grown / 2) * (1 + Math.random());
  return retryAfterMs === null ? wait : Math.max(wait, retryAfterMs * (1 + Math.random() / 4));
}
