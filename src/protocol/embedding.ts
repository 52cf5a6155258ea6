/** [W58] The messages between a console with `?embed=1` and the page that frames it, each defined once. */
import { z } from "zod";
import { sessionStateSchema } from "./common.ts";

/** A message without the version is somebody else's. */
export const EMBED_VERSION = 1;
const captcha_remote = z.literal(EMBED_VERSION);
const px = z.number().positive();

/** What the console posts to its parent. */
export const embedMessageSchema = z.discriminatedUnion("type", [
  z.object({ captcha_remote, type: z.literal("ready"), session_id: z.string() }),
  z.object({
    captcha_remote,
    type: z.literal("state"),
    phase: z.enum(["connecting", "starting", "live", "reconnecting", "ended"]),
    state: sessionStateSchema.nullable(),
    may_act: z.boolean(),
  }),
  z.object({ captcha_remote, type: z.literal("size"), width: px, height: px }),
  z.object({
    captcha_remote,
    type: z.literal("ended"),
    outcome: z.string(),
    reason: z.string().nullable(),
    verified: z.string().nullable(),
  }),
]);

/** What the parent posts to the console. */
export const embedRequestSchema = z.discriminatedUnion("type", [
  z.object({ captcha_remote, type: z.literal("set_language"), language: z.string() }),
  z.object({ captcha_remote, type: z.literal("set_theme"), theme: z.enum(["light", "dark", "auto"]) }),
]);

/** A message before its version is added. */
type Unversioned<M> = M extends unknown ? Omit<M, "captcha_remote"> : never;
export type EmbedMessage = Unversioned<z.infer<typeof embedMessageSchema>>;
export type EmbedRequest = Unversioned<z.infer<typeof embedRequestSchema>>;
