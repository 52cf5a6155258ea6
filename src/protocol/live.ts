/** What travels over the operator socket, each message defined once. */
import { z } from "zod";
import {
  captchaInfoSchema,
  coordinateSchema,
  mouseEventTypeSchema,
  ROLES,
  rectSchema,
  sessionStateSchema,
  sizeSchema,
  verifiedSchema,
} from "./common.ts";
import { pictureFactsSchema } from "./frame.ts";

/** Larger messages close the socket with 1009. */
export const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;
export const JSON_SUBPROTOCOL = "captcha.json.v1";
/** [W23] Pictures as binary messages, everything else as with JSON. */
export const BINARY_SUBPROTOCOL = "captcha.binary.v1";
/** What follows is a ticket [R16]; offered beside one of those. */
export const TICKET_SUBPROTOCOL_PREFIX = "captcha.ticket.";
/** [W14] What follows is a mode, a hyphen and a scale; offered beside one of those, too. */
export const VIEW_SUBPROTOCOL_PREFIX = "captcha.view.";
/** [W31] What follows is the client's name, as in the ids of its messages [W30]; offered beside one of those, too. */
export const CLIENT_SUBPROTOCOL_PREFIX = "captcha.client.";
/** Until somebody has said who it is [W27]. */
export const MAX_FIRST_MESSAGE_BYTES = 4 * 1024;
/** [W14] Picture px per CSS px that a viewer may ask for. */
export const MAX_SCALE = 3;

const id = z
  .union([z.string().max(64), z.number()])
  .optional()
  .meta({ description: "Repeated as reply_to in an answer." });
const modifiers = z.int().min(0).max(15).default(0).meta({ description: "Alt 1, Ctrl 2, Meta 4, Shift 8" });

const mouseEventSchema = z.object({
  type: z.literal("mouse_event"),
  id,
  event_type: mouseEventTypeSchema,
  x: coordinateSchema,
  y: coordinateSchema,
  button: z.enum(["left", "middle", "right"]).optional(),
  buttons: z.int().min(0).max(7).optional().meta({ description: "Left 1, right 2, middle 4" }),
  t: z.number().optional().meta({ description: "ms on the client's clock" }),
  seq: z.int().min(0).optional().meta({ description: "The picture it was aimed at" }),
});

const wheelSchema = z.object({
  type: z.literal("wheel"),
  id,
  x: coordinateSchema,
  y: coordinateSchema,
  delta_x: coordinateSchema,
  delta_y: coordinateSchema,
});

const keySchema = z.object({
  type: z.literal("key"),
  id,
  event_type: z.enum(["down", "up"]),
  key: z.string().min(1).max(32).meta({ description: "As KeyboardEvent.key" }),
  code: z.string().max(32).default("").meta({ description: "As KeyboardEvent.code" }),
  modifiers,
});

const textSchema = z.object({ type: z.literal("text"), id, text: z.string().min(1).max(10_000) });
const ackSchema = z.object({ type: z.literal("ack"), id, seq: z.int().min(0) });
const viewSchema = z.object({
  type: z.literal("view"),
  id,
  mode: z.enum(["challenge", "page"]).optional().meta({ description: "Left out: as it is" }),
  scale: z.number().min(1).max(MAX_SCALE).optional().meta({ description: "Picture px per CSS px; left out: as it is" }),
});
const finishSchema = z.object({
  type: z.literal("finish"),
  id,
  outcome: z.enum(["done", "cannot"]),
  note: z.string().max(2_000).optional(),
});
const extendSchema = z.object({ type: z.literal("extend"), id, seconds: z.int().min(1).max(86_400) });

const authenticateSchema = z.object({
  type: z.literal("authenticate"),
  id,
  token: z.string().min(1).max(2_048).meta({ description: "Of a link, or a key" }),
});

/** The one field that is read of a message that is refused. */
export const messageIdSchema = z.object({ id });

