/** Waits for a session's end by long polls. The wait survives network failures and restarts of the server. */
import type { SessionState } from "../protocol/common.ts";
import type { SessionResult, SessionStatus } from "../protocol/rest.ts";
import { backoff, delay } from "./delay.ts";
import { CaptchaRemoteError, isTransient } from "./errors.ts";
import type { Http } from "./http.ts";

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the first state and with each new one, within 2 s. An error that it throws ends the wait. */
  readonly onState?: ((state: SessionState, status: SessionStatus) => void) | undefined;
  /** The limit in ms; when left out a day, the longest life of any session. */
  readonly timeoutMs?: number | undefined;
  /** How long the server may be unreachable, in ms from the first failed request; 5 minutes when left out. */
  readonly unreachableMs?: number | undefined;
}

/** Runs `look` when its turn has come. `seconds` is the longest time of its poll. */
export type Turn = <T>(look: (seconds: number) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** [R6] The longest poll that the server accepts. */
const LONGEST_POLL_SECONDS = 50;
/** A poll returns only at the session's end. It is renewed this often to see other states or to share turns. */
export const SHORT_POLL_SECONDS = 2;
/** The longest life of any session. */
export const LONGEST_WAIT_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_UNREACHABLE_MS = 5 * 60 * 1_000;
/** How long an answer may take beyond the poll's own time. */
const ANSWER_MARGIN_MS = 10_000;
/** The shortest time between two polls, as a proxy may answer them at once. */
const LEAST_POLL_MS = 500;

const LIVING: ReadonlySet<SessionState> = new Set<SessionState>(["starting", "waiting", "active"]);

/**
 * Resolves with the result as soon as the session has ended. CaptchaRemoteError: session_not_found, timeout,
 * server_unreachable, and refusals that no retry changes, such as unauthorized.
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
  let reported: SessionState | null = null;
  /** Polls, and fetches the result of an ended session in the same turn, so that no request is under way without one. */
  const look = async (most: number): Promise<SessionResult | null> => {
    // Waiting for the turn takes time.
    const left = Math.min(most, (end - performance.now()) / 1_000);
    const status = await poll(http, path, left, signal);
    if (status.state === null) {
      throw new CaptchaRemoteError("session_not_found", "There is no session with this id.", { status: 404 });
    }
    if (status.state !== reported) onState?.(status.state, status);
    reported = status.state;
    return LIVING.has(reported) ? null : http.call<SessionResult>("GET", `/session/${path}/result`, { signal });
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
      // Another session got the id between the two requests; wait for that one.
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
