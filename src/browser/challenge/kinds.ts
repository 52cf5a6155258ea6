/**
 * The known kinds of challenges as data: where their box is, what else they show, and how "done" looks. Nothing here
 * finds an answer. docs/challenges.md says what each field means and how a kind is added.
 */
import type { ChallengeKind } from "../../config.ts";
import { CHINESE_WIDGETS } from "./kinds/chinese-widgets.ts";
import { genericKind } from "./kinds/generic.ts";
import { WALLS } from "./kinds/walls.ts";
import { WEAK_KINDS } from "./kinds/weak.ts";
import { WORLDWIDE_WIDGETS } from "./kinds/worldwide-widgets.ts";

const NAMED_KINDS: readonly ChallengeKind[] = [...WALLS, ...CHINESE_WIDGETS, ...WORLDWIDE_WIDGETS, ...WEAK_KINDS];

/** In order of preference: the first kind with a visible match wins, and within a kind its first selector. */
export const KNOWN_KINDS: readonly ChallengeKind[] = [...NAMED_KINDS, genericKind(NAMED_KINDS)];

/** Whether the URL has one of the entries, and of an entry such as "a & b" every part: the entry, or undefined. */
export function matchingPart(url: string, entries: readonly string[]): string | undefined {
  return entries.find((entry) => entry.split(" & ").every((part) => url.includes(part)));
}

/** A kind's response fields as requests have them. */
export function fieldsOf(kind: ChallengeKind): { readonly name: string; readonly noAnswer: RegExp | null }[] {
  return kind.done.flatMap((rule) => {
    if (!("value" in rule)) return [];
    const name = rule.name ?? /\[name=(["'])([^"']+)\1\]/.exec(rule.value)?.[2];
    return name === undefined
      ? []
      : [{ name, noAnswer: rule.no_answer === undefined ? null : new RegExp(rule.no_answer) }];
  });
}
