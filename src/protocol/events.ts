/** What a session tells while it lives and at its end: each event defined once, for the stream [R14] and for webhooks. */
import { z } from "zod";
import { claimFields } from "./claims.ts";
import { captchaInfoSchema, sessionStateSchema, verifiedSchema } from "./common.ts";
import { PAGE_CONDITIONS } from "./live.ts";
import { outcomeSchema } from "./rest.ts";

const sessionField = { session_id: z.string() };
const operatorFields = {
  ...sessionField,
  operator: z.string().meta({ description: "Who; the name is the server's, and new with each connection." }),
  operators: z.int().meta({ description: "How many are connected now." }),
};
const controlFields = {
  holder: z.string().nullable().meta({ description: "Who is in control, if anybody." }),
};
const challengeFields = { captcha_info: captchaInfoSchema.nullable() };

function event<Type extends string, Data extends z.ZodRawShape>(type: Type, data: Data) {
  return z.object({
    id: z.string().meta({ description: "The same each time this event is told: what was seen before can be dropped." }),
    type: z.literal(type),
    timestamp: z.iso.datetime().meta({ description: "When it happened." }),
    data: z.object(data),
  });
}

/** What became of the challenge after somebody had acted on it: away for a moment, loaded anew, another one in its place. */
export const ATTEMPT_FAILURES = ["came_back", "reloaded", "replaced"] as const;
/** Against what was told of it before: it was not there, is elsewhere or of another size, is another one, is not there. */
export const CHALLENGE_CHANGES = ["found", "moved", "replaced", "lost"] as const;
export const NOTICE_LEVELS = ["info", "warning", "critical"] as const;

/** How far a session is: each step with what it is worth of the whole, and its sentence. */
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
  // Everything that is so now: the first event of a stream too, for whoever comes late.
  event("session.state", {
    ...sessionField,
    state: sessionStateSchema,
    reason: z.string().nullable(),
    verified: verifiedSchema,
    expires_at: z.iso.datetime(),
    operators: operatorFields.operators,
    ...controlFields,
    ...challengeFields,
  }),
  event("session.operator_joined", {
    ...operatorFields,
    first: z.boolean().meta({ description: "Nobody had opened this session before." }),
  }),
  event("session.operator_left", operatorFields),
  event("session.control", { ...sessionField, ...controlFields }),
  event("session.claimed", { ...sessionField, ...claimFields }),
  event("session.challenge", { ...sessionField, change: z.enum(CHALLENGE_CHANGES), ...challengeFields }),
  // The challenge went away, or was loaded anew, after somebody had acted on it, and is there again.
  event("session.attempt_failed", {
    ...sessionField,
    attempts: z.int().min(1).meta({ description: "How many have failed in this session." }),
    why: z.enum(ATTEMPT_FAILURES),
  }),
  event("session.progress", {
    ...sessionField,
    percentage: z.int().min(0).max(100),
    step: z.enum(PROGRESS_STEPS),
    message: z.string(),
  }),
  event("session.page", {
    ...sessionField,
    condition: z.enum(PAGE_CONDITIONS),
    code: z.string().nullable().meta({ description: "Why it cannot be acted on, where there is a code for it." }),
  }),
  event("session.expiring", {
    ...sessionField,
    expires_at: z.iso.datetime(),
    seconds_left: z.int().min(0).meta({ description: "Until then, unless somebody extends it." }),
  }),
  event("session.ended", { ...sessionField, ...outcomeSchema.shape }),
]);
export type SessionEvent = z.infer<typeof sessionEventSchema>;

/** What ops may tell everybody. */
export const noticeBodySchema = z.strictObject({
  level: z.enum(NOTICE_LEVELS).default("info"),
  code: z.enum(["notice", "maintenance"]).default("notice"),
  message: z.string().min(1).max(500),
});

/** What the server tells of itself. */
const systemEventSchema = event("system.notice", {
  level: z.enum(NOTICE_LEVELS),
  code: z.enum(["notice", "maintenance", "started", "shutting_down", "storage_unavailable"]),
  message: z.string(),
});
export type SystemEvent = z.infer<typeof systemEventSchema>;

/** Everything that the feed tells [R18]. */
export const feedEventSchema = z.discriminatedUnion("type", [...sessionEventSchema.options, systemEventSchema]);
export type FeedEvent = z.infer<typeof feedEventSchema>;

export type SessionEventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { type: Type }>;

/** As much of a session as decides who may be told of it. */
export interface EventSubject {
  /** Unique over all time: a session_id may be used again. */
  readonly uid: string;
  /** The id of the key that created it; null: nobody's. */
  readonly owner: string | null;
  readonly label: string | null;
}

/** What an event of the server itself is of: of no session. */
export const NO_SESSION: EventSubject = { uid: "", owner: null, label: null };

/** An event and its place in the log of all events: it only grows, and a stream resumes after it. */
export interface PlacedEvent {
  readonly position: number;
  readonly event: SessionEvent;
}

/** What a webhook is told: the first operator, so that a stale challenge can be refreshed first, that the end is near, and the end. */
export function goesToWebhook({ type, data }: FeedEvent): boolean {
  return type === "session.ended" || type === "session.expiring" || (type === "session.operator_joined" && data.first);
}

/** [R14] Where a stream goes on: 0 for all that is kept. `Last-Event-ID`, which a browser sends by itself, wins. */
export const eventsQuerySchema = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});
