/** Every refusal over HTTP in one shape: the status of its code and `{error:{code,message,details,timestamp}}`. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { AppError, toAppError } from "../../errors.ts";
import type { RefusalCounter } from "./refusal-counter.ts";

/** Seconds, where nothing better is known. */
const RETRY_AFTER_SECONDS = 5;

/** Answers unknown routes below this instance's prefix with `not_found`. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  app.setNotFoundHandler((request) => {
    throw new AppError("not_found", { method: request.method, path: request.url.split("?")[0] });
  });
}

/** An error handler that answers and counts whatever a request fails with. */
export function errorSender(refusals: RefusalCounter) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const known = fromFastify(error);
    const isUpgrade = request.headers.upgrade?.toLowerCase() === "websocket";
    refusals.count(known.code, isUpgrade ? "socket" : "rest");
    // A refusal while the server stops or starts is no failure.
    if (known.status >= 500 && known.code !== "shutting_down") request.log.error({ err: error }, "request failed");
    // Node's server no longer tracks the connection of an upgrade: left open, it would delay the server's close.
    if (isUpgrade) reply.raw.once("finish", () => request.raw.socket.destroySoon());
    const isTemporary = known.status === 429 || known.status === 503;
    if (isTemporary && !reply.hasHeader("retry-after")) reply.header("retry-after", RETRY_AFTER_SECONDS);
    if (known.code === "unauthorized") reply.header("www-authenticate", "Bearer");
    return reply.status(known.status).send({ error: { ...known.toWire(), timestamp: new Date().toISOString() } });
  };
}

/** What Fastify itself refuses (body, size, media type) as an error of our table. */
function fromFastify(error: FastifyError): AppError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ instancePath, message, params }) => ({
      field: fieldName(instancePath, params),
      why: message ?? "invalid",
    }));
    return new AppError("invalid_message", { ...issues[0], in: error.validationContext ?? "body", issues });
  }
  // The router refuses these before any route is found.
  if (error.code === "FST_ERR_BAD_URL" || error.code === "FST_ERR_MAX_PARAM_LENGTH") {
    return new AppError("invalid_message", { field: "path", why: "not a path of this server" });
  }
  if (error.statusCode === 413) return new AppError("payload_too_large");
  if (error.statusCode === 415)
    return new AppError("invalid_message", { field: "content-type", why: "not application/json" });
  if (error.statusCode === 400) return new AppError("invalid_message", { field: "body", why: error.message });
  return toAppError(error);
}

/** `/completion/any/0` as `completion.any.0`; of an unknown field its own name is added. */
function fieldName(instancePath: string, params: unknown): string {
  const path = instancePath.split("/").filter(Boolean);
  const keys = typeof params === "object" && params !== null && "keys" in params ? params.keys : null;
  if (Array.isArray(keys) && typeof keys[0] === "string") path.push(keys[0]);
  return path.join(".") || "body";
}