/** Every message a client may send; a name is added here and the type checker shows where it must be handled. */
export const clientMessageSchema = z.discriminatedUnion("type", [
  mouseEventSchema,
  wheelSchema,
  keySchema,
  textSchema,
  ackSchema,
  viewSchema,
  z.object({ type: z.literal("check_completion"), id }),
  z.object({ type: z.literal("ping"), id }),
  z.object({ type: z.literal("heartbeat"), id }),
  z.object({ type: z.literal("pong"), id }),
  z.object({ type: z.literal("take_control"), id }),
  z.object({ type: z.literal("release_control"), id }),
  finishSchema,
  extendSchema,
  authenticateSchema,
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;
/** As a client may write it: what has a default may be left out. */
export type ClientMessageInput = z.input<typeof clientMessageSchema>;
export type ClientMessageOf<T extends ClientMessage["type"]> = Extract<ClientMessage, { type: T }>;
/** What a watcher may send: nothing that acts. */
export const WATCHER_MESSAGES: ReadonlySet<ClientMessage["type"]> = new Set([
  "ack",
  "view",
  "ping",
  "heartbeat",
  "pong",
  "authenticate",
]);
export const CLIENT_MESSAGE_TYPES: readonly string[] = clientMessageSchema.options.map((o) => o.shape.type.value);

/** How a page is that cannot be acted on at the moment, and that it can be again. */
export const PAGE_CONDITIONS = [
  "page_unresponsive",
  "page_responsive",
  "dialog_open",
  "page_reopening",
  "page_reopened",
] as const;

const screenshot = z.string().meta({ description: "Base64 JPEG" });
const view = rectSchema.meta({ description: "The part of the page, in CSS px, that pictures show" });

/** Every message the server may send; `timestamp` and `reply_to` are added to each as it leaves. */
export const serverMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("session_info"),
    session_id: z.string(),
    screenshot: screenshot
      .nullable()
      .optional()
      .meta({ description: "null while the session is starting; absent where pictures are binary" }),
    captcha_info: captchaInfoSchema.nullable(),
    viewport: sizeSchema,
    view,
    state: sessionStateSchema,
    role: z.enum(ROLES).meta({ description: "watch: sees, and cannot act" }),
    instructions: z.string().nullable(),
    label: z.string().nullable(),
    expires_at: z.iso.datetime(),
    seq: z.int().meta({ description: "Number of the picture in it; 0: none" }),
    confirms: z
      .literal(true)
      .optional()
      .meta({ description: "Numbered messages are confirmed; absent for plain clients" }),
  }),
  z.object({ type: z.literal("screenshot_update"), screenshot, ...pictureFactsSchema.shape }),
  z.object({ type: z.literal("completed"), message: z.string(), verified: verifiedSchema }),
  z.object({ type: z.literal("completion_status"), completed: z.boolean(), reason: z.string() }),
  z.object({ type: z.literal("done") }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
  z.object({
    type: z.literal("error"),
    message: z.string(),
    code: z.string(),
    details: z.record(z.string(), z.unknown()).nullable(),
  }),
  z.object({
    type: z.literal("session_state"),
    state: sessionStateSchema,
    reason: z.string().nullable(),
    expires_at: z.iso.datetime(),
  }),
  z.object({
    type: z.literal("expiring"),
    expires_at: z.iso.datetime(),
    seconds_left: z.int().min(0).meta({ description: "Until then, unless somebody extends it" }),
  }),
  z.object({
    type: z.literal("authentication_result"),
    success: z.boolean(),
    code: z.string().nullable(),
    message: z.string(),
  }),
  z.object({ type: z.literal("presence"), operators: z.int() }),
  z.object({ type: z.literal("control"), holder: z.string().nullable(), you: z.boolean() }),
  z.object({
    type: z.literal("dialog"),
    kind: z.enum(["alert", "confirm", "prompt", "beforeunload"]),
    message: z.string(),
    answer: z.enum(["accepted", "dismissed"]),
  }),
  z.object({
    type: z.literal("page_notice"),
    notice: z.enum(["popup", "download_refused", "page_not_visible", "page_visible", ...PAGE_CONDITIONS]),
    url: z.string(),
  }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type ServerMessageOf<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;
