/** The last net in front of every log: errors without the URLs' secrets and whatever else hangs on them. */
import type { FastifyInstance } from "fastify";
import { type Logger, stdSerializers } from "pino";
import { AppError } from "../errors.ts";
import { redactUrlsIn } from "./redact-url.ts";

/** Headers that prove who somebody is, wherever an object with headers is logged. */
const SECRET_HEADERS = ["authorization", "cookie", "set-cookie", "sec-websocket-protocol", "x-api-key"];
const SECRET_PATHS = SECRET_HEADERS.flatMap((name) => [
  `["${name}"]`,
  `headers["${name}"]`,
  `*["${name}"]`,
  `*.headers["${name}"]`,
]);

/** The same log, in which errors and requests are told carefully. */
export function redactingLogger(log: Logger): Logger {
  return log.child({}, { serializers: { err: redactedError, req: redactedRequest }, redact: SECRET_PATHS });
}

/** The same for the requests of a server whose own log is somebody else's. */
export function redactingLogOptions(app: FastifyInstance): void {
  app.setChildLoggerFactory((log, bindings, options) => {
    const serializers = { ...options.serializers, err: redactedError, req: redactedRequest };
    return log.child(bindings, { ...options, serializers });
  });
}

/**
 * What is told of an error: its kind, its message and stack, and those of its causes. Not what else it carries: that of
 * Node's own has the bytes of the request.
 */
function redactedError(error: unknown): unknown {
  if (!(error instanceof Error)) return redactUrlsIn(String(error));
  const { type, message, stack } = stdSerializers.err(error);
  const kept = { type, message: redactUrlsIn(message), stack: redactUrlsIn(stack) };
  const code = "code" in error ? { code: String(error.code) } : {};
  const details = error instanceof AppError && error.details ? { details: asText(error.details) } : {};
  return { ...kept, ...code, ...details };
}

/** As the JSON it is answered as: cut, it is none any more. */
function asText(details: Readonly<Record<string, unknown>>): string {
  return redactUrlsIn(JSON.stringify(details));
}

/** @param request as Fastify or Node has it */
function redactedRequest({ method, url }: { readonly method?: string; readonly url?: string }): unknown {
  return { method, path: url?.split(/[?#]/)[0] };
}
