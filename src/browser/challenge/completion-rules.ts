/**
 * Judges the completion rules on a scan of the page: each is true, false or unknown, and a verdict must hold for a
 * window of time. Pure.
 */
import type { Contradiction } from "../../protocol/common.ts";
import type { Completion, Evidence, Rule } from "../../protocol/rest.ts";
import { redactUrl } from "../../util/redact-url.ts";

export type Trilean = boolean | "unknown";

/** What one scan of the page says about one rule. */
export interface RuleFact {
  readonly value: Trilean;
  /** The URL of the frame that shows it; null: it holds for all frames together. */
  readonly frame: string | null;
  readonly how?: Evidence["how"];
  readonly cookie?: Evidence["cookie"];
  /** It says only that something is not there any more, or that a form was sent: the next document may say otherwise. */
  readonly isByAbsence?: boolean;
}

/** What a scan of all frames of the page answers to rules. */
export interface RuleFacts {
  readonly url: string;
  /** A visible match of the selector, in any frame. */
  readonly visible: (selector: string) => { readonly frame: string } | undefined;
  /** A matching field that has a value. */
  readonly filled: (selector: string) => { readonly frame: string } | undefined;
  /** A match whose text matches the pattern; "unknown" when the pattern did not finish in time. */
  readonly text: (selector: string, pattern: string) => { readonly frame: string } | "unknown" | undefined;
  /** A cookie of this name that belongs to this domain (undefined: to the session's host) and has changed. */
  readonly changedCookie: (name: string, domain: string | undefined) => Evidence["cookie"];
  /** Whether the page was left by a link, the history, a reload or an address since the selector was visible last. */
  readonly isLeft: (selector: string) => boolean;
  /** What the known kinds' own rules say, where the bot gave none. */
  readonly kinds: () => { readonly rule: string; readonly fact: RuleFact };
  /** The other windows of the session, for rules `of` any; null: one that does not answer, or still loads. */
  readonly others: readonly (WindowFacts | null)[];
}

/** One window of the session: what a scan of it answers, and the selectors that were visible in it once. */
export interface WindowFacts {
  readonly facts: Omit<RuleFacts, "others" | "kinds">;
  readonly seen: ReadonlySet<string>;
}

/** The rule as JSON, for evidence. */
function ruleText(rule: Rule): string {
  return JSON.stringify(rule);
}

/**
 * Judges one rule. `seen` has the selectors that were visible once, and gets those that are visible now: before that
 * `gone` is unknown [R21].
 */
export function judgeRule(rule: Rule, facts: RuleFacts, seen: Set<string>): RuleFact {
  const own = judgeInWindow(rule, facts, seen);
  if (!("of" in rule) || rule.of !== "any") return own;
  return "gone" in rule
    ? goneFromAll(rule, [{ facts, seen }, ...facts.others])
    : heldByAny([
        own,
        ...facts.others.map((other) => (other ? judgeInWindow(rule, other.facts, other.seen) : UNKNOWN)),
      ]);
}

/** [W47] Some window has to have shown it, and each that has must be known to be without it. */
function goneFromAll(rule: Extract<Rule, { gone: string }>, windows: readonly (WindowFacts | null)[]): RuleFact {
  const judged = windows.map((each) => (each ? judgeInWindow(rule, each.facts, each.seen) : UNKNOWN));
  const showing = judged.find(({ value }) => value === false);
  if (showing) return showing;
  const ofThose = judged.filter((_, index) => windows[index] === null || windows[index]?.seen.has(rule.gone));
  const isGone = ofThose.length > 0 && ofThose.every(({ value }) => value === true);
  return isGone ? { value: true, frame: null } : UNKNOWN;
}

function heldByAny(judged: readonly RuleFact[]): RuleFact {
  const [first = UNKNOWN] = judged;
  return judged.find(({ value }) => value === true) ?? judged.find(({ value }) => value === "unknown") ?? first;
}

/** `seen` gets the selectors that are visible now, where it can be added to. */
function judgeInWindow(rule: Rule, facts: WindowFacts["facts"], seen: ReadonlySet<string> | Set<string>): RuleFact {
  if ("gone" in rule) {
    const match = facts.visible(rule.gone);
    if (match) {
      if ("add" in seen) seen.add(rule.gone);
      return { value: false, frame: match.frame };
    }
    const isKnown = seen.has(rule.gone) && (rule.across === "any" || !facts.isLeft(rule.gone));
    return { value: isKnown ? true : "unknown", frame: null, isByAbsence: true };
  }
  if ("visible" in rule) return fromMatch(facts.visible(rule.visible));
  if ("value" in rule) return fromMatch(facts.filled(rule.value));
  if ("text" in rule) {
    const match = facts.text(rule.text, rule.matches);
    return match === "unknown" ? { value: "unknown", frame: null } : fromMatch(match);
  }
  if ("url" in rule) return { value: matchesGlob(facts.url, rule.url), frame: facts.url };
  const cookie = facts.changedCookie(rule.cookie, rule.domain);
  return cookie ? { value: true, frame: null, cookie } : { value: false, frame: null };
}

export interface Judgement {
  readonly value: Trilean;
  /** The rules that held. */
  readonly held: readonly HeldRule[];
  /** A rule that held is by absence, as in RuleFact. */
  readonly isByAbsence?: boolean;
  /** What contradicts it; empty unless `value` is false. */
  readonly against: readonly Contradiction[];
}

