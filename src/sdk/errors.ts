/** The error that the SDK rejects with: a code of the server's table, and the facts about it. */
import type { Code } from "../errors.ts";

export interface ErrorFacts {
  /** HTTP status; null if no server has answered. */
  readonly status?: number | null;
  readonly details?: Record<string, unknown> | null;
  /** How long the server asked the client to wait, in ms. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** A request that was refused, failed or took too long. An aborted call rejects with the signal's reason instead, as in `fetch`. */
export class CaptchaRemoteError extends Error {
  override readonly name = "CaptchaRemoteError";
  /** A newer server may send codes that this table does not have yet. */
  readonly code: Code;
  readonly status: number | null;
  /** The server's facts about the error, such as `field` and `why`. */
  readonly details: Record<string, unknown> | null;
  readonly retryAfterMs: number | null;

  constructor(code: Code, message: string, { status, details, retryAfterMs, cause }: ErrorFacts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status ?? null;
    this.details = details ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

/** The codes for answers that have none of the server's, such as a proxy's. */
const CODE_BY_STATUS: Readonly<Record<number, Code>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  413: "payload_too_large",
  429: "rate_limited",
};

/** The error for an answer that is not 2xx. `retryAfter` is the header, in s; `text` is the body. */
export function errorOf(status: number, retryAfter: string | null, text: string): CaptchaRemoteError {
  const seconds = Number(retryAfter ?? Number.NaN);
  const facts = { status, retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : null };
  const { code, message, details } = wireError(text) ?? {};
  if (typeof code === "string") {
    const known = code as Code;
    return new CaptchaRemoteError(known, typeof message === "string" ? message : code, {
      ...facts,
      details: isRecord(details) ? details : null,
    });
  }
  const fallback = status >= 500 ? "server_unreachable" : (CODE_BY_STATUS[status] ?? "invalid_message");
  return new CaptchaRemoteError(fallback, `The server's address answers with HTTP ${status}.`, facts);
}

/** Whether a retry may succeed: the server did not answer, failed (5xx), or limits the rate (429). */
export function isTransient(error: unknown): error is CaptchaRemoteError {
  if (!(error instanceof CaptchaRemoteError)) return false;
  return error.code === "server_unreachable" || error.status === 429 || (error.status ?? 0) >= 500;
}

/** The `error` of an answer's body; null if the body has none. */
function wireError(text: string): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) && isRecord(body["error"]) ? body["error"] : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
