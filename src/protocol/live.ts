/** The messages of the operator socket, each defined once, and its subprotocols. */
import { z } from "zod";
import {
  captchaInfoSchema,
  contradictionSchema,
  coordinateSchema,
  mouseEventTypeSchema,
  ROLES,
  rectSchema,
  sessionStateSchema,
  sizeSchema,
  verifiedSchema,
} from "./common.ts";
import { pictureFactsSchema } from "./frame.ts";

/** A larger message closes the socket with 1009. */
export const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;
export const JSON_SUBPROTOCOL = "captcha.json.v1";
/** [W23] Pictures are binary messages, all others are JSON. */
export const BINARY_SUBPROTOCOL = "captcha.binary.v1";
/** [W63] As the binary one; of a picture that has changed in a part only that part is sent. */
export const DAMAGE_SUBPROTOCOL = "captcha.binary.v2";
/** [R16] A ticket follows. Clients offer it beside the JSON or the binary subprotocol. */
export const TICKET_SUBPROTOCOL_PREFIX = "captcha.ticket.";
/** [W14] A mode, a hyphen and a scale follow. Clients offer it beside the JSON or the binary subprotocol. */
export const VIEW_SUBPROTOCOL_PREFIX = "captcha.view.";
/** [W31] The client's name follows, as in the ids of its messages [W30]. Clients offer it beside the JSON or the binary subprotocol. */
export const CLIENT_SUBPROTOCOL_PREFIX = "captcha.client.";
/** [W27] The limit until the socket has authenticated. */
export const MAX_FIRST_MESSAGE_BYTES = 4 * 1024;
/** [W14] The largest scale that a viewer may request, in picture px per CSS px. */
export const MAX_SCALE = 3;

const id = z
  .union([z.string().max(64), z.number()])
  .optional()
  .meta({ description: "Returned as reply_to in the answer." });
const modifiers = z
  .int()
  .min(0)
  .max(15)
  .meta({ description: "Keys that are down: sum of Alt 1, Ctrl 2, Meta 4, Shift 8" });
/** As messages name them. */
export const MOUSE_BUTTONS = ["left", "middle", "right", "back", "forward"] as const;

const mouseEventSchema = z.object({
  type: z.literal("mouse_event"),
  id,
  event_type: mouseEventTypeSchema,
  x: coordinateSchema,
  y: coordinateSchema,
  button: z.enum(MOUSE_BUTTONS).optional(),
  buttons: z
    .int()
    .min(0)
    .max(31)
    .optional()
    .meta({ description: "Buttons that are down: sum of left 1, right 2, middle 4, back 8, forward 16" }),
  modifiers: modifiers.optional(),
  t: z.number().optional().meta({ description: "ms on the client's clock" }),
  seq: z.int().min(0).optional().meta({ description: "Number of the picture that the operator saw" }),
});

/** [W44] The most fingers at a time. */
export const MAX_TOUCHES = 5;

const touchSchema = z.object({
  id: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .meta({ description: "Names a finger from its start to its end" }),
  x: coordinateSchema,
  y: coordinateSchema,
  radius: z.number().min(0).max(1_000).optional().meta({ description: "Of the touched spot, CSS px of the page" }),
  force: z.number().min(0).max(1).optional(),
});

const touchEventSchema = z.object({
  type: z.literal("touch_event"),
  id,
  event_type: z.enum(["start", "move", "end", "cancel"]),
  touches: z
    .array(touchSchema)
    .min(1)
    .max(MAX_TOUCHES)
    .refine((touches) => new Set(touches.map((touch) => touch.id)).size === touches.length, "a finger is named twice")
    .meta({ description: "The fingers that have changed" }),
  t: z.number().optional().meta({ description: "ms on the client's clock" }),
  seq: z.int().min(0).optional().meta({ description: "Number of the picture that the operator saw" }),
});

const wheelSchema = z.object({
  type: z.literal("wheel"),
  id,
  x: coordinateSchema,
  y: coordinateSchema,
  delta_x: coordinateSchema,
  delta_y: coordinateSchema,
  modifiers: modifiers.optional(),
});

const keySchema = z.object({
  type: z.literal("key"),
  id,
  event_type: z.enum(["down", "up"]),
  key: z.string().min(1).max(32).meta({ description: "As KeyboardEvent.key" }),
  code: z.string().max(32).default("").meta({ description: "As KeyboardEvent.code" }),
  modifiers: modifiers.default(0),
  location: z
    .int()
    .min(0)
    .max(3)
    .optional()
    .meta({ description: "As KeyboardEvent.location; left out: what code says" }),
  repeat: z.boolean().optional().meta({ description: "As KeyboardEvent.repeat; left out: whether the key is down" }),
});

