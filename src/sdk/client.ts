/** The bot's client: creates sessions, hands on their links and waits for their results. */
import { EventFeed, type FeedOptions } from "../client/event-feed.ts";
import type { CodeAnswer, CodeResult } from "../protocol/code-answers.ts";
import type { SessionState } from "../protocol/common.ts";
import type { LinkAnswer, TicketAnswer } from "../protocol/links.ts";
import type { CreateSessionInput, SessionAnswer, SessionListItem, SessionResult } from "../protocol/rest.ts";
import type { CropLine, CropOptions, Croppable, Lent, Relay, RelayOptions } from "../relay/index.ts";
import { cancelCreation } from "./cancel-creation.ts";
import { backoff, delay, unlessAborted } from "./delay.ts";
import { CaptchaRemoteError, isTransient } from "./errors.ts";
import { type CallOptions, type ClientOptions, Http, type Method } from "./http.ts";
import { randomId, randomKey } from "./random.ts";
import { LONGEST_WAIT_MS, type Turn, type WaitOptions, waitForResult } from "./wait.ts";

/** Tries take 20 to 35 s together: enough for a server that is being deployed or is briefly full. Then the caller should know. */
const TRIES = 8;
/** The longest time of a timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface CreateOptions {
  readonly signal?: AbortSignal;
  /** Identifies this request: repeats with the same key open one session only. Drawn at random when left out. */
  readonly idempotencyKey?: string;
  /** The server answers at once, in `starting`, instead of when the page is ready. */
  readonly respondAsync?: boolean;
}

export interface SolveOptions extends WaitOptions {
  /** Gets the operator link, to hand it on. It is awaited; an error that it throws cancels the session. */
  readonly onLink: (controlUrl: string, session: SessionAnswer) => unknown;
  /** The limit of creating, handing on and waiting together, in ms. A day when left out. */
  readonly timeoutMs?: number | undefined;
  readonly idempotencyKey?: string;
  /**
   * [R32] The page that `cdp` names, as Playwright or Puppeteer has it: its bot then shows people the challenge alone. With
   * no `target_id` and no `url_contains` it also says which page it is. In Node only.
   */
  readonly page?: Croppable;
}

export interface LinkOptions extends SignalOption {
  /** `watch`: an operator sees the page and cannot act in it. */
  readonly role?: "control" | "watch";
  /** How long the link is valid; as long as a session may live when left out. */
  readonly ttlSeconds?: number;
  /** The answer has the link as a QR code too: a PNG, as a data URL. */
  readonly qr?: boolean;
}

export interface AnswerCodeOptions extends SignalOption {
  /** Sends the code, too; true when left out. */
  readonly submit?: boolean;
  /** Drawn at random when left out. */
  readonly idempotencyKey?: string;
}

export interface SignalOption {
  readonly signal?: AbortSignal;
}

export class CaptchaRemoteClient {
  readonly #options: ClientOptions;
  readonly #http: Http;

  /** Throws TypeError for a `baseUrl` that is not a URL. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#http = new Http(options);
  }

  /**
   * [R10] Opens a session; resolves when its page is ready. After a lost answer, and when the server is full (503 with
   * Retry-After), the request is repeated, at most 8 times within `timeoutMs`; the result always is one session.
   * CaptchaRemoteError: the server's code, or server_unreachable.
   */
  create(body: CreateSessionInput, options: CreateOptions = {}): Promise<SessionAnswer> {
    return this.#create(body, options, options.signal);
  }

