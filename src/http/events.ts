/** [R14] The events of one session as server-sent events: for EventSource in browsers, for fetch and for curl. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Authenticator } from "../auth/authenticator.ts";
import { isOwner } from "../auth/permissions.ts";
import { sessionIdSchema } from "../protocol/common.ts";
import { eventsQuerySchema, type PlacedEvent, type SessionEvent, sessionEventSchema } from "../protocol/events.ts";
import { errorAnswerSchema } from "../protocol/rest.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";
import { goneSignal } from "./auth.ts";
import type { Connections } from "./connections.ts";

/** A comment so often tells proxies, and a reader that looks, that the stream is alive. */
const HEARTBEAT_MS = 15_000;
/** A reader that has taken nothing for so many heartbeats is cut off; it can come back to where it was. */
const PATIENCE_BEATS = 2;
/** How long a browser waits before it comes back. */
const RETRY_MS = 1_000;
/** Events that wait for one reader, beyond what the system's own buffers hold. */
const WAITING_EVENTS = 16;

export interface EventRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "follow" | "subject">;
  readonly authenticator: Pick<Authenticator, "whenOver">;
  readonly connections: Connections;
  /** Holds the answers that go on, for as long as they are open. */
  readonly streams: Set<ServerResponse>;
  readonly heartbeatMs?: number;
}

const EVENT_STREAM = "text/event-stream; charset=utf-8";
const idParams = z.object({ id: sessionIdSchema });
const headers = z.object({
  "last-event-id": z.string().max(64).optional().meta({ description: "Goes on after this event; wins over `after`." }),
});
const answers = {
  200: {
    description: "Each event as `id`, `event` (its type) and `data`: this, as JSON.",
    content: { "text/event-stream": { schema: sessionEventSchema } },
  },
  204: z.null().meta({ description: "The end was told already: nothing will follow." }),
  "4xx": errorAnswerSchema,
};

export const eventRoutes: FastifyPluginAsyncZod<EventRoutesOptions> = async (app, options) => {
  const { controller, authenticator, connections, streams, heartbeatMs = HEARTBEAT_MS } = options;
  app.get(
    "/session/:id/events",
    {
      config: { access: { scopes: ["sessions:read"], session: "params" } },
      schema: {
        summary: "Follow a session",
        description: "Server-sent events, to the end of the session; the first one says what is so now.",
        tags: ["bots"],
        params: idParams,
        querystring: eventsQuerySchema,
        headers,
        response: answers,
      },
    },
    async (request, reply) => {
      const { params, query, headers, ip, caller } = request;
      const gone = goneSignal(request, reply, authenticator);
      const events = controller.follow(params.id, placeOf(headers["last-event-id"]) ?? query.after, gone);
      const isOwn = isOwner(caller, controller.subject(params.id));
      // What makes a browser's EventSource stop coming back.
      if (!events) return reply.status(204).send(null);
      reply.raw.once("close", connections.take(ip));
      streams.add(reply.raw);
      reply.raw.once("close", () => streams.delete(reply.raw));
      keepAlive(reply.raw, heartbeatMs);
      // no-transform, and nginx's own header: what collects a stream before it hands it on would hold it back.
      void reply.header("cache-control", "no-store, no-transform").header("x-accel-buffering", "no").type(EVENT_STREAM);
      // Past the serializer, which knows JSON only.
      return reply.send(Readable.from(asText(events, isOwn), { highWaterMark: WAITING_EVENTS }) as never);
    },
  );
};

/** [R11] is for who created the session; others learn how it ended, and no more. */
function withoutResult(event: SessionEvent): SessionEvent {
  if (event.type !== "session.ended") return event;
  return { ...event, data: { ...event.data, note: null, evidence: [] } };
}

/** A place that is none is as one that is not known any more. */
function placeOf(lastEventId: string | undefined): number | undefined {
  return lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined;
}

async function* asText(events: AsyncIterable<PlacedEvent>, isOwn: boolean): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  for await (const { position, event } of events) {
    yield `id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(isOwn ? event : withoutResult(event))}\n\n`;
  }
}

/** Events are written whole, so that a comment always comes between two. A reader that is stuck gets none, and is cut off. */
function keepAlive(response: ServerResponse, everyMs: number): void {
  let stuckBeats = 0;
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) {
      response.write(":\n\n");
      return;
    }
    stuckBeats += 1;
    if (stuckBeats >= PATIENCE_BEATS) response.destroy();
  }, everyMs);
  response.on("drain", () => {
    stuckBeats = 0;
  });
  response.once("close", () => clearInterval(beat));
}
