/** What a channel is sent: the words of its template, in the form that it reads. Pure. */
import { createHmac } from "node:crypto";
import type { ArrivalChannel, TemplateWord } from "../protocol/arrival-channels.ts";

/** What there is to tell; null: nothing is known of it. */
export type ArrivalFacts = Readonly<Record<TemplateWord, string | null>>;

export interface ArrivalPost {
  readonly url: string;
  readonly body: string;
}

/** `event`: what happened, for programs that read `plain`. `now` in ms since 1970. */
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
  // The link stands by itself: a template need not think of it.
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

/** What is not known leaves nothing, and no double spaces either. */
function fill(template: string, facts: ArrivalFacts, written: (word: string) => string): string {
  const filled = template.replace(/\{(\w+)\}/g, (_all, word: TemplateWord) => written(facts[word] ?? ""));
  return filled.replace(/ {2,}/g, " ").trim();
}

/** Slack reads these as its own: a label must not call the whole channel. */
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
