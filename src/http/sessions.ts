/** The REST routes of sessions: checked by the schemas of protocol/, answered by the controller. */
import type { FastifyReply, onRequestAsyncHookHandler } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { SESSION_STATES, type SessionState, sessionIdSchema } from "../protocol/common.ts";
import {
  checkCompletionBodySchema,
  completedSchema,
  createSessionSchema,
  errorAnswerSchema,
  extendAnswerSchema,
  extendBodySchema,
  mouseAnswerSchema,
  mouseEventBodySchema,
  resultSchema,
  screenshotSchema,
  sessionAnswerSchema,
  sessionDetailSchema,
  sessionListSchema,
  statusQuerySchema,
  statusSchema,
  successSchema,
} from "../protocol/rest.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";

const idParams = z.object({ id: sessionIdSchema });
const failures = { "4xx": errorAnswerSchema, "5xx": errorAnswerSchema };
const listQuery = z.object({
  state: z
    .string()
    .optional()
    .transform((text) => text?.split(","))
    .pipe(z.array(z.enum(SESSION_STATES)).optional())
    .meta({ description: "Comma-separated states; left out: the living ones." }),
});
const createHeaders = z.object({
  prefer: z.string().optional().meta({ description: "respond-async answers at once, in `starting`." }),
  "idempotency-key": z.string().min(1).max(255).optional().meta({ description: "A repeat answers the first 201." }),
});

export interface SessionRoutesOptions {
  readonly controller: CaptchaRemoteController;
  /** A storage state may be large; everything else is small. */
  readonly maxBodyBytes: number;
  /** Throws where a caller creates too often. */
  readonly limitCreates: onRequestAsyncHookHandler;
}

export const sessionRoutes: FastifyPluginAsyncZod<SessionRoutesOptions> = async (app, options) => {
  const { controller, maxBodyBytes, limitCreates } = options;
  app.post(
    "/sessions",
    {
      bodyLimit: maxBodyBytes,
      // Before the body is read.
      onRequest: limitCreates,
      schema: {
        summary: "Create a session",
        description: "Opens the page and answers when it is ready for an operator.",
        tags: ["bots"],
        headers: createHeaders,
        body: createSessionSchema,
        response: { 201: sessionAnswerSchema, ...failures },
      },
    },
    async (request, reply) => {
      const answer = await controller.create(request.body, {
        respondAsync: /(^|,)\s*respond-async\s*(,|;|$)/i.test(request.headers.prefer ?? ""),
        idempotencyKey: request.headers["idempotency-key"],
      });
      return reply.status(201).header("location", new URL(answer.status_url).pathname).send(answer);
    },
  );

  app.get(
    "/sessions",
    {
      schema: { summary: "List sessions", tags: ["ops"], querystring: listQuery, response: { 200: sessionListSchema } },
    },
    async ({ query }) => {
      const sessions = controller.list(query.state as readonly SessionState[] | undefined);
      return { count: sessions.length, sessions };
    },
  );

  app.get(
    "/session/:id",
    {
      schema: {
        summary: "One session, with a picture",
        tags: ["ops"],
        params: idParams,
        response: { 200: sessionDetailSchema, ...failures },
      },
    },
    ({ params }) => controller.detail(params.id),
  );

  app.get(
    "/screenshot/:id",
    {
      schema: {
        summary: "A picture taken now",
        description: "Base64 in JSON, or the JPEG itself with `Accept: image/jpeg`.",
        tags: ["older clients"],
        params: idParams,
        response: { 200: screenshotSchema, ...failures },
      },
    },
    async ({ params, headers }, reply) => {
      const jpeg = await controller.screenshot(params.id);
      if (headers.accept?.includes("image/jpeg")) return sendJpeg(reply, jpeg);
      return { screenshot: jpeg.toString("base64") };
    },
  );

  app.post(
    "/mouse_event",
    {
      schema: {
        summary: "One mouse event",
        tags: ["older clients"],
        body: mouseEventBodySchema,
        response: { 200: mouseAnswerSchema, ...failures },
      },
    },
    async ({ body }) => {
      const { session_id, event_type, x, y } = body;
      const completed = await controller.mouse(session_id, { type: "mouse_event", event_type, x, y });
      return { success: true as const, completed };
    },
  );

  app.post(
    "/check_completion",
    {
      schema: {
        summary: "Ask the rules now",
        tags: ["older clients"],
        body: checkCompletionBodySchema,
        response: { 200: completedSchema, ...failures },
      },
    },
    async ({ body: { session_id } }) => ({ session_id, completed: await controller.checkCompletion(session_id) }),
  );

  app.get(
    "/status/:id",
    {
      schema: {
        summary: "The state; with ?wait= the bot's long poll",
        tags: ["bots"],
        params: idParams,
        querystring: statusQuerySchema,
        response: { 200: statusSchema, ...failures },
      },
    },
    (request, reply) => controller.status(request.params.id, request.query.wait, closeSignal(reply)),
  );

  app.delete(
    "/session/:id",
    {
      schema: {
        summary: "Cancel a session",
        tags: ["bots"],
        params: idParams,
        response: { 200: successSchema, ...failures },
      },
    },
    async ({ params }) => {
      controller.cancel(params.id);
      return { success: true as const };
    },
  );

  app.get(
    "/session/:id/result",
    {
      schema: {
        summary: "What the session came to",
        tags: ["bots"],
        params: idParams,
        response: { 200: resultSchema, ...failures },
      },
    },
    ({ params }) => controller.result(params.id),
  );

  app.post(
    "/session/:id/extend",
    {
      schema: {
        summary: "Move the deadline",
        tags: ["bots"],
        params: idParams,
        body: extendBodySchema,
        response: { 200: extendAnswerSchema, ...failures },
      },
    },
    async ({ params, body }) => ({ session_id: params.id, expires_at: controller.extend(params.id, body.seconds) }),
  );
};

/** The one answer that is not JSON: past the serializer, with the framework's own headers kept. */
function sendJpeg(reply: FastifyReply, jpeg: Buffer) {
  return (reply as FastifyReply<never>)
    .type("image/jpeg")
    .header("cache-control", "no-store")
    .send(jpeg as never);
}

/** Aborts when the client goes away before it is answered. */
function closeSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  return gone.signal;
}
