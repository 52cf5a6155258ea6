/** [R18] What travels over the events socket, each message defined once. */
import { z } from "zod";
import { feedEventSchema } from "./events.ts";
import { MOST_TOPICS_AT_ONCE, SESSIONS_TOPIC } from "./topics.ts";

/** Messages that leave together, and how long the first of them waits for the others. */
export const BATCH = { messages: 10, ms: 100 } as const;

const id = z
  .union([z.string().max(64), z.number()])
  .optional()
  .meta({ description: "Repeated in the answer." });
/** Each is looked at by itself: one that is refused leaves the others. */
const topics = z.array(z.unknown()).min(1).max(MOST_TOPICS_AT_ONCE);
const position = z.int().min(0);

function request<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), id, data });
}

const token = z.string().min(1).max(2_048).meta({ description: "Of a link, or a key" });

/** Every message a reader may send. What it adds to one (timestamp, topic, seq) is not read. */
export const feedRequestSchema = z.discriminatedUnion("type", [
  // The token as on the operator socket [W27], or in the envelope.
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

/** What every message of the server has beside its type and its data. */
const envelope = {
  id: z.union([z.string(), z.number()]).nullable().meta({ description: "The event's, or the request's." }),
  timestamp: z.int().meta({ description: "ms since 1970" }),
  topic: z.string().nullable(),
  seq: z.int().min(1).meta({ description: "Grows by one from message to message of a connection." }),
};

function answer<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), ...envelope, data });
}

const eventMessages = feedEventSchema.options.map((option) =>
  option.extend({
    ...envelope,
    topics: z.array(z.string()).optional().meta({ description: "All that it is told under, where there are several." }),
    event: position.meta({ description: "Its place in the log of events: what `resume` goes on after." }),
    again: z.literal(true).optional().meta({ description: "It was sent before, and not acknowledged." }),
  }),
);

/** What the server sends, but for `batch`, which has several of these. */
export const feedMessageSchema = z.union([
  answer(
    "connected",
    z.object({
      event: position.meta({ description: "The newest event there is." }),
      batch: z.boolean(),
      reader: z.string().nullable().meta({ description: "The name under which ends are to be acknowledged, if any." }),
    }),
  ),
  answer("subscribed", z.object({ topics: z.array(z.string()).meta({ description: "All that hold now." }) })),
  answer(
    "resumed",
    z.object({
      after: position,
      complete: z.boolean().meta({ description: "False: some of what came after it is not kept any more." }),
    }),
  ),
  answer("lagging", z.object({ event: position.meta({ description: "The last one that was looked at." }) })),
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

/** Several of them in one frame. */
export interface FeedBatch {
  type: "batch";
  messages: FeedMessage[];
}

/** How a reader wants to be told; `topic` and `after` for a stream, `batch` and `reader` for a socket. */
export const feedQuerySchema = z.object({
  topic: z
    .union([z.string(), z.array(z.string()).min(1).max(MOST_TOPICS_AT_ONCE)])
    .default(SESSIONS_TOPIC)
    .meta({ description: "Given again for each of several." }),
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  batch: z.enum(["on", "off"]).default("on"),
  reader: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{1,64}$/)
    .optional()
    .meta({ description: "Ends are sent again to this reader until it acknowledges them." }),
});
export type FeedQuery = z.output<typeof feedQuerySchema>;

const topicsOfEvent = { topics: z.array(z.string()).meta({ description: "Those that it is told under." }) };

/** An event as a stream of many sessions has it. */
export const streamedEventSchema = z.union(feedEventSchema.options.map((option) => option.extend(topicsOfEvent)));
