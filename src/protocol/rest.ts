/** The bodies and answers of REST, each defined once. Types and the API page are derived from them. */

import { z } from "zod";
import { isShallow, isSmall, MAX_DEPTH } from "./bounded-json.ts";
import { claimFields } from "./claims.ts";
import {
  captchaInfoSchema,
  contradictionSchema,
  coordinateSchema,
  mouseEventTypeSchema,
  needsPersonSchema,
  sessionIdSchema,
  sessionStateSchema,
  sizeSchema,
  verifiedSchema,
} from "./common.ts";
import { relayIdSchema } from "./relay.ts";
import { reportSchema } from "./reports.ts";
import { MAX_LABEL_LENGTH } from "./topics.ts";
import { webhookSecretSchema } from "./webhook-secret.ts";

const MAX_RULES = 20;
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;
const TOO_LARGE = `more than 16 kB of JSON, or ${TOO_DEEP}`;
const selectorSchema = z.string().min(1).max(1_000).meta({ description: "CSS selector" });
const regexSchema = z
  .string()
  .min(1)
  .max(200)
  .refine(isRegExp, "not a regular expression")
  .meta({ description: "Regular expression; it runs in an isolated world of the page" });

const cookieDomainSchema = z
  .string()
  .max(253)
  .regex(/^\.?[A-Za-z0-9_:[\]-]+(\.[A-Za-z0-9_-]+)*$/, "not a host name")
  .meta({ description: "The cookie's domain; left out: a domain of the host of the session's address." });

const ofSchema = z
  .literal("any")
  .optional()
  .meta({ description: "any: asked of every window of the session [W47]; left out: of the first one only." });

/** [R21] One completion rule. At any moment it is true, false or unknown. */
export const ruleSchema = z.union(
  [
    z
      .strictObject({
        gone: selectorSchema,
        across: z.literal("any").optional().meta({
          description:
            "Holds after every navigation; left out: not where a followed link or the like took the page away.",
        }),
        of: ofSchema,
      })
      .meta({ description: "Holds while no frame has a visible match." }),
    z
      .strictObject({ visible: selectorSchema, of: ofSchema })
      .meta({ description: "Holds while some frame has a visible match." }),
    z
      .strictObject({ value: selectorSchema, of: ofSchema })
      .meta({ description: "Holds while a matching form field has a non-empty value." }),
    z
      .strictObject({ text: selectorSchema, matches: regexSchema, of: ofSchema })
      .meta({ description: "Holds while the text of a match matches." }),
    z
      .strictObject({ url: z.string().min(1).max(500), of: ofSchema })
      .meta({ description: "Holds while the page's URL matches this glob." }),
    z
      .strictObject({
        cookie: z.string().min(1).max(256),
        changed: z.literal(true),
        domain: cookieDomainSchema.optional(),
      })
      .meta({ description: "Holds while this cookie differs from its value at the session's start." }),
  ],
  "not one of the rules gone, visible, value, text + matches, url, cookie + changed",
);
export type Rule = z.infer<typeof ruleSchema>;

export const completionSchema = z.strictObject({
  any: z.array(ruleSchema).min(1).max(MAX_RULES).optional(),
  all: z.array(ruleSchema).min(1).max(MAX_RULES).optional(),
  stable_ms: z.int().min(0).max(10_000).default(500).meta({ description: "How long a verdict must hold, in ms." }),
  poll_ms: z
    .int()
    .min(50)
    .max(5_000)
    .default(100)
    .meta({ description: "Interval of the checks after activity, in ms." }),
  operator_may_override: z.boolean().default(false).meta({
    description: "Whether a person who says it twice ends the session as solved although the rules do not hold.",
  }),
});
export type Completion = z.infer<typeof completionSchema>;

/** Credentials and the host stay the browser's own, and headers of the connection belong to the network stack. */
const REFUSED_HEADER =
  /^(authorization|cookie|host|proxy-.*|connection|upgrade|te|trailer|transfer-encoding|content-length)$/i;
const headersSchema = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "not a header name"), headerValueSchema())
  .superRefine((headers, context) => {
    const names = Object.keys(headers);
    if (names.length > 50) context.addIssue({ code: "custom", message: "at most 50 headers" });
    for (const name of names) {
      if (REFUSED_HEADER.test(name)) context.addIssue({ code: "custom", path: [name], message: "refused here" });
    }
  });

