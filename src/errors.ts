/** The only table of codes. REST, sockets and clients use them for refusals, failures and ends of sessions. */
import { storageFailure } from "./storage/failure.ts";

interface CodeEntry {
  /** HTTP status, if the code can answer a request. */
  readonly status?: number;
  /** WebSocket close code, if the code closes a socket. */
  readonly close?: number;
  readonly message: string;
}

export const CODES = {
  invalid_message: { status: 400, message: "The message does not have the right shape." },
  unknown_type: { status: 400, message: "There is no message of this type." },
  unauthorized: { status: 401, close: 4401, message: "A valid key or link is needed." },
  forbidden: { status: 403, close: 4403, message: "That is not allowed here." },
  not_found: { status: 404, message: "There is no such route." },
  session_not_found: { status: 404, close: 4404, message: "There is no session with this id." },
  link_not_found: { status: 404, message: "The session has no such link, or it was revoked." },
  sound_not_found: { status: 404, message: "The page does not offer this sound, or not any more." },
  relay_not_found: { status: 404, close: 4404, message: "There is no relay with this id." },
  target_not_found: { status: 404, message: "No page of that browser matches." },
  session_exists: { status: 409, message: "A living session has this id." },
  not_ended: { status: 409, message: "The session has not ended yet." },
  already_reported: { status: 409, message: "The session was reported otherwise before." },
  not_in_control: { status: 409, message: "Another person is in control of this session." },
  claimed: { status: 409, message: "Another person has taken this session." },
  target_ambiguous: { status: 409, message: "More than one page of that browser matches." },
  page_in_use: { status: 409, message: "That page is already in a session." },
  window_gone: { status: 409, message: "The session has no such window any more." },
  question_gone: { status: 409, message: "Nothing waits for this answer any more." },
  session_ended: { status: 410, close: 4410, message: "The session has ended." },
  page_closed: { status: 410, message: "The page closed itself." },
  payload_too_large: { status: 413, close: 1009, message: "The message is too large." },
  file_not_accepted: { status: 422, message: "The page does not take such a file." },
  url_not_allowed: { status: 422, message: "This URL may not be opened." },
  rate_limited: { status: 429, close: 4429, message: "Too many messages in too short a time." },
  relay_replaced: { close: 4409, message: "Another socket carries this relay now." },
  relay_violation: { close: 4400, message: "That may not come over a relay." },
  lagging: { close: 4408, message: "What is sent is not read fast enough." },
  internal: { status: 500, message: "Something went wrong in the server." },
  page_crashed: { status: 500, message: "The page crashed." },
  browser_lost: { status: 500, message: "The browser of this session is gone." },
  navigation_failed: { status: 502, message: "The page could not be opened." },
  cdp_unreachable: { status: 502, message: "The browser's debugging endpoint does not answer." },
  browser_unavailable: { status: 503, message: "No browser could be started." },
  capacity: { status: 503, close: 1013, message: "All sessions are taken; try again later." },
  storage_unavailable: { status: 503, message: "The server cannot write to its storage." },
  shutting_down: { status: 503, close: 1001, message: "The server is shutting down." },
  timeout: { status: 504, message: "The time is up." },

  server_unreachable: { message: "The server does not answer." },
  sockets_blocked: { message: "The server answers, but no WebSocket gets through to it." },
  page_unresponsive: { message: "The page does not answer at the moment." },
  page_not_visible: { message: "The page is in a background tab." },
  cancelled_by_bot: { message: "The bot cancelled the session." },
  operator_gave_up: { message: "The operator could not clear the challenge." },
  rules_met: { message: "The completion rules held." },
  operator_done: { message: "The operator said that it is done." },
  rules_not_met: { message: "The page does not look solved yet." },
  confirm_needed: { message: "The page does not look solved yet: the operator has to say once more that it is done." },
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof CODES;

/** An error on the wire. The sender adds `timestamp`: ISO 8601 on REST, ms since 1970 on sockets. */
export interface WireError {
  code: Code;
  message: string;
  details: Record<string, unknown> | null;
}

/** An error with a code of the table. It may be sent to clients unchanged. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: Code;
  /** Facts about the error, such as `field` and `why`; never secrets. */
  readonly details: Record<string, unknown> | null;

  constructor(code: Code, details?: Record<string, unknown>, options?: { message?: string; cause?: unknown }) {
    super(options?.message ?? CODES[code].message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details ?? null;
  }

  /** The HTTP status; 500 for a code that has none. */
  get status(): number {
    return codeEntry(this.code).status ?? 500;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, details: this.details };
  }
}

export function codeEntry(code: Code): CodeEntry {
  return CODES[code];
}

/** Any thrown value as an AppError. A failed write to storage becomes `storage_unavailable`; an unforeseen error becomes `internal`, and only the log has its text. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(storageFailure(error) ? "storage_unavailable" : "internal", undefined, { cause: error });
}
