/** Sends requests to the server's API, with a deadline, an abort signal, and errors that have a code. */
import { apiAt } from "../client/session-address.ts";
import { CaptchaRemoteError, errorOf } from "./errors.ts";

export interface ClientOptions {
  /** The server's address, as in its PUBLIC_URL: `https://captcha.example/tools`. With `/api/captcha` at the end it means the same. */
  readonly baseUrl: string;
  /** Sent as `Authorization: Bearer`. A server with AUTH=off needs none: left out or empty. */
  readonly apiKey?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** The limit of one call with its repeats, in ms; 60,000 when left out. `waitUntilDone` has a limit of its own. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** The limit of this request, in ms; `timeoutMs` of the client when left out. */
  readonly withinMs?: number;
}

export type Method = "GET" | "POST" | "DELETE";

/** A creation starts a browser and opens a page: up to half a minute on a busy machine and a slow site. */
const DEFAULT_TIMEOUT_MS = 60_000;

export class Http {
  readonly timeoutMs: number;
  readonly #api: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof globalThis.fetch;

  constructor({ baseUrl, apiKey, fetch, timeoutMs }: ClientOptions) {
    this.#api = apiAt(baseUrl);
    this.#headers = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    this.timeoutMs = timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /**
   * Resolves with the answer's JSON, whose shape is not checked.
   * CaptchaRemoteError: the code of the answer, or server_unreachable if none arrived in time. Rejects with the signal's
   * reason when it aborts.
   */
  async call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
    const { body, headers, signal, withinMs = this.timeoutMs } = options;
    signal?.throwIfAborted();
    const deadline = AbortSignal.timeout(Math.max(0, Math.ceil(withinMs)));
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const request: RequestInit = {
      method,
      redirect: "manual",
      headers: { accept: "application/json", ...json, ...this.#headers, ...headers },
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const { response, text } = await this.#send(path, request).catch((cause: unknown) => {
      signal?.throwIfAborted();
      const what = deadline.aborted ? `did not answer within ${withinMs} ms` : "cannot be reached";
      throw new CaptchaRemoteError("server_unreachable", `The server at ${this.#api} ${what}.`, { cause });
    });
    if (isRedirect(response)) {
      // The request has secrets that are only for this server, so it does not follow redirects.
      const message = `The server at ${this.#api} sends elsewhere; name that address as baseUrl.`;
      throw new CaptchaRemoteError("not_found", message, { status: response.status });
    }
    if (!response.ok) throw errorOf(response.status, response.headers.get("retry-after"), text);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      const message = `What answers at ${this.#api} is no captcha-remote server.`;
      throw new CaptchaRemoteError("not_found", message, { status: response.status, cause });
    }
  }

  async #send(path: string, request: RequestInit): Promise<{ response: Response; text: string }> {
    const response = await this.#fetch(this.#api + path, request);
    return { response, text: await response.text() };
  }
}

function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || (status >= 300 && status < 400);
}