const storageStateSchema = z
  .looseObject({
    cookies: z
      .array(z.looseObject({ name: z.string(), value: z.string() }))
      .max(3_000)
      .default([]),
    origins: z
      .array(z.looseObject({ origin: z.string() }))
      .max(500)
      .default([]),
  })
  .meta({ description: "Cookies and local storage in Playwright's storageState format." });
export type StorageState = z.infer<typeof storageStateSchema>;

/** Identifies a page of the bot's own browser. */
export const cdpTargetSchema = z.strictObject({
  endpoint: z
    .string()
    .min(1)
    .max(8_192)
    .meta({ description: "The browser's debugging address: http://127.0.0.1:9222, or its ws: or wss: address [R27]." }),
  target_id: z.string().min(1).max(200).optional().meta({ description: "DevTools' id of the page's target." }),
  url_contains: z.string().min(1).max(2_048).optional().meta({ description: "Part of the page's URL." }),
  dialogs: z.enum(["bot", "operator"]).optional().meta({
    description: "Who answers alert, confirm and prompt; left out: the bot.",
  }),
  windows: z.literal("follow").optional().meta({
    description: "follow: the operator gets the windows that the page opens, too [W47]; left out: the page alone.",
  }),
});
export type CdpTarget = z.infer<typeof cdpTargetSchema>;

/** An address without credentials: receivers recognize the server by its signature. */
const callbackUrlSchema = z
  .string()
  .max(2_048)
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "not an http: or https: address")
  .refine((text) => URL.parse(text)?.username === "" && URL.parse(text)?.password === "", "no credentials here");

export const httpCredentialsSchema = z.strictObject({
  username: z.string().max(256),
  password: z.string().max(256),
});
export type HttpCredentials = z.infer<typeof httpCredentialsSchema>;

/** Fields that apply only to a page that the server opens. */
const OWNED_PAGE_FIELDS = [
  "viewport",
  "device",
  "touch",
  "locale",
  "timezone",
  "user_agent",
  "extra_headers",
  "storage_state",
  "files",
  "http_credentials",
] as const;
export const DEFAULT_VIEWPORT = { width: 1280, height: 720 } as const;
/** [W44] The size of a page that is opened as on a phone. */
export const PHONE_VIEWPORT = { width: 390, height: 844 } as const;

