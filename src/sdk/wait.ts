/** Waits for a session's end by long polls, through lost networks and restarts of the server. */
import type { SessionState } from "../protocol/common.ts";
import type { SessionResult, SessionStatus } from "../protocol/rest.ts";
import { backoff, delay } from "./delay.ts";
import { CaptchaRemoteError, isTransient } from "./errors.ts";
import type { Http } from "./http.ts";

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told at the first look and at each change, within 2 s. What it throws ends the wait. */
  readonly onState?: ((state: SessionState, status: SessionStatus) => void) | undefined;
  /** A day when left out: the longest that any session may live. */
  readonly timeoutMs?: number | undefined;
  /** So long in a row, from the first try that fails, the server may be out of reach; 5 minutes when left out. */
  readonly unreachableMs?: number | undefined;
}

/** Does one look when its turn has come; it gets the most seconds that the look's poll may last. */
export type Turn = <T>(look: (seconds: number) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** [R6] The server's longest. */
const LONGEST_POLL_SECONDS = 50;
/** A poll answers at the session's end only: who wants to hear of other states, or shares turns, renews it so often. */
export const SHORT_POLL_SECONDS = 2;
/** No session lives longer. */
export const LONGEST_WAIT_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_UNREACHABLE_MS = 5 * 60 * 1_000;
/** What an answer may take beyond the poll's own time. */
const ANSWER_MARGIN_MS = 10_000;
/** Something between us and the server may answer polls at once: then it is asked no more often than this. */
const LEAST_POLL_MS = 500;

const LIVING: ReadonlySet<SessionState> = new Set<SessionState>(["starting", "waiting", "active"]);

/**
 * The result, as soon as the session has ended in whatever way. CaptchaRemoteError: session_not_found, timeout,
 * server_unreachable, and what the server refuses for good, such as unauthorized.
 */
export async function waitForResult(
  http: Http,
  id: string,
  options: WaitOptions,
  turn: Turn = (look) => look(options.onState ? SHORT_POLL_SECONDS : LONGEST_POLL_SECONDS),
): Promise<SessionResult> {
  const { signal, onState, timeoutMs = LONGEST_WAIT_MS, unreachableMs = DEFAULT_UNREACHABLE_MS } = options;
  const path = encodeURIComponent(id);
  const end = performance.now() + timeoutMs;
  let failures = 0;
  let failingSince = 0;
  let told: SessionState | null = null;
  /** Answers the result of a session that has ended: in the same turn, so that no request is under way without one. */
  const look = async (most: number): Promise<SessionResult | null> => {
    // Its turn may have come a while later.
    const left = Math.min(most, (end - performance.now()) / 1_000);
    const status = await poll(http, path, left, signal);
    if (status.state === null) {
      throw new CaptchaRemoteError("session_not_found", "There is no session with this id.", { status: 404 });
    }
    if (status.state !== told) onState?.(status.state, status);
    told = status.state;
    return LIVING.has(told) ? null : http.call<SessionResult>("GET", `/session/${path}/result`, { signal });
  };
  for (;;) {
    const askedAt = performance.now();
    if (askedAt >= end) throw new CaptchaRemoteError("timeout", `The session had not ended after ${timeoutMs} ms.`);
    try {
      const result = await turn(look, signal);
      if (result) return result;
      failures = 0;
      const soon = LEAST_POLL_MS - (performance.now() - askedAt);
      if (soon > 0) await delay(soon, signal);
    } catch (error) {
      // An id that was given anew between the two requests: the new session is waited for.
      const isAnew = error instanceof CaptchaRemoteError && error.code === "not_ended";
      if (!isAnew && !isTransient(error)) throw error;
      failures += 1;
      if (failures === 1) failingSince = performance.now();
      if (performance.now() - failingSince >= unreachableMs) throw error;
      const wait = backoff(failures, error.retryAfterMs);
      await delay(Math.min(wait, Math.max(0, end - performance.now())), signal);
    }
  }
}

function poll(http: Http, path: string, seconds: number, signal: AbortSignal | undefined): Promise<SessionStatus> {
  const wait = Math.max(0, Math.floor(seconds * 10) / 10);
  return http.call("GET", `/status/${path}?wait=${wait}`, { signal, withinMs: wait * 1_000 + ANSWER_MARGIN_MS });
}
