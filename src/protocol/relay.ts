/** [W55] The messages of a relay's socket: how it begins, and the headers of what it carries. */
import { z } from "zod";
import { CROP_VERSION, RELAY_VERSION, type RelayHeader } from "./relay-terms.ts";

/** [R28] The random id of a relay. */
export const relayIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/, "not a relay's id")
  .meta({ description: "In place of `url`: a page that a bot lends over a relay; the id that its relay has got." });

/** An id that DevTools has given: it is shown to operators, and looked up, and nothing else. */
export const devToolsIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, "not an id of DevTools");

const versionSchema = z.literal(RELAY_VERSION, "the server speaks version 1");

/** [R29] How a bot shows a part of its page: device px per CSS px, and whether the page has touch. */
const cropSchema = z.object({ density: z.number().min(0.1).max(10), touch: z.boolean() });
/** The relay that a bot had with an earlier server. */
const formerRelaySchema = z.object({ relay: relayIdSchema, secret: z.string().max(100) });
export type FormerRelay = z.infer<typeof formerRelaySchema>;

export const relayHelloSchema = z.object({
  type: z.literal("hello"),
  version: versionSchema,
  client: z.string().max(100).optional(),
  target_id: devToolsIdSchema,
  dialogs: z.enum(["bot", "operator"]).default("bot"),
  windows: z.enum(["follow", "leave"]).default("follow"),
  crop: cropSchema.nullable().default(null),
  again: formerRelaySchema.optional(),
});
export type RelayHello = z.infer<typeof relayHelloSchema>;

export const relayResumeSchema = z.object({
  type: z.literal("resume"),
  version: versionSchema,
  relay: relayIdSchema,
  secret: z.string().max(100),
  received: z.int().min(0),
});
export type RelayResume = z.infer<typeof relayResumeSchema>;

const authenticateSchema = z.object({ type: z.literal("authenticate"), token: z.string().max(4_000) });

/** The text messages of a bot. `authenticate` is that of the operator socket [W27]. */
export const relayClientMessageSchema = z.discriminatedUnion("type", [
  authenticateSchema,
  relayHelloSchema,
  relayResumeSchema,
]);
export type RelayClientMessage = z.infer<typeof relayClientMessageSchema>;

/** [W61] The messages of a bot that crops a page which the server reaches itself. */
export const cropClientMessageSchema = z.discriminatedUnion("type", [
  authenticateSchema,
  z.object({
    type: z.literal("hello"),
    version: z.literal(CROP_VERSION, "the server speaks version 1"),
    target_id: devToolsIdSchema,
    crop: cropSchema,
  }),
  z.object({ type: z.literal("cropped"), id: z.int().min(0), error: z.string().max(1_000).optional() }),
  z.object({ type: z.literal("renewed") }),
]);
export type CropClientMessage = z.infer<typeof cropClientMessageSchema>;
export type CropHello = Extract<CropClientMessage, { type: "hello" }>;

const count = z.int().min(0);
const bodyAtSchema = z.enum(["params.data", "result.data", "result.body"]);

/** A DevTools message as a bot may send it: what `params` and `result` have is checked by whoever asked for it. */
export const relayedMessageSchema = z.strictObject({
  id: count.optional(),
  sessionId: devToolsIdSchema.optional(),
  method: z.string().max(100).optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});
export type RelayedMessage = z.infer<typeof relayedMessageSchema>;

/** The headers that a bot sends. */
export const relayBotHeaderSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("cdp"),
    seq: count,
    ack: count.optional(),
    epoch: count,
    message: relayedMessageSchema,
    body_at: bodyAtSchema.optional(),
  }),
  z.object({
    type: z.literal("picture"),
    picture: count,
    ack: count.optional(),
    epoch: count,
    message: relayedMessageSchema,
    body_at: z.literal("params.data"),
  }),
  z.object({
    type: z.literal("gone"),
    seq: count,
    ack: count.optional(),
    epoch: count,
    reason: z.enum(["page_closed", "page_crashed", "browser_lost"]),
  }),
  z.object({ type: z.literal("ack"), ack: count }),
]);
export type RelayBotHeader = z.infer<typeof relayBotHeaderSchema> & RelayHeader;
export type GoneReason = Extract<RelayBotHeader, { type: "gone" }>["reason"];