const textSchema = z.object({
  type: z.literal("text"),
  id,
  text: z.string().min(1).max(10_000),
  whole: z.boolean().optional().meta({
    description:
      "true: it came as a whole, as by a paste; false: an input method has committed it; left out: true if it has several characters",
  }),
});
const ackSchema = z.object({
  type: z.literal("ack"),
  id,
  seq: z.int().min(0),
  whole: z.boolean().optional().meta({
    description: "true: it could not be drawn, as the picture that it changes is not there; a whole one is wanted",
  }),
});
const viewSchema = z.object({
  type: z.literal("view"),
  id,
  mode: z.enum(["challenge", "page"]).optional().meta({ description: "Left out: unchanged" }),
  scale: z
    .number()
    .min(1)
    .max(MAX_SCALE)
    .optional()
    .meta({ description: "Picture px per CSS px; left out: unchanged" }),
});
const finishSchema = z.object({
  type: z.literal("finish"),
  id,
  outcome: z.enum(["done", "cannot"]),
  confirm: z
    .boolean()
    .optional()
    .meta({ description: "With done: the person was asked once more, and says that it is done all the same" }),
  note: z.string().max(2_000).optional(),
});
const extendSchema = z.object({ type: z.literal("extend"), id, seconds: z.int().min(1).max(86_400) });

const authenticateSchema = z.object({
  type: z.literal("authenticate"),
  id,
  token: z.string().min(1).max(2_048).optional().meta({ description: "Token of an operator link, or an API key" }),
  protocols: z
    .array(z.string().min(1).max(256))
    .max(16)
    .optional()
    .meta({ description: "What the client would have offered as subprotocols, its ticket included" }),
});

/** [W40] What a console can do for the person beyond pictures and input. What it cannot is never asked of it. */
export const CLIENT_FEATURES = [
  "dialogs",
  "windows",
  "pickers",
  "files",
  "clipboard",
  "sound",
  "sign_in",
  "focus",
] as const;
export type ClientFeature = (typeof CLIENT_FEATURES)[number];

const featuresSchema = z.object({
  type: z.literal("features"),
  id,
  features: z
    .array(z.string().min(1).max(32))
    .max(32)
    .meta({ description: `What this client can do: ${CLIENT_FEATURES.join(", ")}. Other names are ignored.` }),
});

const questionId = z.string().min(1).max(64).meta({ description: "The question that this answers" });

const answerDialogSchema = z.object({
  type: z.literal("answer_dialog"),
  id,
  question_id: questionId,
  accept: z.boolean(),
  text: z.string().max(10_000).optional().meta({ description: "For a prompt" }),
});

/** The most options that a list of the page shows to the person. */
export const MAX_PICK_OPTIONS = 5_000;

const answerPickSchema = z.object({
  type: z.literal("answer_pick"),
  id,
  question_id: questionId,
  options: z
    .array(z.int().min(0))
    .max(MAX_PICK_OPTIONS)
    .optional()
    .meta({ description: "For a select: the index of each chosen option. Without options and value nothing changes." }),
  value: z.string().max(1_000).optional().meta({ description: "For other controls: as HTMLInputElement.value" }),
});

const answerFilesSchema = z.object({
  type: z.literal("answer_files"),
  id,
  question_id: questionId,
  files: z
    .array(z.string().min(1).max(64))
    .max(100)
    .meta({ description: "The `file_id` of each uploaded file [R25]; empty: none is chosen" }),
});

const answerSignInSchema = z.object({
  type: z.literal("answer_sign_in"),
  id,
  question_id: questionId,
  username: z.string().max(256).optional(),
  password: z
    .string()
    .max(256)
    .optional()
    .meta({ description: "Left out with the user name: the person does not sign in" }),
});

const navigateSchema = z.object({ type: z.literal("navigate"), id, action: z.enum(["back", "reload"]) });
/** [W47] The most windows of a session, the first one included. */
export const MAX_WINDOWS = 8;
export const MAX_WINDOW_TITLE = 200;

const windowSchema = z.object({
  type: z.literal("window"),
  id,
  window_id: z.string().min(1).max(64),
  action: z.enum(["show", "close"]),
});