/** [R10] The body of POST /sessions. `timeout_seconds` is also bounded by MAX_TIMEOUT_SECONDS. */
const createSessionShape = z.strictObject({
  session_id: sessionIdSchema.optional(),
  url: z.string().min(1).max(8_192).optional().meta({ description: "http: or https: address that the server opens." }),
  cdp: cdpTargetSchema.optional().meta({ description: "In place of `url`: a page that is open in the bot's browser." }),
  relay: relayIdSchema.optional(),
  viewport: sizeSchema
    .strict()
    .optional()
    .meta({ description: `${DEFAULT_VIEWPORT.width} x ${DEFAULT_VIEWPORT.height} when left out.` }),
  device: z
    .enum(["phone"])
    .optional()
    .meta({
      description: `phone: ${PHONE_VIEWPORT.width} x ${PHONE_VIEWPORT.height}, 3 px per CSS px, touch, mobile layout and a phone's user agent, unless given otherwise.`,
    }),
  touch: z.boolean().optional().meta({ description: "Whether the page has a touch screen; a phone always has." }),
  locale: z.string().refine(isLocale, "not a BCP 47 language tag").optional(),
  timezone: z.string().refine(isTimezone, "not an IANA time zone").optional(),
  user_agent: z
    .string()
    .min(1)
    .max(1_000)
    .regex(/^[\x20-\x7e]+$/, "printable ASCII only")
    .optional(),
  extra_headers: headersSchema.optional().meta({ description: "Headers that are sent only to the origin of `url`." }),
  http_credentials: httpCredentialsSchema.optional().meta({
    description:
      "For HTTP Basic and Digest, at the origin of `url` only; in place of credentials in `url`. No answer contains them.",
  }),
  storage_state: storageStateSchema.optional().refine((state) => isShallow(state, MAX_DEPTH), TOO_DEEP),
  label: z.string().max(MAX_LABEL_LENGTH).optional(),
  instructions: z.string().max(2_000).optional().meta({ description: "Text that the operator sees." }),
  metadata: z.record(z.string().max(100), z.unknown()).optional().refine(isSmall, TOO_LARGE),
  timeout_seconds: z.int().min(1).optional(),
  completion: completionSchema.optional(),
  on_crash: z.enum(["end", "reopen"]).optional().meta({
    description:
      "After a crash of a page that the server opened. end: the session fails; reopen: the page is opened again from its last checkpoint.",
  }),
  callback_url: callbackUrlSchema.optional().meta({ description: "http: or https: address that receives webhooks." }),
  callback_secret: webhookSecretSchema
    .optional()
    .meta({ description: "Signs the webhooks in place of WEBHOOK_SECRET: whsec_ and base64. No answer contains it." }),
  files: z.boolean().optional().meta({
    description: "false: no operator may give files to the page. For a page that the server opens; true when left out.",
  }),
  clipboard: z
    .boolean()
    .optional()
    .meta({ description: "false: what is copied in the page reaches no operator; true when left out." }),
  legacy_open: z
    .boolean()
    .optional()
    .meta({ description: "For older clients: anyone who knows the session's random id may operate it." }),
});
export const createSessionSchema = createSessionShape.superRefine((body, context) => {
  if ([body.url, body.cdp, body.relay].filter((page) => page !== undefined).length !== 1) {
    context.addIssue({ code: "custom", path: ["url"], message: "exactly one of url, cdp and relay is needed" });
  }
  if (body.callback_secret !== undefined && body.callback_url === undefined) {
    context.addIssue({ code: "custom", path: ["callback_secret"], message: "only with callback_url" });
  }
  if (body.legacy_open && body.session_id !== undefined) {
    context.addIssue({ code: "custom", path: ["session_id"], message: "not with legacy_open: the id is the secret" });
  }
  if (body.device === "phone" && body.touch === false) {
    context.addIssue({ code: "custom", path: ["touch"], message: "a phone has touch" });
  }
  for (const field of OWNED_PAGE_FIELDS) {
    if (body.url !== undefined || body[field] === undefined) continue;
    context.addIssue({ code: "custom", path: [field], message: "only for a page that the server opens" });
  }
});
export type CreateSession = z.infer<typeof createSessionSchema>;
/** The body as a bot writes it: fields that have a default may be left out. */
export type CreateSessionInput = z.input<typeof createSessionSchema>;

/** [R29] What pictures of a relayed page show before they leave the bot. */
export const picturesSchema = z.enum(["part", "half"]);
export type Pictures = z.infer<typeof picturesSchema>;

export const sessionAnswerSchema = z.object({
  session_id: z.string(),
  state: sessionStateSchema,
  control_url: z.string().meta({ description: "Address for the operator." }),
  ws_url: z.string(),
  status_url: z.string(),
  expires_at: z.iso.datetime(),
  captcha_info: captchaInfoSchema.nullable(),
  viewport: sizeSchema,
  pictures: picturesSchema.optional().meta({
    description:
      "Of a relayed page only. part: its bot shows the challenge alone, at full size; half: the whole page at half size.",
  }),
});
export type SessionAnswer = z.infer<typeof sessionAnswerSchema>;

export const sessionListItemSchema = z.object({
  session_id: z.string(),
  completed: z.boolean(),
  has_websocket: z.boolean(),
  state: sessionStateSchema,
  reason: z.string().nullable(),
  label: z.string().nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
  operators: z.int(),
  instructions: z.string().nullable(),
  needs_person: needsPersonSchema,
  challenge_kind: z
    .string()
    .nullable()
    .meta({ description: "The kind of the challenge that shows, as in captcha_info; null: none is found." }),
  ...claimFields,
});
export const sessionListSchema = z.object({ count: z.int(), sessions: z.array(sessionListItemSchema) });
export type SessionListItem = z.infer<typeof sessionListItemSchema>;

