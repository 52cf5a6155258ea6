/** The shape of ARRIVAL_NOTICES_FILE: the chat channels that are notified when a session needs a person. */
import { z } from "zod";
import { MAX_LABEL_LENGTH } from "./topics.ts";

/** The words that a template may have in braces. */
export const TEMPLATE_WORDS = [
  "label",
  "session_id",
  "instructions",
  "site",
  "link",
  "minutes",
  "outcome",
  "reason",
] as const;
export type TemplateWord = (typeof TEMPLATE_WORDS)[number];

const template = z
  .string()
  .min(1)
  .max(2_000)
  .superRefine((text, context) => {
    for (const [, word = ""] of text.matchAll(/\{(\w+)\}/g)) {
      if ((TEMPLATE_WORDS as readonly string[]).includes(word)) continue;
      context.addIssue({ code: "custom", message: `{${word}} is none of ${TEMPLATE_WORDS.join(", ")}` });
    }
  });

export const arrivalChannelSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** The message format of the channel. `plain` is JSON with the facts beside the text. */
  form: z.enum(["slack", "feishu", "dingtalk", "plain"]),
  /** Signs messages where the channel requires it: Feishu and DingTalk. */
  secret: z.string().min(1).max(500).optional(),
  /** Only sessions with one of these labels are announced; all when left out. */
  labels: z.array(z.string().min(1).max(MAX_LABEL_LENGTH)).max(100).optional(),
  arrival: template.default("{label} needs a person within {minutes} min. {instructions}"),
  /** The message at the end of the session; none is sent when left out. */
  end: template.optional(),
});
export type ArrivalChannel = z.output<typeof arrivalChannelSchema>;
export const arrivalChannelsSchema = z.array(arrivalChannelSchema).max(20);
