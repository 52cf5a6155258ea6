/** [R19] Taking a session from the inbox. */
import { z } from "zod";
import { CLIENT_NAME } from "./exactly-once.ts";

export const claimFields = {
  claimed_by: z.string().nullable().meta({ description: "Who has taken it from the inbox, if anybody [R19]." }),
  claimed_until: z.iso.datetime().nullable(),
};

/** [R19] `client` tells two consoles with one key apart. */
export const claimBodySchema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .optional()
    .meta({ description: "As others are told; the key's where left out." }),
  client: z.string().regex(CLIENT_NAME).optional(),
});
export const releaseBodySchema = claimBodySchema.pick({ client: true });
export const claimAnswerSchema = z.object({ session_id: z.string(), ...claimFields });
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>;
