/** Limits how often one caller creates sessions, as each one starts a browser, and how often one calls MCP. */
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import { nameOf } from "../../auth/caller.ts";
import { AppError } from "../../errors.ts";
import { addressKey } from "./address-key.ts";

const WINDOW_MS = 60_000;
/** How many callers are remembered; above it the one not seen for the longest time is forgotten. */
const MAX_CALLERS = 5_000;

/** What is limited: its name in the error's details, and the error's sentence. */
const CREATES = { limit: "creates_per_minute", message: "Too many sessions in a minute." };

/** A hook for limited routes. It throws AppError rate_limited and sets Retry-After to the rest of the minute. */
export async function createRateLimiter(
  app: FastifyInstance,
  maxPerMinute: number,
  { limit, message } = CREATES,
): Promise<onRequestAsyncHookHandler> {
  // Not global: only routes with the hook are limited, and a bot's server may have registered limits of its own.
  if (!app.hasDecorator("createRateLimit")) await app.register(rateLimit, { global: false, cache: MAX_CALLERS });
  const check = app.createRateLimit({ max: maxPerMinute, timeWindow: WINDOW_MS, keyGenerator: rateKeyOf });
  return async (request, reply) => {
    const answer = await check(request);
    if (answer.isAllowed || !answer.isExceeded) return;
    reply.header("retry-after", Math.max(1, answer.ttlInSeconds));
    throw new AppError("rate_limited", { limit }, { message });
  };
}

/** The key, or the address, that requests are counted by. */
function rateKeyOf(request: FastifyRequest): string {
  return request.caller.kind === "key" ? nameOf(request.caller) : addressKey(request.ip);
}
