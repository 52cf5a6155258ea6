/** [R17] The audit trail as it is told: what is recorded, and how it is read. */
import { z } from "zod";
import { sessionIdSchema } from "./common.ts";

/** Everything that is recorded, and what it means. What is not in here leaves no entry. */
export const ACTIONS = {
  "session.create": "A session was asked for and has begun, whatever becomes of its page.",
  "session.cancel": "A living session was ended by DELETE.",
  "session.end": "A session has ended, however; recorded by the server.",
  "session.resume": "A session of an earlier server goes on; who was in control there has yet to come back.",
  "session.extend": "The deadline of a session was moved.",
  "session.claim": "An operator took a session from the inbox.",
  "operator.join": "An operator came to a session.",
  "operator.leave": "An operator left a session that goes on.",
  "control.take": "An operator is in control: by joining first, by asking, or by a press.",
  "control.release": "An operator is not in control any more.",
  "finish.done": "An operator said Done, and the page did not contradict.",
  "finish.cannot": "An operator gave up.",
  "state.export": "Cookies and storage of an ended session were handed out with its result.",
  "link.create": "An operator link was made.",
  "link.revoke": "An operator link was revoked.",
  "links.rotate": "Another secret signs operator links from here on.",
  "notice.publish": "All who follow the server were told something, maintenance perhaps.",
  "key.add": "An API key was added.",
  "key.revoke": "An API key was revoked.",
} as const;
export type Action = keyof typeof ACTIONS;

export const actionSchema = z.enum(Object.keys(ACTIONS) as [Action, ...Action[]]);

export const MAX_PAGE_OF_ENTRIES = 500;

export const auditEntrySchema = z.object({
  seq: z.int().meta({ description: "1 for the first entry ever, without gaps." }),
  at: z.iso.datetime(),
  who: z.string().meta({
    description: "A key or a link by its id, `anybody`, `id_holder`, `cli`, `server` or `program`; never a secret.",
  }),
  address: z.string().nullable().meta({ description: "Where the request came from; null: from no connection." }),
  action: actionSchema,
  session_id: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable(),
  hash: z.string().meta({ description: "Over the hash of the entry before, and this entry." }),
});
export type AuditEntryAnswer = z.infer<typeof auditEntrySchema>;

export const auditQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_OF_ENTRIES).default(100),
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional().meta({
    description: "Entries older than this `seq`: the `next_cursor` of the page before.",
  }),
  session_id: sessionIdSchema.optional(),
});

export const auditPageSchema = z.object({
  entries: z.array(auditEntrySchema).meta({ description: "Newest first." }),
  next_cursor: z.int().nullable().meta({ description: "`before` of the next page; null: there is none." }),
});
