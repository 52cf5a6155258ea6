// What travels on the chat server's WebSocket: JSON objects, requests with a path in `lwp`, answers with a `code`.

export const PATHS = {
  register: "/reg",
  sync: "/r/SyncStatus/ackDiff",
  heartbeat: "/!",
  send: "/r/MessageSend/sendByReceiverScope",
  /** From the server: a message that somebody wrote. Answered with code 200 once it is dealt with. */
  push: "/s/sync",
} as const;

export const OK = 200;
/** The token is not, or no longer, good. */
export const STALE = 401;

export const HEARTBEAT_MS = 15_000;
/** The server drops who has been silent for so long. */
export const SILENT_FOR_MS = 30_000;

/** An answer has the `mid` of its request. */
export interface Headers {
  readonly mid: string;
}

export interface Request {
  readonly lwp: string;
  readonly headers: Headers;
  readonly body?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly code: number;
  readonly headers: Headers;
  readonly body?: Readonly<Record<string, string>>;
}

export type Frame = Request | Answer;

const LONGEST_MID = 64;

/** Null: this is no frame. */
export function parseFrame(text: string): Frame | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  return isRecord(frame) && hasShape(frame) ? (frame as unknown as Frame) : null;
}

export function isRequest(frame: Frame): frame is Request {
  return "lwp" in frame;
}

function hasShape({ lwp, code, headers, body = {} }: Record<string, unknown>): boolean {
  const isOneOfTwo = (typeof lwp === "string" && code === undefined) || (Number.isInteger(code) && lwp === undefined);
  const mid = isRecord(headers) ? headers["mid"] : null;
  const hasMid = typeof mid === "string" && mid.length > 0 && mid.length <= LONGEST_MID;
  return isOneOfTwo && hasMid && isRecord(body) && Object.values(body).every((value) => typeof value === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
