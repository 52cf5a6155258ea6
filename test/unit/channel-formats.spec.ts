/** What channels are sent: each in its own form, with nothing in it that a label could have made of it. */
import { createHmac } from "node:crypto";
import { expect, test } from "@playwright/test";
import { type ArrivalFacts, arrivalPost } from "../../src/notifications/channel-formats.ts";
import { type ArrivalChannel, arrivalChannelSchema } from "../../src/protocol/arrival-channels.ts";

const NOW = 1_900_000_000_123;
const FACTS: ArrivalFacts = {
  label: "shop <!channel> & co",
  session_id: "one",
  instructions: null,
  site: "shop.example",
  link: "https://captcha.example/api/captcha/control/one#token",
  minutes: "3",
  outcome: null,
  reason: null,
};

function channel(given: object): ArrivalChannel {
  return arrivalChannelSchema.parse({ url: "https://hooks.example/x?token=1", form: "plain", ...given });
}

function said(given: object, event: "arrival" | "end" = "arrival", facts = FACTS) {
  const { url, body } = arrivalPost(channel(given), event, facts, NOW);
  return { url, body: JSON.parse(body) };
}

test("Slack: escaped, with the link as a link", () => {
  expect(said({ form: "slack" }).body).toEqual({
    text: `shop &lt;!channel&gt; &amp; co needs a person within 3 min. <${FACTS.link}|Open>`,
  });
});

test("Feishu and DingTalk: text messages, signed where there is a secret", () => {
  const text = `shop <!channel> & co needs a person within 3 min. ${FACTS.link}`;
  expect(said({ form: "feishu" }).body).toEqual({ msg_type: "text", content: { text } });
  const seconds = String(Math.floor(NOW / 1_000));
  const sign = createHmac("sha256", `${seconds}\ns3cret`).digest("base64");
  expect(said({ form: "feishu", secret: "s3cret" }).body).toMatchObject({ timestamp: seconds, sign });
  expect(said({ form: "dingtalk" })).toEqual({
    url: "https://hooks.example/x?token=1",
    body: { msgtype: "text", text: { content: text } },
  });
  const url = new URL(said({ form: "dingtalk", secret: "s3cret" }).url);
  const signed = createHmac("sha256", "s3cret").update(`${NOW}\ns3cret`).digest("base64");
  expect(Object.fromEntries(url.searchParams)).toEqual({ token: "1", timestamp: String(NOW), sign: signed });
});

test("plain: the text with the facts, and templates of one's own, the end's too", () => {
  const ended = { ...FACTS, link: null, outcome: "solved", reason: "rules_met" };
  expect(said({ arrival: "{site}: {link} {instructions} ({session_id})" }).body).toEqual({
    event: "arrival",
    text: `shop.example: ${FACTS.link} (one)`,
    ...FACTS,
  });
  expect(said({ end: "{label}: {outcome}" }, "end", ended).body).toMatchObject({
    event: "end",
    text: "shop <!channel> & co: solved",
    reason: "rules_met",
  });
});

for (const [what, given, field] of [
  ["a word that there is not", { arrival: "{token}" }, "arrival"],
  ["a form that there is not", { form: "teams" }, "form"],
  ["an address that is none", { url: "ftp://x" }, "url"],
  ["a field that there is not", { channel: "x" }, ""],
] as const) {
  test(`a channel with ${what} is refused by its field`, () => {
    const { success, error } = arrivalChannelSchema.safeParse({
      url: "https://hooks.example/",
      form: "plain",
      ...given,
    });
    expect(success).toBe(false);
    expect(error?.issues[0]?.path.join(".")).toBe(field);
  });
}
