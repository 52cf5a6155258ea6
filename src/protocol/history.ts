/** [R15] The history of ended sessions: its query and its entries. */
import { z } from "zod";
import { sessionIdSchema, sessionStateSchema, verifiedSchema } from "./common.ts";
import { correctSchema } from "./reports.ts";
import { MAX_LABEL_LENGTH } from "./topics.ts";

const END_STATES = ["solved", "failed", "expired", "cancelled"] as const;
/** The most entries of one page. */
export const MOST_ENTRIES = 500;

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional();

export const historyQuerySchema = z.object({
  state: z
    .string()
    .optional()
    .transform((text) => text?.split(","))
    .pipe(z.array(z.enum(END_STATES)).optional())
    .meta({ description: "Comma-separated: solved, failed, expired, cancelled." }),
  reason: z.string().max(64).optional(),
  label: z.string().max(MAX_LABEL_LENGTH).optional(),
  session_id: sessionIdSchema.optional(),
  since: time.meta({ description: "Only sessions that ended then or later, ISO 8601." }),
  until: time.meta({ description: "Only sessions that ended before, ISO 8601." }),
  before: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, "not a next_cursor")
    .optional()
    .meta({ description: "The `next_cursor` of the previous page." }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_ENTRIES)
    .default(100)
    .meta({ description: "Entries of one page of JSON; CSV has all of them." }),
  format: z.enum(["json", "csv"]).default("json"),
});
export type HistoryQuery = z.output<typeof historyQuerySchema>;

export const historyEntrySchema = z.object({
  session_id: z.string(),
  label: z.string().nullable(),
  state: sessionStateSchema,
  reason: z.string().nullable(),
  verified: verifiedSchema,
  operator_came: z.boolean().meta({ description: "True if an operator who may act has opened the session." }),
  created_at: z.iso.datetime(),
  ended_at: z.iso.datetime(),
  duration_ms: z.int(),
  contradictions: z.int().meta({
    description:
      "How many rules did not hold when a person said twice that it is done: `contradicted_by` of the result.",
  }),
  correct: correctSchema,
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

export const historySchema = z.object({
  sessions: z.array(historyEntrySchema),
  next_cursor: z.string().nullable().meta({ description: "Null on the last page." }),
});
export type History = z.infer<typeof historySchema>;
