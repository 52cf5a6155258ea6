// Asks the main API for a session on a demo page, as any bot does: one POST, which returns one link.
import { z } from "zod";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { DemoPage } from "./demos.ts";

/** The longest wait for the API: a browser has to start and a page to load. */
const API_DEADLINE_MS = 30_000;

/** An error of the demo server, ready to be answered. */
export class DemoError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DemoError";
    this.status = status;
    this.code = code;
  }
}

/** The main API's address, and the key that opens sessions there; undefined where it needs none. */
export interface DemoApi {
  origin: string;
  key: string | undefined;
}

interface StartSessionRequest {
  api: DemoApi | undefined;
  demoOrigin: string;
  page: DemoPage;
}

const created = z.object({ control_url: z.url({ protocol: /^https?$/ }) });
const refused = z.object({ error: z.object({ message: z.string() }) });

/**
 * Opens a session and returns its operator link.
 *
 * @throws {DemoError} `api_unavailable` (503), `timeout` (504) or `api_failed` (502).
 */
export async function startSession({ api, demoOrigin, page }: StartSessionRequest): Promise<string> {
  if (!api) {
    throw new DemoError(503, "api_unavailable", "The API server is not running, so no session can be started.");
  }
  const response = await post(api, {
    url: `${demoOrigin}${page.path}`,
    label: page.label,
    instructions: page.demo.instructions,
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) {
    const reason = refused.safeParse(body).data?.error.message ?? "no reason given";
    throw new DemoError(502, "api_failed", `The API server answered ${response.status}: ${reason}`);
  }
  const answer = created.safeParse(body);
  if (!answer.success) throw new DemoError(502, "api_failed", "The API server answered without an operator link.");
  return answer.data.control_url;
}

async function post({ origin, key }: DemoApi, body: object): Promise<Response> {
  try {
    return await fetch(`${origin}${API_PREFIX}/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(API_DEADLINE_MS),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "TimeoutError") {
      throw new DemoError(504, "timeout", "The API server did not answer in time.", { cause });
    }
    throw new DemoError(502, "api_failed", "The API server could not be reached.", { cause });
  }
}
