/** What a browser answers about its targets. Any program may answer there, so it is checked as a stranger's message. */
import { z } from "zod";

const MAX_ID_LENGTH = 200;

/** `targetInfos` of Target.getTargets, as far as it is used. */
export const targetInfosSchema = z.array(
  z.object({
    targetId: z.string().max(MAX_ID_LENGTH),
    type: z.string(),
    url: z.string(),
    /** `prerender`: a page that is loaded in advance, which nobody sees. */
    subtype: z.string().optional(),
  }),
);
export type TargetInfo = z.infer<typeof targetInfosSchema>[number];