  /**
   * [R6] [R11] Resolves with the result as soon as the session has ended; `outcome` says how. The wait survives network
   * errors and restarts of the server. CaptchaRemoteError: session_not_found, timeout, server_unreachable, or the server's refusal.
   */
  waitUntilDone(id: string, options: WaitOptions = {}): Promise<SessionResult> {
    return waitForResult(this.#http, id, options);
  }

  /** Like `waitUntilDone`, but each poll waits for its turn. `ConnectionPool` uses it. */
  waitInTurn(id: string, options: WaitOptions, turn: Turn): Promise<SessionResult> {
    return waitForResult(this.#http, id, options, turn);
  }

  /** [R11] The result of an ended session. CaptchaRemoteError: session_not_found, or not_ended before the end. */
  result(id: string, { signal }: SignalOption = {}): Promise<SessionResult> {
    return this.#repeat("GET", `/session/${encodeURIComponent(id)}/result`, { signal }, isTransient);
  }

  /**
   * [R23] Reports whether the outcome of an ended session was right; once for each session, while the server keeps it.
   * CaptchaRemoteError: session_not_found, not_ended, or already_reported if it was reported otherwise before.
   */
  async report(id: string, correct: boolean, note?: string, { signal }: SignalOption = {}): Promise<void> {
    const body = { correct, ...(note === undefined ? {} : { note }) };
    await this.#repeat("POST", `/session/${encodeURIComponent(id)}/report`, { body, signal }, isTransient);
  }

  /**
   * [R24] Types a one-time code that a person has given the bot into the page of a living session, and sends it unless
   * `submit` is false. A repeat with the same `idempotencyKey` is safe. CaptchaRemoteError: session_not_found,
   * session_ended, not_in_control (a person acts), rate_limited (5 a minute).
   */
  async answerCode(
    id: string,
    text: string,
    { submit = true, idempotencyKey = randomKey(), signal }: AnswerCodeOptions = {},
  ): Promise<CodeResult> {
    const request = { body: { text, submit }, headers: { "idempotency-key": idempotencyKey }, signal };
    const path = `/session/${encodeURIComponent(id)}/answer`;
    return (await this.#repeat<CodeAnswer>("POST", path, request, isTransient)).result;
  }

  /** [R12] The new deadline, ISO 8601. The request is not repeated: it could extend twice. */
  async extend(id: string, seconds: number, { signal }: SignalOption = {}): Promise<string> {
    const path = `/session/${encodeURIComponent(id)}/extend`;
    const answer = await this.#http.call<{ expires_at: string }>("POST", path, { body: { seconds }, signal });
    return answer.expires_at;
  }

  /** [R13] An operator link for one more person. The request is not repeated: it could make two. CaptchaRemoteError: also rate_limited. */
  createLink(id: string, { role, ttlSeconds, qr, signal }: LinkOptions = {}): Promise<LinkAnswer> {
    const body = { role, ttl_seconds: ttlSeconds, qr };
    return this.#http.call("POST", `/session/${encodeURIComponent(id)}/links`, { body, signal });
  }

  /** [R13] Disconnects the operators who joined by this link. CaptchaRemoteError link_not_found: also when it was revoked before. */
  async revokeLink(id: string, linkId: string, { signal }: SignalOption = {}): Promise<void> {
    const path = `/session/${encodeURIComponent(id)}/links/${encodeURIComponent(linkId)}`;
    await this.#http.call("DELETE", path, { signal });
  }

  /** [R16] A ticket that opens one operator socket within 30 s, as the subprotocol `captcha.ticket.` and the ticket. */
  ticket(id: string, { signal }: SignalOption = {}): Promise<TicketAnswer> {
    return this.#http.call("POST", `/session/${encodeURIComponent(id)}/ticket`, { signal });
  }

  /** [R7] Cancels a living session. Does nothing for an ended or unknown one. */
  async cancel(id: string, { signal }: SignalOption = {}): Promise<void> {
    await this.#repeat("DELETE", `/session/${encodeURIComponent(id)}`, { signal }, isTransient);
  }

  /** [R1] The living sessions, or those in the states of `state`. Newest first, at most 500. */
  async list(
    options: SignalOption & { readonly state?: SessionState | readonly SessionState[] } = {},
  ): Promise<SessionListItem[]> {
    const { state, signal } = options;
    const query = state === undefined ? "" : `?state=${[state].flat().join(",")}`;
    const answer = await this.#repeat<{ sessions: SessionListItem[] }>(
      "GET",
      `/sessions${query}`,
      { signal },
      isTransient,
    );
    return answer.sessions;
  }

  /**
   * [R28] Lends a page of the bot's browser to a server that cannot reach it: a Playwright page, the port of a debugging
   * endpoint, or its address. `create({ relay: relay.id })` opens a session on it. In Node only. RelayError: the server's
   * code, server_unreachable, cdp_unreachable, target_not_found, target_ambiguous, invalid_message.
   */
  async relay(lent: Lent, options: RelayOptions = {}): Promise<Relay> {
    const { startRelay } = await loadRelay();
    return startRelay(lent, this.#server, options);
  }

  /**
   * [R32] Shows the people of a session on this page, which `cdp` named, the challenge alone: faster, and nothing shows in
   * the page. It begins at once, ends with the session, and never fails it. Null where the bot emulates no viewport: then
   * people get the whole page, as without it. In Node only. RelayError: invalid_message (no open page of a Chromium).
   */
  async crop(id: string, page: Croppable, options: CropOptions = {}): Promise<CropLine | null> {
    const { openCrop } = await loadRelay();
    return (await openCrop(page, this.#server, options))?.begin(id) ?? null;
  }

  /** [R18] Events of many sessions, with this client's address and key. */
  feed(options: Partial<FeedOptions> = {}): EventFeed {
    const { baseUrl, apiKey } = this.#options;
    return new EventFeed({ baseUrl, ...(apiKey ? { apiKey } : {}), ...options });
  }

  /**
   * One POST, one link, back to work: creates the session, hands on the link, waits. When it is aborted, out of time
   * (CaptchaRemoteError timeout) or fails, it cancels the session, also one that is still being created.
   */
  async solve(body: CreateSessionInput, options: SolveOptions): Promise<SessionResult> {
    const { onLink, idempotencyKey, page, signal, timeoutMs = LONGEST_WAIT_MS, ...waiting } = options;
    signal?.throwIfAborted();
    if (page && !body.cdp) throw new TypeError("page: only with cdp");
    const toCrop = page ? await (await loadRelay()).openCrop(page, this.#server) : null;
    // The id is drawn here, so that the session can be cancelled before its answer arrives. Not with a key of the caller's:
    // requests that are repeated with it must be the same.
    const isDrawn = body.session_id === undefined && idempotencyKey === undefined;
    const named = toCrop ? namingPage(body, toCrop.targetId) : body;
    const request = isDrawn ? { ...named, session_id: randomId() } : named;
    let crop: CropLine | undefined;
    const late = new AbortController();
    const onLate = () => late.abort(new CaptchaRemoteError("timeout", `Not solved after ${timeoutMs} ms.`));
    const timer = setTimeout(onLate, Math.min(timeoutMs, LONGEST_TIMER_MS));
    const stop = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    const gone = new AbortController();
    // A stop ends the repeats; the request under way is aborted only after its session has been cancelled.
    const answer = this.#create(request, idempotencyKey === undefined ? {} : { idempotencyKey }, gone.signal, stop);
    try {
      const session = await unlessAborted(answer, stop);
      crop = toCrop?.begin(session.session_id);
      await unlessAborted(onLink(session.control_url, session), stop);
      return await this.waitUntilDone(session.session_id, { ...waiting, signal: stop });
    } catch (error) {
      const creation = { id: request.session_id, isDrawn, answer };
      await cancelCreation(creation, (id, within) => this.cancel(id, { signal: within }));
      if (creation.id !== undefined) gone.abort(error);
      throw error;
    } finally {
      clearTimeout(timer);
      crop?.close();
    }
  }

  get #server(): { readonly server: string; readonly key: string | undefined } {
    return { server: this.#options.baseUrl, key: this.#options.apiKey };
  }

  /** `stop` ends the repeats, `signal` the request that is under way too. */
  #create(
    body: CreateSessionInput,
    { idempotencyKey = randomKey(), respondAsync = false }: Omit<CreateOptions, "signal">,
    signal: AbortSignal | undefined,
    stop = signal,
  ): Promise<SessionAnswer> {
    const prefer = respondAsync ? { prefer: "respond-async" } : {};
    const headers = { "idempotency-key": idempotencyKey, ...prefer };
    return this.#repeat("POST", "/sessions", { body, headers, signal }, isWorthCreatingAgain, stop);
  }

  /** Repeats a request while `isWorthIt`, there is time, and `stop` is not aborted. Rejects with the last error. */
  async #repeat<T>(
    method: Method,
    path: string,
    options: CallOptions,
    isWorthIt: (error: unknown) => error is CaptchaRemoteError,
    stop = options.signal,
  ): Promise<T> {
    const end = performance.now() + this.#http.timeoutMs;
    let before: CaptchaRemoteError | null = null;
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#http.call<T>(method, path, { ...options, withinMs: end - performance.now() });
      } catch (error) {
        // A request that the end of the time has cut off says less than the one before it.
        if (before && performance.now() >= end) throw before;
        if (tried >= TRIES || !isWorthIt(error)) throw error;
        before = error;
        const wait = backoff(tried, error.retryAfterMs);
        if (performance.now() + wait >= end) throw error;
        await delay(wait, stop);
      }
    }
  }
}

/** Loads the part that runs in Node only. Its address is put together here, so that no bundler for browsers looks into it. */
function loadRelay(): Promise<typeof import("../relay/index.ts")> {
  const file = `../relay/index.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`;
  return import(file);
}

/** The request, with the page's id where it does not say which page it means. */
function namingPage(body: CreateSessionInput, targetId: string): CreateSessionInput {
  const { cdp } = body;
  const isNamed = cdp?.target_id !== undefined || cdp?.url_contains !== undefined;
  return cdp && !isNamed ? { ...body, cdp: { ...cdp, target_id: targetId } } : body;
}

/** True for an unreachable server and for a 503 with Retry-After. After other refusals a retry fails too: a page that could not be opened cannot be opened a second later. */
function isWorthCreatingAgain(error: unknown): error is CaptchaRemoteError {
  if (!(error instanceof CaptchaRemoteError)) return false;
  return error.code === "server_unreachable" || (error.status === 503 && error.retryAfterMs !== null);
}
