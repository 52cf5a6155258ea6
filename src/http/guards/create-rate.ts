/** How often one caller may create sessions: each starts a browser. */
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import { nameOf } from "../../auth/caller.ts";
import { AppError } from "../../errors.ts";
import { addressKey } from "./address-key.ts";

const WINDOW_MS = 60_000;
/** Callers that are remembered; above it the one not seen for the longest is forgotten. */
const MAX_CALLERS = 5_000;

/** A hook for the routes that create. It throws rate_limited, with Retry-After until the minute is over. */
export async function createRateLimiter(
  app: FastifyInstance,
  maxPerMinute: number,
): Promise<onRequestAsyncHookHandler> {
  // For the routes that ask for it only; a bot's server may have limits of its own.
  if (!app.hasDecorator("createRateLimit")) await app.register(rateLimit, { global: false, cache: MAX_CALLERS });
  const check = app.createRateLimit({ max: maxPerMinute, timeWindow: WINDOW_MS, keyGenerator: rateKeyOf });
  return async (request, reply) => {
    const answer = await check(request);
    if (answer.isAllowed || !answer.isExceeded) return;
    reply.header("retry-after", Math.max(1, answer.ttlInSeconds));
    throw new AppError("rate_limited", { limit: "creates_per_minute" }, { message: "Too many sessions in a minute." });
  };
}

/** Whose creations are counted together. */
function rateKeyOf(request: FastifyRequest): string {
  return request.caller.kind === "key" ? nameOf(request.caller) : addressKey(request.ip);
}