/** [W47] A window of the session, as its operators see it. */
const pageWindowSchema = z.object({
  id: z.string(),
  title: z.string().max(MAX_WINDOW_TITLE).meta({ description: "May be empty" }),
  site: z.string().meta({ description: "The origin of its address; empty while it has none" }),
  active: z.boolean().meta({ description: "Whether pictures and input are of this one" }),
});
export type PageWindow = z.infer<typeof pageWindowSchema>;

/** The only field that is read from a refused message. */
export const messageIdSchema = z.object({ id });

/** Every message that a client may send. For a new one the type checker shows where it must be handled. */
export const clientMessageSchema = z.discriminatedUnion("type", [
  mouseEventSchema,
  touchEventSchema,
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
  featuresSchema,
  answerDialogSchema,
  answerPickSchema,
  answerFilesSchema,
  answerSignInSchema,
  navigateSchema,
  windowSchema,
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;
/** A message as a client may write it: fields that have a default may be left out. */
export type ClientMessageInput = z.input<typeof clientMessageSchema>;
export type ClientMessageOf<T extends ClientMessage["type"]> = Extract<ClientMessage, { type: T }>;
/** The messages that a watcher may send: none of them acts in the page. */
export const WATCHER_MESSAGES: ReadonlySet<ClientMessage["type"]> = new Set([
  "ack",
  "view",
  "ping",
  "heartbeat",
  "pong",
  "authenticate",
  "features",
]);
export const CLIENT_MESSAGE_TYPES: readonly string[] = clientMessageSchema.options.map((o) => o.shape.type.value);

/** Conditions in which a page cannot be acted on at the moment, and those in which it can be again. */
export const PAGE_CONDITIONS = [
  "page_unresponsive",
  "page_responsive",
  "dialog_open",
  "page_reopening",
  "page_reopened",
] as const;

const dialogKindSchema = z.enum(["alert", "confirm", "prompt", "beforeunload"]);

const pickOptionSchema = z.object({
  index: z.int().meta({ description: "Its place among all options of the control" }),
  label: z.string(),
  group: z.string().optional(),
  disabled: z.literal(true).optional(),
  selected: z.literal(true).optional(),
});
export type PickOption = z.infer<typeof pickOptionSchema>;
const pickKindSchema = z.enum(["select", "suggestions", "date", "time", "month", "week", "datetime-local", "color"]);
export type PickKind = z.infer<typeof pickKindSchema>;

/** [W45] What a page may ask of the person in control. Each is open until it is answered or `withdrawn`. */
const questionSchemas = {
  dialog: z.object({
    type: z.literal("ask_dialog"),
    question_id: z.string(),
    kind: dialogKindSchema,
    site: z.string().meta({ description: "Host of the frame that asks; empty: it has none" }),
    message: z.string(),
    default_text: z.string().meta({ description: "Of a prompt" }),
  }),
  pick: z.object({
    type: z.literal("ask_pick"),
    question_id: z.string(),
    kind: pickKindSchema,
    label: z.string(),
    rect: rectSchema.meta({ description: "Where the control is, in CSS px of the page" }),
    multiple: z.boolean(),
    options: z.array(pickOptionSchema),
    has_more: z.boolean().meta({ description: "Some options are left out: there are too many" }),
    value: z.string(),
    min: z.string(),
    max: z.string(),
    step: z.string(),
  }),
  files: z.object({
    type: z.literal("ask_files"),
    question_id: z.string(),
    multiple: z.boolean(),
    accept: z.string().meta({ description: "As the field's own `accept`; empty: any file" }),
    max_bytes: z.int().meta({ description: "Of one file" }),
  }),
  signIn: z.object({
    type: z.literal("ask_sign_in"),
    question_id: z.string(),
    site: z.string().meta({ description: "Scheme, host and port that the credentials go to" }),
    realm: z.string().meta({ description: "The site's own words; empty: none" }),
    tries_left: z.int(),
  }),
};
export type Question = z.infer<(typeof questionSchemas)[keyof typeof questionSchemas]>;
/** The feature that a client needs to be asked. */
export const FEATURE_OF_QUESTION: Readonly<Record<Question["type"], ClientFeature>> = {
  ask_dialog: "dialogs",
  ask_pick: "pickers",
  ask_files: "files",
  ask_sign_in: "sign_in",
};
/** What answers a question, by the type of the answer. */
export const QUESTION_OF_ANSWER = {
  answer_dialog: "ask_dialog",
  answer_pick: "ask_pick",
  answer_files: "ask_files",
  answer_sign_in: "ask_sign_in",
} as const satisfies Partial<Record<ClientMessage["type"], Question["type"]>>;
export type Answer = ClientMessageOf<keyof typeof QUESTION_OF_ANSWER>;

/** What a page offers to the person in control; it needs no answer, and no watcher gets it. */
const offerSchemas = {
  copied: z.object({
    type: z.literal("copied"),
    text: z.string().meta({ description: "Plain text, at most 100 kB" }),
    by: z.enum(["key", "press"]).meta({
      description:
        "key: the person's own keys for copying; press: any other key or press, such as a button of the page",
    }),
    cut: z.boolean().meta({ description: "Only the beginning is here: there was more" }),
  }),
  sound: z.object({
    type: z.literal("sound"),
    sound_id: z.string(),
    mime: z.string().meta({ description: "As the page's server says" }),
    bytes: z.int(),
    at: z.iso.datetime().meta({ description: "When the page had loaded it" }),
  }),
};
export type Offer = z.infer<(typeof offerSchemas)[keyof typeof offerSchemas]>;
/** The feature that a client needs to get it. */
export const FEATURE_OF_OFFER: Readonly<Record<Offer["type"], ClientFeature>> = {
  copied: "clipboard",
  sound: "sound",
};

const screenshot = z.string().meta({ description: "Base64 JPEG" });
const view = rectSchema.meta({ description: "The part of the page that pictures show, in CSS px" });

/** Every message that the server may send. `timestamp` and `reply_to` are added to each when it is sent. */
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
    role: z.enum(ROLES).meta({ description: "control: may act in the page; watch: may only see it" }),
    instructions: z.string().nullable(),
    label: z.string().nullable(),
    expires_at: z.iso.datetime(),
    seq: z.int().meta({ description: "Number of the picture in this message; 0: none" }),
    touch: z
      .literal(true)
      .optional()
      .meta({ description: "The page takes touch_event; absent where it does not, and for older clients" }),
    mobile: z
      .literal(true)
      .optional()
      .meta({ description: "With touch: the page is a phone's, whose first pointer is a finger" }),
    navigates: z.literal(true).optional().meta({
      description: "The page takes navigate; absent for a page of the bot's own browser, and for older clients",
    }),
    confirms: z
      .literal(true)
      .optional()
      .meta({ description: "Numbered messages are confirmed; absent for clients that do not number theirs" }),
  }),
  z.object({ type: z.literal("screenshot_update"), screenshot, ...pictureFactsSchema.shape }),
  z.object({ type: z.literal("completed"), message: z.string(), verified: verifiedSchema }),
  z.object({
    type: z.literal("completion_status"),
    completed: z.boolean(),
    reason: z.string(),
    contradicted_by: z
      .array(contradictionSchema)
      .optional()
      .meta({ description: "With confirm_needed: what still shows" }),
  }),
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
    seconds_left: z.int().min(0).meta({ description: "Seconds until the session expires, unless somebody extends it" }),
  }),
  z.object({
    type: z.literal("moved_on"),
    at: z.iso
      .datetime()
      .nullable()
      .meta({ description: "When the page moved on; null: it has not, or a challenge shows again" }),
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
    kind: dialogKindSchema,
    message: z.string(),
    answer: z.enum(["accepted", "dismissed"]),
  }),
  z.object({
    type: z.literal("focus"),
    field: z
      .object({
        kind: z.string().meta({ description: "text, password, code, multiline, or the type of the input" }),
        inputmode: z.string().meta({ description: "As the attribute inputmode: the keyboard that fits" }),
        rect: rectSchema.meta({ description: "Where the field is on the page, CSS px" }),
        caret: rectSchema.nullable().meta({
          description: "Where the next character goes, CSS px of the page, without a width; null: not known",
        }),
      })
      .nullable()
      .meta({ description: "null: no field has the focus" }),
  }),
  questionSchemas.dialog,
  questionSchemas.pick,
  questionSchemas.files,
  questionSchemas.signIn,
  z.object({ type: z.literal("withdrawn"), question_id: z.string() }),
  offerSchemas.copied,
  offerSchemas.sound,
  z.object({ type: z.literal("windows"), windows: z.array(pageWindowSchema).max(MAX_WINDOWS) }),
  z.object({
    type: z.literal("page_notice"),
    notice: z.enum([
      "popup",
      "popup_refused",
      "download_refused",
      "sound_not_offered",
      "dialogs_muted",
      "printing",
      "full_screen",
      "passkey_refused",
      "permission_refused",
      "page_not_visible",
      "page_visible",
      ...PAGE_CONDITIONS,
    ]),
    url: z.string(),
  }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type ServerMessageOf<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;
