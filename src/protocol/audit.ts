/** [R17] The audit trail on the wire: the actions that it records, and the pages in which it is read. */
import { z } from "zod";
import { sessionIdSchema } from "./common.ts";

/** Every recorded action and its meaning, as docs/protocol/operations.md has them. Nothing else leaves an entry. */
export const ACTIONS = {
  "session.create": "A session was created, whether or not its page opens.",
  "session.cancel": "A living session was ended by DELETE.",
  "session.end": "A session ended, for whatever reason; recorded by the server.",
  "session.resume":
    "The server resumed a session of an earlier server; nobody is in control until an operator reconnects.",
  "session.extend": "The deadline of a session was moved.",
  "session.report": "The bot reported whether the outcome of its ended session was right.",
  "session.answer": "A person's one-time code was typed into the page without the picture.",
  "session.claim": "An operator took a session from the inbox.",
  "operator.join": "An operator joined a session.",
  "operator.leave": "An operator left a living session.",
  "control.take": "An operator took control: by joining first, by request, or by a press.",
  "control.release": "An operator lost or released control.",
  "finish.done": "An operator chose Done, and the session ended.",
  "finish.cannot": "An operator gave up.",
  "file.upload": "A file was uploaded for a page that waits for one.",
  "file.give": "An operator gave uploaded files to the page.",
  "relay.open": "A bot began to lend a page over a relay.",
  "relay.close": "A relay ended.",
  "state.export": "Cookies and storage of an ended session were sent with its result.",
  "link.create": "An operator link was made.",
  "link.revoke": "An operator link was revoked.",
  "code.create": "A six-digit code was made for a person whom an agent asks.",
  "code.refuse": "A wrong code was entered for a session that has codes.",
  "links.rotate": "A new secret signs operator links from now on.",
  "notice.publish": "A notice was published to all readers of the server's events.",
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
  address: z.string().nullable().meta({ description: "IP address of the request; null: no request was involved." }),
  action: actionSchema,
  session_id: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable(),
  hash: z.string().meta({ description: "SHA-256, in hex, over the previous entry's hash and this entry." }),
});
export type AuditEntryAnswer = z.infer<typeof auditEntrySchema>;

export const auditQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_OF_ENTRIES).default(100),
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional().meta({
    description: "Only entries older than this `seq`: the `next_cursor` of the previous page.",
  }),
  session_id: sessionIdSchema.optional(),
});

export const auditPageSchema = z.object({
  entries: z.array(auditEntrySchema).meta({ description: "Newest first." }),
  next_cursor: z.int().nullable().meta({ description: "The `before` of the next page; null on the last page." }),
});
