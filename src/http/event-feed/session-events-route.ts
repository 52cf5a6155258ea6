/** [R14] The events of one session as server-sent events: for EventSource in browsers, for fetch and for curl. */
import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Authenticator } from "../../auth/authenticator.ts";
import { isOwner } from "../../auth/permissions.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { eventsQuerySchema, type PlacedEvent, sessionEventSchema } from "../../protocol/events.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { goneSignal } from "../guards/authorization.ts";
import { withoutResult } from "./serialize.ts";
import { beginStream, EVENT_STREAM, lastEventIdSchema, parseCursor, RETRY_LINE, type StreamDeps } from "./sse.ts";

/** Events that wait for one reader, besides what the system's buffers hold. */
const WAITING_EVENTS = 16;

export interface EventRoutesOptions extends StreamDeps {
  readonly controller: Pick<CaptchaRemoteController, "follow" | "subject">;
  readonly authenticator: Pick<Authenticator, "whenOver">;
}

const idParams = z.object({ id: sessionIdSchema });
const answers = {
  200: {
    description: "Each event as `id`, `event` (its type) and `data`: this, as JSON.",
    content: { [EVENT_STREAM]: { schema: sessionEventSchema } },
  },
  204: z.null().meta({ description: "The end was sent already: nothing will follow." }),
  "4xx": errorAnswerSchema,
};

export const eventRoutes: FastifyPluginAsyncZod<EventRoutesOptions> = async (app, options) => {
  const { controller, authenticator } = options;
  app.get(
    "/session/:id/events",
    {
      config: { access: { scopes: ["sessions:read"], session: "params" } },
      schema: {
        summary: "Follow a session",
        description: "Server-sent events, to the end of the session; the first one has the present state.",
        tags: ["bots"],
        params: idParams,
        querystring: eventsQuerySchema,
        headers: lastEventIdSchema,
        response: answers,
      },
    },
    async (request, reply) => {
      const { params, query, headers, caller } = request;
      const gone = goneSignal(request, reply, authenticator);
      const events = controller.follow(params.id, parseCursor(headers["last-event-id"]) ?? query.after, gone);
      const isOwn = isOwner(caller, controller.subject(params.id));
      // A 204 makes a browser's EventSource stop reconnecting.
      if (!events) return reply.status(204).send(null);
      beginStream(request, reply, options);
      // `never`: the typed reply knows JSON only, a stream is sent as it is.
      return reply.send(Readable.from(asText(events, isOwn), { highWaterMark: WAITING_EVENTS }) as never);
    },
  );
};

async function* asText(events: AsyncIterable<PlacedEvent>, isOwn: boolean): AsyncGenerator<string> {
  yield RETRY_LINE;
  for await (const { position, event } of events) {
    yield `id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(isOwn ? event : withoutResult(event))}\n\n`;
  }
}
