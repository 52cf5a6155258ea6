/** Operator links [R13] and the tickets that replace them on sockets [R16], as REST has them. */
import { z } from "zod";
import { ROLES } from "./common.ts";

/** [R13] Limits for a key that may only operate. Its links outlive the key, and the session's owner needs room for more. */
export const OPERATORS_LINKS = { seconds: 900, most: 50 } as const;

/** [R13] The body of POST /session/{id}/links. */
export const linkBodySchema = z.strictObject({
  role: z.enum(ROLES).default("control").meta({ description: "control: may act in the page; watch: may only see it." }),
  ttl_seconds: z.int().min(1).max(86_400).optional().meta({
    description:
      "Validity in seconds; when left out, the longest life of a session, or 15 minutes for a key that may only operate.",
  }),
  qr: z.boolean().optional().meta({ description: "Adds the link as a QR code to the answer." }),
});
export const linkAnswerSchema = z.object({
  link_id: z.string(),
  url: z.string().meta({ description: "Address for the operator; the part after # is the secret." }),
  role: z.enum(ROLES),
  expires_at: z.iso.datetime(),
  qr: z.string().optional().meta({ description: "QR code of the link: a PNG as a data URL." }),
});
export type LinkAnswer = z.infer<typeof linkAnswerSchema>;

/** [R16] The answer of POST /session/{id}/ticket. */
export const ticketAnswerSchema = z.object({
  ticket: z
    .string()
    .meta({ description: "Opens one socket: the client offers it once, as the subprotocol captcha.ticket.<ticket>." }),
  expires_at: z.iso.datetime(),
});
export type TicketAnswer = z.infer<typeof ticketAnswerSchema>;
