/** [R18] The messages of the events socket, each defined once, and those of event streams of many sessions. */
import { z } from "zod";
import { feedEventSchema } from "./events.ts";
import { MOST_TOPICS_AT_ONCE, SESSIONS_TOPIC } from "./topics.ts";

/** The most messages in one frame, and how long the first of them waits for others, in ms. */
export const BATCH = { messages: 10, ms: 100 } as const;

const id = z
  .union([z.string().max(64), z.number()])
  .optional()
  .meta({ description: "Returned in the answer." });
/** Each topic is checked by itself, so that a refused one leaves the others. */
const topics = z.array(z.unknown()).min(1).max(MOST_TOPICS_AT_ONCE);
const position = z.int().min(0);

function request<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), id, data });
}

const token = z.string().min(1).max(2_048).meta({ description: "Token of an operator link, or an API key" });

/** Every message that a reader may send. Further fields of the envelope (timestamp, topic, seq) are ignored. */
export const feedRequestSchema = z.discriminatedUnion("type", [
  // The token stands where the operator socket has it [W27], or inside `data`.
  z.object({ type: z.literal("authenticate"), id, token: token.optional(), data: z.object({ token }).optional() }),
  request("subscribe", z.object({ topics })),
  request("unsubscribe", z.object({ topics })),
  request("resume", z.object({ after: position })),
  request("ack", z.object({ event: position })),
  z.object({ type: z.literal("ping"), id }),
  z.object({ type: z.literal("pong"), id }),
]);
export type FeedRequest = z.infer<typeof feedRequestSchema>;
export type FeedRequestOf<T extends FeedRequest["type"]> = Extract<FeedRequest, { type: T }>;
export const FEED_REQUEST_TYPES: readonly string[] = feedRequestSchema.options.map((o) => o.shape.type.value);

/** The fields of every message of the server, beside its type and data. */
const envelope = {
  id: z
    .union([z.string(), z.number()])
    .nullable()
    .meta({ description: "Id of the event, or of the request that this answers." }),
  timestamp: z.int().meta({ description: "ms since 1970" }),
  topic: z.string().nullable(),
  seq: z.int().min(1).meta({ description: "Number of the message on this connection, from 1 without gaps." }),
};

function answer<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), ...envelope, data });
}

const eventMessages = feedEventSchema.options.map((option) =>
  option.extend({
    ...envelope,
    topics: z.array(z.string()).optional().meta({ description: "All topics that the event belongs to, if several." }),
    event: position.meta({ description: "Position in the log of events; `resume` continues after it." }),
    again: z
      .literal(true)
      .optional()
      .meta({ description: "True for an event that was sent before and not acknowledged." }),
  }),
);

/** Every message of the server except `batch`, which holds several of these. */
export const feedMessageSchema = z.union([
  answer(
    "connected",
    z.object({
      event: position.meta({ description: "Position of the newest event." }),
      batch: z.boolean(),
      reader: z
        .string()
        .nullable()
        .meta({ description: "Name of the reader that must acknowledge ends; null: none is needed." }),
    }),
  ),
  answer(
    "subscribed",
    z.object({
      topics: z.array(z.string()).meta({ description: "All topics that this connection subscribes to now." }),
    }),
  ),
  answer(
    "resumed",
    z.object({
      after: position,
      complete: z.boolean().meta({ description: "False: some events after `after` are no longer kept." }),
    }),
  ),
  answer(
    "lagging",
    z.object({
      event: position.meta({ description: "Position of the last event that was considered for this reader." }),
    }),
  ),
  answer("ping", z.null()),
  answer("pong", z.null()),
  z.object({
    type: z.literal("authentication_result"),
    ...envelope,
    success: z.boolean(),
    code: z.string().nullable(),
    message: z.string(),
  }),
  z.object({
    type: z.literal("error"),
    ...envelope,
    error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).nullable() }),
  }),
  ...eventMessages,
]);
export type FeedMessage = z.infer<typeof feedMessageSchema>;

/** Several messages in one frame. */
export interface FeedBatch {
  type: "batch";
  messages: FeedMessage[];
}

/** The query of a reader: `topic` and `after` are for a stream, `batch` and `reader` for a socket. */
export const feedQuerySchema = z.object({
  topic: z
    .union([z.string(), z.array(z.string()).min(1).max(MOST_TOPICS_AT_ONCE)])
    .default(SESSIONS_TOPIC)
    .meta({ description: "A topic; the parameter may be repeated." }),
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  batch: z.enum(["on", "off"]).default("on"),
  reader: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{1,64}$/)
    .optional()
    .meta({ description: "Name of the reader; ends are sent to it again until it acknowledges them." }),
});
export type FeedQuery = z.output<typeof feedQuerySchema>;

const topicsOfEvent = {
  topics: z.array(z.string()).meta({ description: "The reader's topics that the event belongs to." }),
};

/** An event in a stream of many sessions. */
export const streamedEventSchema = z.union(feedEventSchema.options.map((option) => option.extend(topicsOfEvent)));
