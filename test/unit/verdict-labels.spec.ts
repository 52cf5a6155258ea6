/** [R23] The labels under which reported outcomes are counted: of few values, whatever kinds and rules users have. */
import { expect, test } from "@playwright/test";
import { type VerdictFacts, verdictLabels } from "../../src/session/verdict-labels.ts";

const KINDS = new Set(["hcaptcha", "generic"]);
const SOLVED: VerdictFacts = { state: "solved", verified: "checked", challenge_kind: null, evidence: [] };
const held = (rule: object, how?: string) => ({ rule: JSON.stringify(rule), how });
const ofKind = (kind: string, done: object) => held({ kind, done });

for (const [what, facts, kind, rule_type] of [
  ["a known kind", { evidence: [ofKind("hcaptcha", { value: "textarea" })] }, "hcaptcha", "value"],
  ["a kind of the user's", { evidence: [ofKind("shop-7f3a", { gone: true })] }, "custom", "gone"],
  ["a bot's rule beside a challenge", { challenge_kind: "generic", evidence: [held({ url: "**" })] }, "generic", "url"],
  ["a text rule", { evidence: [held({ text: "p", matches: "ok" })] }, "none", "text"],
  ["a cookie rule", { evidence: [held({ cookie: "sid", changed: true })] }, "none", "cookie"],
  ["rules of one type", { evidence: [held({ visible: "a" }), held({ visible: "b" })] }, "none", "visible"],
  ["rules of two types", { evidence: [held({ visible: "a" }), held({ url: "**" })] }, "none", "several"],
  ["a token that was sent", { evidence: [held({ kind: "hcaptcha" }, "submitted")] }, "hcaptcha", "submitted"],
  ["a challenge that passed by itself", { evidence: [held({ kind: "x" }, "by_itself")] }, "custom", "by_itself"],
  ["a way to know that is not known here", { evidence: [held({ gone: "a" }, "guessed")] }, "none", "gone"],
  ["a person's word", { verified: "operator", challenge_kind: "hcaptcha" }, "hcaptcha", "operator"],
  ["a session that was not solved", { state: "failed", verified: null, challenge_kind: "mine" }, "custom", "none"],
  ["evidence of an old version", { evidence: [{ rule: "gone .box" }] }, "none", "other"],
  ["evidence that is no rule", { evidence: [{ rule: "[1]" }, { rule: "null" }] }, "none", "other"],
] as const) {
  test(`[R23] ${what} is counted as ${kind}, ${rule_type}`, () => {
    expect(verdictLabels({ ...SOLVED, ...facts }, KINDS)).toEqual({ kind, rule_type });
  });
}
