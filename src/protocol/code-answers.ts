/** [R24] A person's one-time code, given without the picture. */
import { z } from "zod";

/** The longest code that any service sends is far shorter. */
const MAX_CODE_LENGTH = 64;

export const codeAnswerBodySchema = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(MAX_CODE_LENGTH)
    .meta({ description: "The code, as the person has it. It is neither stored nor logged." }),
  submit: z
    .boolean()
    .default(true)
    .meta({ description: "Presses Enter after it, or the form's button where there is no form." }),
});
export type CodeAnswerBody = z.infer<typeof codeAnswerBodySchema>;

export const CODE_RESULTS = {
  solved: "The session has ended as solved.",
  rules_not_met: "The code is typed and sent, and the page does not look solved.",
  unknown: "The code is typed and sent, and the page does not say how it went.",
  typed: "The code is typed and was not to be sent.",
  no_field: "The page shows no field for a one-time code; nothing was typed.",
} as const;
export type CodeResult = keyof typeof CODE_RESULTS;

export const codeAnswerSchema = z.object({
  session_id: z.string(),
  result: z.enum(Object.keys(CODE_RESULTS) as [CodeResult, ...CodeResult[]]),
});
export type CodeAnswer = z.infer<typeof codeAnswerSchema>;
