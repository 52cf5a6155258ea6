/** The request to a chat channel: the filled template, in the format that the channel reads. Pure. */
import { createHmac } from "node:crypto";
import type { ArrivalChannel, TemplateWord } from "../protocol/arrival-channels.ts";

/** The values of the words in a template; null: not known. */
export type ArrivalFacts = Readonly<Record<TemplateWord, string | null>>;

export interface ArrivalPost {
  readonly url: string;
  readonly body: string;
}

/** The POST that notifies the channel. `event` is also a field of the `plain` form; `now` in ms since 1970. */
export function arrivalPost(
  { url, form, secret, arrival, end }: ArrivalChannel,
  event: "arrival" | "end",
  facts: ArrivalFacts,
  now: number,
): ArrivalPost {
  const words = fill(
    event === "arrival" ? arrival : (end ?? ""),
    facts,
    form === "slack" ? escapeSlack : (word) => word,
  );
  // The link is appended if the template does not have it.
  const link = event === "arrival" && !arrival.includes("{link}") ? facts.link : null;
  switch (form) {
    case "slack":
      return { url, body: JSON.stringify({ text: link ? `${words} <${link}|Open>` : words }) };
    case "feishu":
      return {
        url,
        body: JSON.stringify({
          ...feishuSignature(secret, now),
          msg_type: "text",
          content: { text: joined(words, link) },
        }),
      };
    case "dingtalk":
      return {
        url: dingtalkUrl(url, secret, now),
        body: JSON.stringify({ msgtype: "text", text: { content: joined(words, link) } }),
      };
    case "plain":
      return { url, body: JSON.stringify({ event, text: joined(words, link), ...facts }) };
  }
}

function joined(words: string, link: string | null): string {
  return link ? `${words} ${link}` : words;
}

/** An unknown word leaves nothing, and no double space. */
function fill(template: string, facts: ArrivalFacts, escapeWord: (word: string) => string): string {
  const filled = template.replace(/\{(\w+)\}/g, (_all, word: TemplateWord) => escapeWord(facts[word] ?? ""));
  return filled.replace(/ {2,}/g, " ").trim();
}

/** Slack gives these a meaning: a label must not mention the whole channel. */
function escapeSlack(word: string): string {
  return word.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function feishuSignature(secret: string | undefined, now: number): object {
  if (secret === undefined) return {};
  const timestamp = String(Math.floor(now / 1_000));
  return { timestamp, sign: createHmac("sha256", `${timestamp}\n${secret}`).digest("base64") };
}

function dingtalkUrl(url: string, secret: string | undefined, now: number): string {
  if (secret === undefined) return url;
  const signed = new URL(url);
  signed.searchParams.set("timestamp", String(now));
  signed.searchParams.set("sign", createHmac("sha256", secret).update(`${now}\n${secret}`).digest("base64"));
  return signed.href;
}
