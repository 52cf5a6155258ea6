/** What an agent gives to its person [M5], and the code by which that person comes in [M6], as REST has them. */
import { z } from "zod";

/** [M5] The body of POST /session/{id}/invitation. */
export const invitationBodySchema = z.strictObject({
  way: z.enum(["link", "code"]).meta({
    description: "link: for text that an agent passes on; code: for a URL elicitation, whose URL may carry no right.",
  }),
});
export type InvitationWay = z.infer<typeof invitationBodySchema>["way"];

/** [M5] The answer of POST /session/{id}/invitation. */
export const invitationSchema = z.object({
  url: z.string().meta({ description: "Address for the person." }),
  opens: z.enum(["by_itself", "code", "key"]).meta({
    description: "by_itself: the address alone opens the session; code, key: the console asks for one.",
  }),
  code: z.string().nullable().meta({ description: "Six digits for one browser, once; null: none is needed or given." }),
  expires_at: z.iso.datetime().nullable().meta({ description: "When the code expires; null: there is none." }),
});
export type Invitation = z.infer<typeof invitationSchema>;

/** [M6] The body of POST /session/{id}/code. */
export const codeBodySchema = z.strictObject({ code: z.string().regex(/^\d{6}$/, "six digits") });
