/** [R19] Claims: an operator takes a session from the inbox. */
import { z } from "zod";
import { CLIENT_NAME } from "./exactly-once.ts";

export const claimFields = {
  claimed_by: z
    .string()
    .nullable()
    .meta({ description: "Name of the operator who has claimed the session [R19]; null: nobody." }),
  claimed_until: z.iso.datetime().nullable(),
};

/** [R19] `client` is the random name of a console: it distinguishes two consoles that use one key. */
export const claimBodySchema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .optional()
    .meta({ description: "Name that other operators see; the key's name when left out." }),
  client: z.string().regex(CLIENT_NAME).optional(),
});
export const releaseBodySchema = claimBodySchema.pick({ client: true });
export const claimAnswerSchema = z.object({ session_id: z.string(), ...claimFields });
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>;
