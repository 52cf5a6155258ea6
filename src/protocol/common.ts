/** Shapes that REST and the operator socket share. */
import { z } from "zod";

/** Excludes `.` and `..`: an id is part of URLs and names a folder. */
export const SESSION_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/;

export const sessionIdSchema = z
  .string()
  .regex(SESSION_ID_PATTERN, "1 to 64 of A-Z a-z 0-9 . _ ~ - and not . or ..")
  .meta({ description: "The session's id.", example: "k3J0pX2mQ4yV8nT1sR6wZg" });

export const SESSION_STATES = ["starting", "waiting", "active", "solved", "failed", "expired", "cancelled"] as const;
export const sessionStateSchema = z.enum(SESSION_STATES);
export type SessionState = z.infer<typeof sessionStateSchema>;

/** The states of a session that goes on. Any other state is final [S4]. */
export const LIVING_STATES = ["starting", "waiting", "active"] as const satisfies readonly SessionState[];
export type LivingState = (typeof LIVING_STATES)[number];
export type EndState = Exclude<SessionState, LivingState>;

/** Whether a session in this state has ended. */
export function isEnd(state: SessionState): state is EndState {
  return LIVING_STATES.every((living) => living !== state);
}

/** Width and height in CSS px. */
export const sizeSchema = z.object({
  width: z.int().min(100).max(3840).meta({ description: "CSS px" }),
  height: z.int().min(100).max(2160).meta({ description: "CSS px" }),
});
export type Size = z.infer<typeof sizeSchema>;

/** A rectangle of the page in CSS px, measured from the viewport's top left corner. */
export const rectSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
export type Rect = z.infer<typeof rectSchema>;

export function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** Position and size of the challenge, in whole CSS px of the page, and the selector that found it. */
export const captchaInfoSchema = z.object({
  selector: z.string(),
  x: z.number(),
  y: z.number(),
  width: z.number(),
  height: z.number(),
  in_iframe: z.boolean(),
  kind: z.string(),
});
export type CaptchaInfo = z.infer<typeof captchaInfoSchema>;

export const mouseEventTypeSchema = z.enum(["down", "move", "up"]);

/** In CSS px: far outside of any page, as a drag may leave the viewport, yet safe to compute with. */
export const COORDINATE_LIMIT = 100_000;
export const coordinateSchema = z
  .number()
  .min(-COORDINATE_LIMIT)
  .max(COORDINATE_LIMIT)
  .meta({ description: "CSS px of the page, fractions allowed" });

export const verifiedSchema = z.enum(["checked", "operator"]).nullable().meta({
  description:
    "Who confirmed that the session is solved: its rules (checked), or the operator alone. Null: not solved.",
});
export type Verified = z.infer<typeof verifiedSchema>;

/** What spoke against an operator's word: a completion rule that did not hold. */
export const contradictionSchema = z.object({
  rule: z.string().meta({ description: "The completion rule that did not hold, as JSON." }),
  frame: z.string().nullable().meta({
    description: "URL, without query, of the frame that contradicted the rule; null: in no frame did it hold.",
  }),
});
export type Contradiction = z.infer<typeof contradictionSchema>;

/** [S11] Whether a session needs a person. */
export const needsPersonSchema = z.boolean().meta({
  description: "True if a person should come: the page is ready, and what it shows does not work by itself.",
});

/** The roles of a link: `control` lets its holder act in the session, `watch` lets them only see it. */
export const ROLES = ["control", "watch"] as const;
export type Role = (typeof ROLES)[number];
