/** Tickets [R16]: an operator link's token or a key is traded for one before each socket, as a browser's socket carries no header. */
import { ConnectRefusal } from "./connect-refusal.ts";

/** The subprotocol that a socket offers beside its picture format [W23]. */
export const TICKET_PROTOCOL_PREFIX = "captcha.ticket.";

/** The close code that a socket would have had for an HTTP status. Any other status below 500 is final: `REFUSED`. */
const CLOSE_CODES: Readonly<Record<number, number>> = { 401: 4401, 404: 4404, 410: 4410, 429: 4429 };
const REFUSED = 4403;
const SERVER_BUSY = 1013;

export interface TicketRequest {
  /** The address of the API, up to and with `/api/captcha`. */
  readonly api: string;
  readonly sessionId: string;
  /** The token of an operator link, or a key. */
  readonly bearer: string;
  readonly signal: AbortSignal;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** The JSON that is read of an answer. */
interface AnswerBody {
  readonly ticket?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown } | undefined;
}

/**
 * A ticket for one socket. It is good for 30 s.
 * ConnectRefusal: the server's refusal, or that no server has answered.
 */
export async function fetchTicket({
  api,
  sessionId,
  bearer,
  signal,
  fetch = globalThis.fetch,
}: TicketRequest): Promise<string> {
  const { response, body } = await send(fetch, `${api}/session/${encodeURIComponent(sessionId)}/ticket`, {
    method: "POST",
    headers: { accept: "application/json", authorization: `Bearer ${bearer}` },
    cache: "no-store",
    signal,
  });
  if (response.ok && typeof body?.ticket === "string") return body.ticket;
  throw refusalOf(response, body?.error);
}

async function send(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
): Promise<{ response: Response; body: AnswerBody | null }> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    return { response, body: parse(text) };
  } catch {
    throw new ConnectRefusal("The server cannot be reached.");
  }
}

function refusalOf({ ok, status, headers }: Response, error: AnswerBody["error"]): ConnectRefusal {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const wait = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {};
  const message = typeof error?.message === "string" ? error.message : `The server answers with HTTP ${status}.`;
  // A proxy answers in the server's place, or the server is not well: as if nobody had answered.
  if (ok || status >= 500)
    return new ConnectRefusal(message, "retryAfterMs" in wait ? { closeCode: SERVER_BUSY, ...wait } : {});
  const said = typeof error?.code === "string" ? { type: "error", details: null, ...error } : null;
  const closeCode = CLOSE_CODES[status] ?? REFUSED;
  return new ConnectRefusal(message, { closeCode, isFinal: status === 401, said, ...wait });
}

/** Null where it is no JSON. */
function parse(text: string): AnswerBody | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
