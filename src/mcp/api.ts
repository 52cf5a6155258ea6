/** The REST calls behind the MCP tools. The tools decide nothing themselves: keys, limits and the audit trail are those of REST. */
import { z } from "zod";
import { type Invitation, type InvitationWay, invitationSchema } from "../protocol/invitations.ts";
import {
  resultSchema,
  type SessionAnswer,
  type SessionResult,
  type SessionStatus,
  sessionAnswerSchema,
  statusSchema,
  successSchema,
} from "../protocol/rest.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the API's prefix, such as `/sessions`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** Sends a request with the key of the MCP call. `body` is the parsed JSON, null if the answer is none. */
export type SendRequest = (request: ApiRequest) => Promise<{ readonly status: number; readonly body: unknown }>;

const refusalSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).nullable().catch(null),
  }),
});

/** A refusal of REST. `details` may have text of pages. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> | null;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> | null = null) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Each method throws ApiRefusal, also for an answer that no server of this kind gives. */
export class Api {
  readonly #send: SendRequest;

  constructor(send: SendRequest) {
    this.#send = send;
  }

  /** Answers when the page is ready. Nothing aborts it: the session exists from the start on. */
  create(body: object): Promise<SessionAnswer> {
    return this.#ask(sessionAnswerSchema, { method: "POST", path: "/sessions", body });
  }

  invite(id: string, way: InvitationWay, signal: AbortSignal): Promise<Invitation> {
    const path = `${pathOf(id)}/invitation`;
    return this.#ask(invitationSchema, { method: "POST", path, body: { way }, signal });
  }

  /** Answers at the session's end, or after this many seconds. */
  status(id: string, seconds: number, signal: AbortSignal): Promise<SessionStatus> {
    const path = `/status/${encodeURIComponent(id)}?wait=${seconds}`;
    return this.#ask(statusSchema, { method: "GET", path, signal });
  }

  /** The result of an ended session, with cookies only if they are wanted and the key may have them [M7]. */
  result(id: string, wantsState: boolean, signal: AbortSignal): Promise<SessionResult> {
    const path = `${pathOf(id)}/result?storage_state=${wantsState ? "scoped" : "omit"}`;
    return this.#ask(resultSchema, { method: "GET", path, signal });
  }

  async cancel(id: string, signal?: AbortSignal): Promise<void> {
    const request = { method: "DELETE", path: pathOf(id) } as const;
    await this.#ask(successSchema, signal ? { ...request, signal } : request);
  }

  async #ask<Answer>(schema: z.ZodType<Answer>, request: ApiRequest): Promise<Answer> {
    const { status, body } = await this.#send(request);
    const answer = status < 300 ? schema.safeParse(body) : undefined;
    if (answer?.success) return answer.data;
    const refusal = refusalSchema.safeParse(body);
    if (!refusal.success) throw new ApiRefusal("internal", "What answers is no captcha-remote server of this version.");
    const { code, message, details } = refusal.data.error;
    throw new ApiRefusal(code, message, details);
  }
}

function pathOf(id: string): string {
  return `/session/${encodeURIComponent(id)}`;
}
