/** The REST routes of sessions: the schemas of protocol/ check requests, the controller answers them. */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Detail } from "../../audit/audit-log.ts";
import type { AuditTrail } from "../../audit/trail.ts";
import type { Authenticator } from "../../auth/authenticator.ts";
import { nameOf } from "../../auth/caller.ts";
import { mayGiveStateToAgents } from "../../auth/permissions.ts";
import { SESSION_STATES, type SessionState, sessionIdSchema } from "../../protocol/common.ts";
import { relayName } from "../../protocol/relay-terms.ts";
import {
  type CreateSession,
  checkCompletionBodySchema,
  completedSchema,
  createSessionSchema,
  errorAnswerSchema,
  extendAnswerSchema,
  extendBodySchema,
  mouseAnswerSchema,
  mouseEventBodySchema,
  resultQuerySchema,
  resultSchema,
  screenshotQuerySchema,
  screenshotSchema,
  sessionAnswerSchema,
  sessionDetailSchema,
  sessionListSchema,
  statusQuerySchema,
  statusSchema,
  successSchema,
} from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { unknownStatus } from "../../session/presenters.ts";
import { recorderOf } from "../guards/audit-recorder.ts";
import { goneSignal } from "../guards/authorization.ts";
import { thumbnailOf } from "./thumbnail.ts";

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
/** Length of a `traceparent`; a longer one is of a later version and begins in the same way. */
const MAX_TRACEPARENT = 55;
const createHeaders = z.object({
  prefer: z.string().optional().meta({ description: "`respond-async`: answers at once, in state `starting`." }),
  traceparent: z
    .string()
    .optional()
    .meta({ description: "The session becomes part of this trace, if the server exports traces." }),
  "idempotency-key": z.string().min(1).max(255).optional().meta({ description: "A repeat answers the first 201." }),
});

const READ = { scopes: ["sessions:read"], session: "params" } as const;
const CONTROL = { scopes: ["sessions:control"], session: "params" } as const;

export interface SessionRoutesOptions {
  readonly controller: CaptchaRemoteController;
  readonly authenticator: Pick<Authenticator, "whenOver">;
  readonly audit: AuditTrail;
  /** Of a creation: its storage state may be large. */
  readonly maxBodyBytes: number;
  /** Throws AppError rate_limited if a caller creates too often. */
  readonly limitCreates: onRequestAsyncHookHandler;
}

