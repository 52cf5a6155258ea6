/** What both event streams have in common: their headers, how they are counted, and their heartbeat. */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ConnectionLimits } from "../guards/connection-limits.ts";

/** A comment is sent so often, so that proxies and readers know that the stream is alive. */
const HEARTBEAT_MS = 15_000;
/** A reader that has taken nothing for so many heartbeats is cut off; it can reconnect and resume. */
const PATIENCE_BEATS = 2;
/** How long a browser waits before it reconnects. */
const RETRY_MS = 1_000;
export const RETRY_LINE = `retry: ${RETRY_MS}\n\n`;
export const EVENT_STREAM = "text/event-stream";

export const lastEventIdSchema = z.object({
  "last-event-id": z.string().max(64).optional().meta({ description: "Resumes after this event; wins over `after`." }),
});

export interface StreamDeps {
  readonly connections: ConnectionLimits;
  /** The open event streams: added and removed here. */
  readonly streams: Set<ServerResponse>;
  readonly heartbeatMs?: number;
}

/** Prepares the reply for a stream of events, which the caller sends next. Throws as ConnectionLimits.take does. */
export function beginStream(
  { ip }: Pick<FastifyRequest, "ip">,
  reply: FastifyReply,
  { connections, streams, heartbeatMs = HEARTBEAT_MS }: StreamDeps,
): void {
  reply.raw.once("close", connections.take(ip));
  streams.add(reply.raw);
  reply.raw.once("close", () => streams.delete(reply.raw));
  keepAlive(reply.raw, heartbeatMs);
  // `no-transform`, and nginx's own header: a proxy that buffers would hold the events back.
  void reply
    .header("cache-control", "no-store, no-transform")
    .header("x-accel-buffering", "no")
    .type(`${EVENT_STREAM}; charset=utf-8`);
}

/** The position in a Last-Event-ID; undefined if there is none, or if it is not one of ours. */
export function parseCursor(lastEventId: string | undefined): number | undefined {
  return lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined;
}

/** Events are written whole, so a comment never splits one. A reader that takes nothing gets none, and is cut off. */
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
