/** Redacts errors, requests and headers in every log line, as the last safeguard. */
import type { FastifyInstance } from "fastify";
import { type Logger, stdSerializers } from "pino";
import { AppError } from "../errors.ts";
import { redactUrlsIn } from "./redact-url.ts";

/** Headers that hold credentials, wherever an object with headers is logged. */
const SECRET_HEADERS = ["authorization", "cookie", "set-cookie", "sec-websocket-protocol", "x-api-key"];
const SECRET_PATHS = SECRET_HEADERS.flatMap((name) => [
  `["${name}"]`,
  `headers["${name}"]`,
  `*["${name}"]`,
  `*.headers["${name}"]`,
]);

/** A child of the logger that redacts errors, requests and headers. */
export function redactingLogger(log: Logger): Logger {
  return log.child({}, { serializers: { err: redactedError, req: redactedRequest }, redact: SECRET_PATHS });
}

/** Redacts the request log of a server whose logger the bot has made. */
export function redactingLogOptions(app: FastifyInstance): void {
  app.setChildLoggerFactory((log, bindings, options) => {
    const serializers = { ...options.serializers, err: redactedError, req: redactedRequest };
    return log.child(bindings, { ...options, serializers });
  });
}

/**
 * Keeps an error's type, message and stack, and those of its causes, its code and its details. Other properties are left
 * out: those of Node's own errors have the bytes of the request.
 */
function redactedError(error: unknown): unknown {
  if (!(error instanceof Error)) return redactUrlsIn(String(error));
  const { type, message, stack } = stdSerializers.err(error);
  const kept = { type, message: redactUrlsIn(message), stack: redactUrlsIn(stack) };
  const code = "code" in error ? { code: String(error.code) } : {};
  const details = error instanceof AppError && error.details ? { details: asText(error.details) } : {};
  return { ...kept, ...code, ...details };
}

/** The details as JSON text: where it is cut, it is no JSON any more. */
function asText(details: Readonly<Record<string, unknown>>): string {
  return redactUrlsIn(JSON.stringify(details));
}

/** @param request as Fastify or Node has it */
function redactedRequest({ method, url }: { readonly method?: string; readonly url?: string }): unknown {
  return { method, path: url?.split(/[?#]/)[0] };
}
