/** Deadlines: every wait has an end. */
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";

/**
 * Returns the result of `work`. Throws AppError `timeout`, with `what`, after `ms` milliseconds, or what `signal` aborts
 * with. The work itself goes on; a late failure of it is ignored.
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string, signal?: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  work.catch(() => {});
  try {
    return await Promise.race([
      work,
      new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(signal?.reason);
        if (signal?.aborted) onAbort();
        signal?.addEventListener("abort", onAbort, { once: true });
        timer = setTimeout(() => reject(new AppError("timeout", { waiting_for: what, after_ms: ms })), ms);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Returns the result of `work`, or throws what `signal` aborts with. The work itself goes on; a late failure of it is
 * ignored.
 */
export async function unlessAborted<T>(work: T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks `done` every `everyMs`. Returns true as soon as it is true, and false after `withinMs`. */
export async function waitUntil(
  done: () => boolean | Promise<boolean>,
  withinMs: number,
  everyMs: number,
): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!(await done())) {
    if (performance.now() >= end) return false;
    await delay(everyMs);
  }
  return true;
}
