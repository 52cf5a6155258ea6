/** Sends one webhook once: signed, only to an allowed address, and bounded in time and size. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Webhook } from "standardwebhooks";
import { pinnedTo } from "../egress/address.ts";
import { allowedAddresses, urlPatternSchema } from "../egress/destination.ts";
import type { Resolve } from "../egress/resolver.ts";
import { toAppError } from "../errors.ts";
import { withDeadline } from "../util/with-deadline.ts";

/** Of a whole try: name lookup, connection, answer. */
const DEADLINE_MS = 10_000;
/** The body of an answer is not used; so much of it is read, for so long, to let the receiver finish. */
const MAX_ANSWER_BYTES = 64 * 1024;
const ANSWER_PATIENCE_MS = 1_000;
/** The status by which a receiver refuses all further webhooks. */
const GONE = 410;

export interface Post {
  /** The event's id, the same for every try. */
  readonly id: string;
  readonly url: string;
  readonly body: string;
  readonly secret: string;
  /** URL patterns of private destinations that it may reach all the same. */
  readonly allow?: readonly string[];
}

export interface DeliveryOptions {
  readonly allowPrivate: boolean;
  /** Ports of this machine that nothing is sent to; none if left out. */
  readonly neverPorts?: () => ReadonlySet<number>;
  /** Aborts the try, which then does not count. */
  readonly signal: AbortSignal;
  readonly deadlineMs?: number;
  readonly resolve?: Resolve;
}

/** `again`: it failed and may be tried again. `gone`: the receiver wants no webhooks any more. */
export type TryOutcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "again"; readonly error: string }
  | { readonly kind: "gone"; readonly error: string };

/** Posts it once. Never throws: a failure is an outcome. 2xx is success; a redirect is not followed. */
export async function deliver(post: Post, options: DeliveryOptions): Promise<TryOutcome> {
  const { signal: stop, deadlineMs = DEADLINE_MS } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  try {
    // Raced with the stop here too: a resolver that hangs does not see the signal.
    const status = await withDeadline(send(post, options, signal), deadlineMs, "the receiver", stop);
    if (status >= 200 && status < 300) return { kind: "delivered" };
    return { kind: status === GONE ? "gone" : "again", error: `answered ${status}` };
  } catch (error) {
    return { kind: "again", error: sentence(error) };
  } finally {
    over.abort();
  }
}

async function send(post: Post, options: DeliveryOptions, signal: AbortSignal): Promise<number> {
  const url = new URL(post.url);
  const { allowPrivate, neverPorts = () => new Set(), resolve } = options;
  const allow = (post.allow ?? []).map((text) => urlPatternSchema.parse(text));
  const addresses = await allowedAddresses(url, {
    allowPrivate,
    allow,
    neverPorts,
    demoOrigin: () => undefined,
    resolve,
  });
  signal.throwIfAborted();
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    method: "POST",
    // A connection of its own: one kept open from before could lead to an address that was never checked.
    agent: false,
    lookup: pinnedTo(addresses),
    headers: headersOf(post),
    signal,
  });
  request.end(post.body);
  const response = await answerOf(request);
  // The status is known: the rest of the answer changes nothing.
  await withDeadline(drain(response), ANSWER_PATIENCE_MS, "the rest of the answer").catch(() => {});
  return response.statusCode ?? 0;
}

function headersOf({ id, body, secret }: Post): Record<string, string | number> {
  const now = new Date();
  return {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "user-agent": "captcha-remote",
    "webhook-id": id,
    "webhook-timestamp": Math.floor(now.getTime() / 1_000),
    "webhook-signature": new Webhook(secret).sign(id, now, body),
  };
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // Stays attached after the answer: a receiver that breaks off must not end the process.
    request.on("error", reject);
  });
}

/** Reads the body to its end, or until it is too much; then the connection is cut. */
async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) return;
  }
}

/** What went wrong, in one line for the log. */
function sentence(error: unknown): string {
  const { code, details, cause } = toAppError(error);
  if (code === "url_not_allowed") return `${details?.["host"]} is or has ${details?.["why"]}`;
  if (code === "timeout") return `no answer after ${details?.["after_ms"]} ms`;
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (inner instanceof Error) return "code" in inner ? `${inner.code}` : inner.message;
  return "failed";
}