const UNKNOWN: RuleFact = { value: "unknown", frame: null };

interface HeldRule extends Omit<RuleFact, "value" | "isByAbsence"> {
  readonly rule: string;
}

/** Judges `all` and `any` together; without either, the known kinds' own rules. */
export function judge(completion: Completion | undefined, facts: RuleFacts, seen: Set<string>): Judgement {
  const { all, any } = completion ?? {};
  if (!all && !any) {
    const { rule, fact } = facts.kinds();
    return judgement(fact.value, [{ rule, ...fact }]);
  }
  const judged = (rules: readonly Rule[] = []) =>
    rules.map((rule) => ({ rule: ruleText(rule), ...judgeRule(rule, facts, seen) }));
  const allFacts = judged(all);
  const anyFacts = judged(any);
  const value = and([and(allFacts.map((fact) => fact.value)), any ? some(anyFacts.map((fact) => fact.value)) : true]);
  return judgement(value, [...allFacts, ...anyFacts]);
}

function judgement(value: Trilean, facts: readonly (RuleFact & { readonly rule: string })[]): Judgement {
  const holding = value === true ? facts.filter((fact) => fact.value === true) : [];
  return {
    value,
    held: holding.map(({ value: _, isByAbsence: __, ...held }) => held),
    ...(holding.some(({ isByAbsence }) => isByAbsence) && { isByAbsence: true }),
    against:
      value === false
        ? facts
            .filter((fact) => fact.value === false)
            .map(({ rule, frame }) => ({ rule, frame: frame && redactUrl(frame) }))
        : [],
  };
}

function some(values: readonly Trilean[]): Trilean {
  if (values.includes(true)) return true;
  return values.includes("unknown") ? "unknown" : false;
}

/** Scans further apart than this leave open what was between them, guarded or not: the window starts again. */
export const MAX_SCAN_GAP_MS = 3_500;

/** A verdict needs true for `stableMs` without a break. False, unknown and a gap between scans restart the window. */
export class StabilityWindow {
  readonly #stableMs: number;
  #since: { at: number; wall: number } | null = null;
  #lastAt = -Infinity;

  constructor(stableMs: number) {
    this.#stableMs = stableMs;
  }

  get isOpen(): boolean {
    return this.#since !== null;
  }

  /**
   * @param at monotonic ms of this judgement: no later than what it judges
   * @param wall ms since 1970 at `at`
   * @param since monotonic ms, no earlier than it has been so; a window that opens counts from there
   */
  update(
    judgement: Judgement,
    at: number,
    wall: number,
    since = at,
  ): { stable: boolean; leftMs: number; evidence: Evidence[] } {
    const isGap = at - this.#lastAt > MAX_SCAN_GAP_MS;
    this.#lastAt = at;
    if (isGap) this.#since = null;
    if (judgement.value !== true) {
      this.#since = null;
      return { stable: false, leftMs: this.#stableMs, evidence: [] };
    }
    this.#since ??= { at: since, wall: wall + since - at };
    const sinceWall = new Date(this.#since.wall).toISOString();
    const leftMs = Math.max(0, this.#since.at + this.#stableMs - at);
    return { stable: leftMs === 0, leftMs, evidence: judgement.held.map((held) => evidenceOf(held, sinceWall)) };
  }
}

/** Where a rule held, without the URL's query: that may hold secrets of the page. */
function evidenceOf({ rule, frame, how, cookie }: HeldRule, since: string): Evidence {
  return { rule, frame: frame && redactUrl(frame), since, ...(how && { how }), ...(cookie && { cookie }) };
}

/** Longer URLs are cut here before matching, as a page can make them of any length. */
const MAX_MATCHED_URL = 4_096;

/**
 * Matches a URL against a glob: `**` stands for anything, `*` for anything but a slash, every other character for itself.
 * The time is proportional to the product of both lengths for any pattern, as patterns come from outside and run on
 * the server.
 */
export function matchesGlob(url: string, glob: string): boolean {
  const tokens = glob.match(/\*{2,}|\*|[^*]/gsu) ?? [];
  /** 1 at index i: the first i tokens match the text so far. */
  let reached = passStars(tokens, Uint8Array.of(1, ...tokens.map(() => 0)));
  for (const character of url.slice(0, MAX_MATCHED_URL)) {
    const next = new Uint8Array(reached.length);
    for (let index = 0; index < tokens.length; index += 1) {
      const token = tokens[index] ?? "";
      if (!reached[index]) continue;
      if (!token.startsWith("*")) next[index + 1] = token === character ? 1 : (next[index + 1] ?? 0);
      else if (token.length > 1 || character !== "/") next[index] = 1;
    }
    reached = passStars(tokens, next);
  }
  return reached[tokens.length] === 1;
}

/** A star may also stand for no character: it passes the mark on. */
function passStars(tokens: readonly string[], reached: Uint8Array): Uint8Array {
  for (const [index, token] of tokens.entries()) if (reached[index] && token.startsWith("*")) reached[index + 1] = 1;
  return reached;
}

function and(values: readonly Trilean[]): Trilean {
  if (values.includes(false)) return false;
  return values.includes("unknown") ? "unknown" : true;
}

function fromMatch(match: { readonly frame: string } | undefined): RuleFact {
  return match ? { value: true, frame: match.frame } : { value: false, frame: null };
}
