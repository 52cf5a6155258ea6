/** Operator links [R13] and the tickets they are traded for [R16], as they travel over REST. */
import { z } from "zod";
import { ROLES } from "./common.ts";

/** [R13] What is made with a key that only operates: it outlives the key, and the rest of the links is the owner's. */
export const OPERATORS_LINKS = { seconds: 900, most: 50 } as const;

/** [R13] */
export const linkBodySchema = z.strictObject({
  role: z.enum(ROLES).default("control").meta({ description: "control: acts in the page; watch: sees it." }),
  ttl_seconds: z
    .int()
    .min(1)
    .max(86_400)
    .optional()
    .meta({ description: "Left out: as long as a session may live, or for an operator's key 15 minutes." }),
  qr: z.boolean().optional().meta({ description: "Answers the link as a picture too, for a phone's camera." }),
});
export const linkAnswerSchema = z.object({
  link_id: z.string(),
  url: z.string().meta({ description: "Open this as the operator; what follows # is the secret." }),
  role: z.enum(ROLES),
  expires_at: z.iso.datetime(),
  qr: z.string().optional().meta({ description: "The QR code: a PNG, as a data URL." }),
});
export type LinkAnswer = z.infer<typeof linkAnswerSchema>;

/** [R16] */
export const ticketAnswerSchema = z.object({
  ticket: z.string().meta({ description: "Offered as the subprotocol captcha.ticket.<ticket>, once." }),
  expires_at: z.iso.datetime(),
});
export type TicketAnswer = z.infer<typeof ticketAnswerSchema>;
