/** What an outcome rests on, in a few words: the labels under which bots' reports [R23] are counted. Pure. */
import { z } from "zod";
import type { SessionRecord } from "./ports/store.ts";

/** The facts of a record that the labels are made of. */
export type VerdictFacts = Pick<SessionRecord, "state" | "verified" | "challenge_kind"> & {
  readonly evidence: readonly { readonly rule: string; readonly how?: string | undefined }[];
};

export interface VerdictLabels {
  /** A known kind, `custom` for a kind of the user's own, or `none`. */
  readonly kind: string;
  /** A main key of rules, `several`, `submitted`, `by_itself`, `operator`, `none` or `other`. */
  readonly rule_type: string;
}

/** The main keys of completion rules. */
const RULE_TYPES = ["gone", "visible", "value", "text", "url", "cookie"] as const;
/** A rule of the bot, or `{kind, done}` of a known kind. */
const heldRuleSchema = z.looseObject({ kind: z.string().optional(), done: z.looseObject({}).optional() });
type HeldRule = z.infer<typeof heldRuleSchema>;

/** The labels have few values, whatever users call their kinds and write into their rules. `kinds`: the server's own. */
export function verdictLabels(verdict: VerdictFacts, kinds: ReadonlySet<string>): VerdictLabels {
  const rules = verdict.evidence.map(({ rule }) => parseRule(rule));
  const kind = rules.find((rule) => rule.kind !== undefined)?.kind ?? verdict.challenge_kind;
  return { kind: kind === null ? "none" : kinds.has(kind) ? kind : "custom", rule_type: typeOf(verdict, rules) };
}

function typeOf({ state, verified, evidence }: VerdictFacts, rules: readonly HeldRule[]): string {
  if (state !== "solved") return "none";
  if (verified === "operator") return "operator";
  const how = evidence.find((each) => each.how !== undefined)?.how;
  if (how === "submitted" || how === "by_itself") return how;
  const types = new Set(rules.map(({ done, ...rule }) => RULE_TYPES.find((type) => type in (done ?? rule)) ?? "other"));
  const [first = "other"] = types;
  return types.size > 1 ? "several" : first;
}

function parseRule(text: string): HeldRule {
  try {
    return heldRuleSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