export const sessionRoutes: FastifyPluginAsyncZod<SessionRoutesOptions> = async (app, options) => {
  const { controller, authenticator, audit, maxBodyBytes, limitCreates } = options;
  const recorder = (request: FastifyRequest) => recorderOf(audit, request);
  app.post(
    "/sessions",
    {
      config: { access: { scopes: ["sessions:create"] } },
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
        caller: request.caller,
        respondAsync: /(^|,)\s*respond-async\s*(,|;|$)/i.test(request.headers.prefer ?? ""),
        idempotencyKey: request.headers["idempotency-key"],
        traceparent: request.headers.traceparent?.slice(0, MAX_TRACEPARENT),
        onCreated: (id) => recorder(request)("session.create", id, siteOf(request.body)),
      });
      return reply.status(201).header("location", new URL(answer.status_url).pathname).send(answer);
    },
  );

  app.get(
    "/sessions",
    {
      config: { access: { scopes: ["sessions:read", "operate"] } },
      schema: { summary: "List sessions", tags: ["ops"], querystring: listQuery, response: { 200: sessionListSchema } },
    },
    async ({ query, caller }) => {
      const sessions = controller.list(query.state as readonly SessionState[] | undefined, caller);
      return { count: sessions.length, sessions };
    },
  );

  app.get(
    "/session/:id",
    {
      config: { access: { ...READ, byId: true } },
      schema: {
        summary: "One session, with a picture",
        tags: ["ops"],
        params: idParams,
        response: { 200: sessionDetailSchema, ...failures },
      },
    },
    ({ params, caller }) => controller.detail(params.id, caller),
  );

  app.get(
    "/screenshot/:id",
    {
      config: { access: { ...READ, scopes: ["sessions:read", "operate"], byId: true } },
      schema: {
        summary: "A picture taken now",
        description: "Base64 in JSON, or the JPEG itself with `Accept: image/jpeg`; smaller with `width`.",
        tags: ["older clients"],
        params: idParams,
        querystring: screenshotQuerySchema,
        response: { 200: screenshotSchema, ...failures },
      },
    },
    async ({ params, headers, query }, reply) => {
      const taken = await controller.screenshot(params.id);
      const jpeg = query.width === undefined ? taken : await thumbnailOf(taken, query.width);
      if (headers.accept?.includes("image/jpeg")) return sendJpeg(reply, jpeg);
      return { screenshot: jpeg.toString("base64") };
    },
  );

  app.post(
    "/mouse_event",
    {
      config: { access: { ...CONTROL, session: "body", byId: true } },
      schema: {
        summary: "One mouse event",
        tags: ["older clients"],
        body: mouseEventBodySchema,
        response: { 200: mouseAnswerSchema, ...failures },
      },
    },
    async (request) => {
      const { session_id, event_type, x, y } = request.body;
      const input = { type: "mouse_event", event_type, x, y } as const;
      const completed = await controller.mouse(session_id, input, {
        who: nameOf(request.caller),
        recordAct: (action, operator) => recorder(request)(action, session_id, { operator }),
      });
      return { success: true as const, completed };
    },
  );

  app.post(
    "/check_completion",
    {
      config: { access: { ...CONTROL, session: "body", byId: true } },
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
      config: { access: { ...READ, byId: true, answersUnknown: true } },
      schema: {
        summary: "The state; with ?wait= the bot's long poll",
        tags: ["bots"],
        params: idParams,
        querystring: statusQuerySchema,
        response: { 200: statusSchema, ...failures },
      },
    },
    (request, reply) => {
      const { id } = request.params;
      if (request.isUnknownSession) return unknownStatus(id);
      return controller.status(id, request.query.wait, goneSignal(request, reply, authenticator));
    },
  );

  app.delete(
    "/session/:id",
    {
      config: { access: { ...CONTROL, byId: true } },
      schema: {
        summary: "Cancel a session",
        tags: ["bots"],
        params: idParams,
        response: { 200: successSchema, ...failures },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (controller.cancel(id)) recorder(request)("session.cancel", id);
      return { success: true as const };
    },
  );

  app.get(
    "/session/:id/result",
    {
      config: { access: { ...READ, onlyOwner: true } },
      schema: {
        summary: "The outcome of a session",
        tags: ["bots"],
        params: idParams,
        querystring: resultQuerySchema,
        response: { 200: resultSchema, ...failures },
      },
    },
    async (request) => {
      const { id } = request.params;
      const wanted = request.query.storage_state;
      const { storage_state, ...result } = await controller.result(id);
      const isGiven = wanted === undefined || (wanted === "scoped" && mayGiveStateToAgents(request.caller));
      if (storage_state === undefined || !isGiven) return result;
      recorder(request)("state.export", id);
      return { ...result, storage_state };
    },
  );

  app.post(
    "/session/:id/extend",
    {
      config: { access: CONTROL },
      schema: {
        summary: "Move the deadline",
        tags: ["bots"],
        params: idParams,
        body: extendBodySchema,
        response: { 200: extendAnswerSchema, ...failures },
      },
    },
    async (request) => {
      const { id } = request.params;
      const expires_at = controller.extend(id, request.body.seconds);
      recorder(request)("session.extend", id, { expires_at });
      return { session_id: id, expires_at };
    },
  );
};

/** Where the session's page is, for the audit trail: a site or a debugging endpoint, without paths, which may be secret. */
function siteOf({ url, cdp, relay }: CreateSession): Detail {
  if (relay !== undefined) return { relay: relayName(relay) };
  const given = URL.parse(url ?? cdp?.endpoint ?? "");
  const origin = given ? `${given.protocol}//${given.host}` : null;
  return cdp ? { cdp: origin } : { site: origin };
}

/** Sends a JPEG. `never`: the typed reply knows JSON only. */
function sendJpeg(reply: FastifyReply, jpeg: Buffer) {
  return (reply as FastifyReply<never>)
    .type("image/jpeg")
    .header("cache-control", "no-store")
    .send(jpeg as never);
}
