/** [R18] Events of many sessions: a socket, and the same as a stream. */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { z } from "zod";
import { mayCall } from "../../auth/permissions.ts";
import { checkTopic, MAY_READ_EVENTS } from "../../auth/topics.ts";
import type { Config } from "../../config.ts";
import { AppError } from "../../errors.ts";
import { type FeedQuery, feedQuerySchema, streamedEventSchema } from "../../protocol/feed.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import { type GuardDeps, goneSignal } from "../guards/authorization.ts";
import { PendingSockets, SocketAuthentication, type SocketAuthPolicy } from "../sockets/authenticate-socket.ts";
import { ConnectionSlots, type ConnectionSlotsDeps } from "../sockets/connection-slots.ts";
import { GuardedSocket } from "../sockets/guarded-socket.ts";
import type { MessageBounds } from "../sockets/message-limits.ts";
import { FeedConnection, type FeedConnectionOptions, type ReaderPrincipal } from "./connection.ts";
import { beginStream, EVENT_STREAM, lastEventIdSchema, parseCursor, RETRY_LINE } from "./sse.ts";
import { SseStream } from "./sse-stream.ts";

/** Compression of events sockets; operator sockets do not offer it. No context is kept between messages, to save memory. */
export const DEFLATE = {
  threshold: 1_024,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  concurrencyLimit: 4,
};

export interface FeedRouteOptions
  extends ConnectionSlotsDeps,
    Pick<FeedConnectionOptions, "feed" | "acknowledgements"> {
  readonly guard: GuardDeps;
  /** The open event streams: added and removed here. */
  readonly streams: Set<ServerResponse>;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes" | "authenticateSeconds" | "maxPendingConnections">;
}

export const feedRoutes: FastifyPluginAsyncZod<FeedRouteOptions> = async (app, options) => {
  const { guard } = options;
  const slots = new ConnectionSlots(options);
  const pending = new PendingSockets(options.limits);
  app.route({
    method: "GET",
    url: "/events",
    config: { access: { ...MAY_READ_EVENTS, orSocket: true } },
    schema: {
      summary: "Follow many sessions",
      description: "Server-sent events of these topics. As a WebSocket: docs/protocol/events.md.",
      tags: ["bots"],
      querystring: feedQuerySchema,
      headers: lastEventIdSchema,
      response: {
        200: {
          description: "Each event as `id`, `event` (its type) and `data`: this, as JSON.",
          content: { [EVENT_STREAM]: { schema: streamedEventSchema } },
        },
        "4xx": errorAnswerSchema,
      },
    },
    async preHandler(request) {
      if (request.ws) slots.check(request.ip);
    },
    handler: async (request, reply) => stream(request, reply, options),
    wsHandler(socket, request) {
      if (!slots.take(socket, request.ip)) return;
      const connection = new FeedConnection(socket, request, options);
      const authentication = new SocketAuthentication(guard, request, READER_POLICY, pending);
      new GuardedSocket(socket, request, connection, options).start(authentication);
    },
  });
};

const READER_POLICY: SocketAuthPolicy<ReaderPrincipal> = {
  byNothing: () => null,
  admit(caller) {
    if (mayCall(caller, MAY_READ_EVENTS)) return { caller };
    throw new AppError("forbidden", { needs: MAY_READ_EVENTS.scopes });
  },
};

/** Answers with a stream. Throws as checkTopic does, and AppError invalid_message for a position that is none. */
function stream(
  request: FastifyRequest<{ Querystring: FeedQuery; Headers: z.output<typeof lastEventIdSchema> }>,
  reply: FastifyReply,
  options: FeedRouteOptions,
): FastifyReply {
  const { feed, guard, connections } = options;
  const { query, headers, caller } = request;
  const topics = [query.topic]
    .flat()
    .map((topic, index) => checkTopic(topic, `topic.${index}`, caller, (id) => guard.sessions.subject(id)));
  const after = afterOf(headers["last-event-id"], query.after, feed.newest);
  const gone = goneSignal(request, reply, guard.authenticator);
  const release = caller.kind === "key" ? connections.takeOfKey(caller.id) : () => {};
  reply.raw.once("close", release);
  beginStream(request, reply, options);
  const body = new SseStream({ feed, caller, topics, after }, RETRY_LINE);
  gone.addEventListener("abort", () => body.destroy(), { once: true });
  // `never`: the typed reply knows JSON only, a stream is sent as it is.
  return reply.send(body as never);
}

function afterOf(lastEventId: string | undefined, after: number | undefined, newest: number): number | undefined {
  if (lastEventId === undefined && after === undefined) return undefined;
  const field = lastEventId === undefined ? "after" : "last-event-id";
  const position = lastEventId === undefined ? after : parseCursor(lastEventId);
  if (position === undefined) throw new AppError("invalid_message", { field, why: "not the id of an event" });
  if (position > newest) throw new AppError("invalid_message", { field, why: "still to come", newest });
  return position;
}