export const sessionDetailSchema = z.object({
  ...sessionListItemSchema.shape,
  screenshot: z.string().nullable().meta({ description: "Base64 JPEG of the view; null once the session has ended." }),
  captcha_info: captchaInfoSchema.nullable(),
  viewport: sizeSchema,
  url: z.string(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  verified: verifiedSchema,
  report: reportSchema.nullable().meta({
    description: "The bot's report [R23]; null: none, or the caller is not the key that created the session.",
  }),
});
export type SessionDetail = z.infer<typeof sessionDetailSchema>;

const width = z.coerce.number().int().min(64).max(1_280).optional();
export const screenshotQuerySchema = z.object({
  width: width.meta({ description: "Width of the picture in px; when left out, as captured" }),
});
export const screenshotSchema = z.object({ screenshot: z.string().meta({ description: "Base64 JPEG" }) });

/** [R4] The body of a mouse event. Unknown fields are ignored, as older clients may send some. */
export const mouseEventBodySchema = z.object({
  session_id: sessionIdSchema,
  event_type: mouseEventTypeSchema,
  x: coordinateSchema,
  y: coordinateSchema,
});

export const checkCompletionBodySchema = z.object({ session_id: sessionIdSchema });
export const completedSchema = z.object({ session_id: z.string(), completed: z.boolean() });
export const successSchema = z.object({ success: z.literal(true) });
export const mouseAnswerSchema = z.object({ success: z.literal(true), completed: z.boolean() });

/** [R6] The longest that a status request may wait for the end of the session, in s. */
export const MAX_WAIT_SECONDS = 50;
export const statusQuerySchema = z.object({ wait: z.coerce.number().min(0).max(MAX_WAIT_SECONDS).default(0) });
export const statusSchema = z.object({
  success: z.literal(true),
  completed: z.boolean(),
  session_exists: z.boolean(),
  session_id: z.string(),
  state: sessionStateSchema.nullable(),
  reason: z.string().nullable(),
  verified: verifiedSchema,
});
export type SessionStatus = z.infer<typeof statusSchema>;

export const evidenceSchema = z.object({
  rule: z.string().meta({ description: "The completion rule that held, as JSON." }),
  frame: z
    .string()
    .nullable()
    .meta({ description: "URL, without query, of the frame in which the rule held; null: in all frames." }),
  since: z.iso.datetime(),
  how: z.enum(["submitted", "by_itself"]).optional().meta({
    description:
      "submitted: the page sent the filled field to its own site; by_itself: nobody acted. Absent: the rule was seen to hold.",
  }),
  cookie: z
    .object({ domain: z.string(), path: z.string() })
    .optional()
    .meta({ description: "For rules about a cookie: where it belongs." }),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/** How a session ended. The result [R11], the events [R14] and the webhooks carry this object. */
export const outcomeSchema = z.object({
  outcome: sessionStateSchema,
  reason: z.string(),
  verified: verifiedSchema,
  evidence: z.array(evidenceSchema),
  contradicted_by: z
    .array(contradictionSchema)
    .meta({ description: "What still showed when a person said twice that it is done; empty: nothing." }),
  note: z.string().nullable().meta({ description: "Text that the operator wrote; null: none." }),
  duration_ms: z.int(),
  has_storage_state: z.boolean(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

export const resultSchema = z.object({
  ...outcomeSchema.shape,
  report: reportSchema.optional().meta({ description: "The bot's own report [R23]; absent before it." }),
  storage_state: storageStateSchema.optional(),
});
export type SessionResult = z.infer<typeof resultSchema>;

export const resultQuerySchema = z.object({
  storage_state: z.enum(["scoped", "omit"]).optional().meta({
    description:
      "scoped: cookies and local storage only for a key with `state:read`, as for agents [M7]; omit: never. Left out: always.",
  }),
});

export const extendBodySchema = z.strictObject({ seconds: z.int().min(1).max(86_400) });
export const extendAnswerSchema = z.object({ session_id: z.string(), expires_at: z.iso.datetime() });

export const errorAnswerSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).nullable(),
    timestamp: z.iso.datetime(),
  }),
});

function isRegExp(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function isTimezone(name: string): boolean {
  // Intl accepts offsets, but a browser process cannot be started with one.
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function headerValueSchema() {
  const text = z.string().max(4_096);
  return text.regex(/^[\t\x20-\x7e]*$/, "printable ASCII only");
}
