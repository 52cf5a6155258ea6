/** What all server-sent events of ours have in common: their headers, how they are counted, and how they are kept alive. */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ConnectionLimits } from "../sockets/connection-limits.ts";

/** A comment so often tells proxies, and a reader that looks, that the stream is alive. */
const HEARTBEAT_MS = 15_000;
/** A reader that has taken nothing for so many heartbeats is cut off; it can come back to where it was. */
const PATIENCE_BEATS = 2;
/** How long a browser waits before it comes back. */
const RETRY_MS = 1_000;
export const RETRY_LINE = `retry: ${RETRY_MS}\n\n`;
export const EVENT_STREAM = "text/event-stream";

export const lastEventIdSchema = z.object({
  "last-event-id": z.string().max(64).optional().meta({ description: "Goes on after this event; wins over `after`." }),
});

export interface StreamDeps {
  readonly connections: ConnectionLimits;
  /** Holds the answers that go on, for as long as they are open. */
  readonly streams: Set<ServerResponse>;
  readonly heartbeatMs?: number;
}

/** Makes this answer a stream that goes on: what is sent then is its text. Throws as Connections.take does. */
export function beginStream(
  { ip }: Pick<FastifyRequest, "ip">,
  reply: FastifyReply,
  { connections, streams, heartbeatMs = HEARTBEAT_MS }: StreamDeps,
): void {
  reply.raw.once("close", connections.take(ip));
  streams.add(reply.raw);
  reply.raw.once("close", () => streams.delete(reply.raw));
  keepAlive(reply.raw, heartbeatMs);
  // no-transform, and nginx's own header: what collects a stream before it hands it on would hold it back.
  void reply
    .header("cache-control", "no-store, no-transform")
    .header("x-accel-buffering", "no")
    .type(`${EVENT_STREAM}; charset=utf-8`);
}

/** A place that is none is as one that is not known any more. */
export function parseCursor(lastEventId: string | undefined): number | undefined {
  return lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined;
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
