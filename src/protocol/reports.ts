/** [R23] The bot's report on the verdict of an ended session: whether it was right. */
import { z } from "zod";

const MAX_NOTE_LENGTH = 2_000;

export const reportBodySchema = z.strictObject({
  correct: z.boolean().meta({ description: "False: the outcome of the session was wrong." }),
  note: z
    .string()
    .max(MAX_NOTE_LENGTH)
    .optional()
    .meta({ description: "Text for the bot's own use; only the key that created the session reads it." }),
});
export type ReportBody = z.infer<typeof reportBodySchema>;

/** Whether the verdict of a session was right, as its bot reported it; null: not reported. */
export const correctSchema = z
  .boolean()
  .nullable()
  .meta({ description: "Whether the outcome was right, as the bot reported it; null: it reported nothing." });

export const reportSchema = z.object({
  correct: z.boolean(),
  note: z.string().nullable(),
  reported_at: z.iso.datetime(),
});
export type Report = z.infer<typeof reportSchema>;

export const reportAnswerSchema = z.object({ session_id: z.string(), ...reportSchema.shape });
export type ReportAnswer = z.infer<typeof reportAnswerSchema>;
