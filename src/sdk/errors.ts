/** The error that the SDK rejects with: a code of the server's table, and the facts about it. */
import type { Code } from "../errors.ts";

export interface ErrorFacts {
  /** HTTP status; null where no server has answered. */
  readonly status?: number | null;
  readonly details?: Record<string, unknown> | null;
  /** How long the server asked the client to wait, in ms. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** A request was refused, failed or took too long. An abort is no such error: it rejects with the signal's own reason, as in `fetch`. */
export class CaptchaRemoteError extends Error {
  override readonly name = "CaptchaRemoteError";
  /** A newer server may send codes that this table does not have yet. */
  readonly code: Code;
  readonly status: number | null;
  /** Which field and why, from the server. */
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

/** For an answer without a code of the server's, such as a proxy's. */
const CODE_BY_STATUS: Readonly<Record<number, Code>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  413: "payload_too_large",
  429: "rate_limited",
};

/** An answer that is a refusal, as an error. */
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

/** Whether it may well go better a little later: nobody answered, the server is not itself, or it is asked too often. */
export function isTransient(error: unknown): error is CaptchaRemoteError {
  if (!(error instanceof CaptchaRemoteError)) return false;
  return error.code === "server_unreachable" || error.status === 429 || (error.status ?? 0) >= 500;
}

/** The `error` of an answer, if it has the shape of one. */
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
