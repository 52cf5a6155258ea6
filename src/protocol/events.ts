/** The events of sessions and of the server. Each is defined once, for streams [R14], the feed [R18] and webhooks. */
import { z } from "zod";
import { claimFields } from "./claims.ts";
import { captchaInfoSchema, needsPersonSchema, sessionStateSchema, verifiedSchema } from "./common.ts";
import { PAGE_CONDITIONS } from "./live.ts";
import { outcomeSchema } from "./rest.ts";

const sessionField = { session_id: z.string() };
const operatorFields = {
  ...sessionField,
  operator: z
    .string()
    .meta({ description: "Name that the server gives to the operator, a new one for each connection." }),
  operators: z.int().meta({ description: "Number of operators who are connected now." }),
};
const controlFields = {
  holder: z.string().nullable().meta({ description: "Name of the operator in control; null: nobody." }),
};
const challengeFields = { captcha_info: captchaInfoSchema.nullable() };

function event<Type extends string, Data extends z.ZodRawShape>(type: Type, data: Data) {
  return z.object({
    id: z.string().meta({ description: "The same each time this event is sent, so that a repeat can be dropped." }),
    type: z.literal(type),
    timestamp: z.iso.datetime().meta({ description: "Time of the event, ISO 8601." }),
    data: z.object(data),
  });
}

/** How an attempt failed: the challenge was gone and came back, was reloaded, or was replaced by another one. */
export const ATTEMPT_FAILURES = ["came_back", "reloaded", "replaced"] as const;
/** Difference to the previous event about the challenge. `moved` covers a new size too. */
export const CHALLENGE_CHANGES = ["found", "moved", "replaced", "lost"] as const;
export const NOTICE_LEVELS = ["info", "warning", "critical"] as const;

/** The steps of a session, each with its share of the whole in percent and its sentence. */
export const PROGRESS = {
  browser: { percentage: 5, message: "The browser is starting." },
  page: { percentage: 15, message: "The page is being opened." },
  challenge: { percentage: 25, message: "The challenge is looked for." },
  waiting: { percentage: 40, message: "The page is ready and waits for a person." },
  opened: { percentage: 50, message: "A person has opened it." },
  attempt: { percentage: 70, message: "A person is at it." },
  failed_attempt: { percentage: 60, message: "The attempt failed: the challenge is there again." },
  solved: { percentage: 100, message: "Done." },
} as const;
export const PROGRESS_STEPS = Object.keys(PROGRESS) as (keyof typeof PROGRESS)[];
export type ProgressStep = keyof typeof PROGRESS;

export const sessionEventSchema = z.discriminatedUnion("type", [
  event("session.created", { ...sessionField, label: z.string().nullable(), expires_at: z.iso.datetime() }),
  // The session's whole state; also the first event of each stream, so that a late reader starts complete.
  event("session.state", {
    ...sessionField,
    state: sessionStateSchema,
    reason: z.string().nullable(),
    verified: verifiedSchema,
    expires_at: z.iso.datetime(),
    operators: operatorFields.operators,
    ...controlFields,
    ...challengeFields,
    needs_person: needsPersonSchema,
  }),
  event("session.operator_joined", {
    ...operatorFields,
    first: z.boolean().meta({ description: "True for the first operator who has opened this session." }),
  }),
  event("session.operator_left", operatorFields),
  event("session.control", { ...sessionField, ...controlFields }),
  event("session.claimed", { ...sessionField, ...claimFields }),
  event("session.challenge", { ...sessionField, change: z.enum(CHALLENGE_CHANGES), ...challengeFields }),
  // The challenge went away or was reloaded after an operator had acted on it, and is there again.
  event("session.attempt_failed", {
    ...sessionField,
    attempts: z.int().min(1).meta({ description: "Number of failed attempts in this session." }),
    why: z.enum(ATTEMPT_FAILURES),
  }),
  // The page has moved on after a person acted, and nothing says whether that was the end. Nothing is concluded.
  event("session.moved_on", sessionField),
  event("session.progress", {
    ...sessionField,
    percentage: z.int().min(0).max(100),
    step: z.enum(PROGRESS_STEPS),
    message: z.string(),
  }),
  event("session.page", {
    ...sessionField,
    condition: z.enum(PAGE_CONDITIONS),
    code: z
      .string()
      .nullable()
      .meta({ description: "Error code that says why the page cannot be acted on; null: there is none." }),
  }),
  event("session.expiring", {
    ...sessionField,
    expires_at: z.iso.datetime(),
    seconds_left: z
      .int()
      .min(0)
      .meta({ description: "Seconds until the session expires, unless somebody extends it." }),
  }),
  event("session.ended", { ...sessionField, ...outcomeSchema.shape }),
]);
export type SessionEvent = z.infer<typeof sessionEventSchema>;

/** [R18] The body of POST /notices: what ops publish to all readers. */
export const noticeBodySchema = z.strictObject({
  level: z.enum(NOTICE_LEVELS).default("info"),
  code: z.enum(["notice", "maintenance"]).default("notice"),
  message: z.string().min(1).max(500),
});

/** An event of the server itself. */
const systemEventSchema = event("system.notice", {
  level: z.enum(NOTICE_LEVELS),
  code: z.enum(["notice", "maintenance", "started", "shutting_down", "storage_unavailable"]),
  message: z.string(),
});
export type SystemEvent = z.infer<typeof systemEventSchema>;

/** Every event of the feed [R18]. */
export const feedEventSchema = z.discriminatedUnion("type", [...sessionEventSchema.options, systemEventSchema]);
export type FeedEvent = z.infer<typeof feedEventSchema>;

export type SessionEventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { type: Type }>;

/** The facts of a session that decide who may read its events. */
export interface EventSubject {
  /** Unique for all time, as a session_id may be used again. */
  readonly uid: string;
  /** The id of the key that created the session; null: no key did. */
  readonly owner: string | null;
  readonly label: string | null;
}

/** The subject of the server's own events. */
export const NO_SESSION: EventSubject = { uid: "", owner: null, label: null };

/** An event and its position in the log of all events. Positions only grow, and a stream resumes after one. */
export interface PlacedEvent {
  readonly position: number;
  readonly event: SessionEvent;
}

/** Whether webhooks get this event: the first operator, so that the bot can refresh a stale challenge, the approaching end, and the end. */
export function goesToWebhook({ type, data }: FeedEvent): boolean {
  return type === "session.ended" || type === "session.expiring" || (type === "session.operator_joined" && data.first);
}

/** [R14] The position after which a stream starts; 0: all kept events. `Last-Event-ID`, which browsers send by themselves, wins. */
export const eventsQuerySchema = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});
