/** Checks the selectors of completion rules and of the kinds file in the browser: only it knows which it can parse. */
import type { ChallengeKind } from "../../config.ts";
import { AppError } from "../../errors.ts";
import type { Completion, Rule } from "../../protocol/rest.ts";
import { invalidSelectors } from "../challenge/in-page-scripts.ts";
import { KNOWN_KINDS } from "../challenge/kinds.ts";
import type { PageFrames } from "../tabs/frames.ts";

interface GivenSelector {
  readonly selector: string;
  readonly field: string;
}

/**
 * Throws AppError invalid_message, with the first rule whose selector cannot be parsed, and internal, with the first
 * selector of CHALLENGE_KINDS_FILE that cannot be: that is no fault of the bot.
 */
export async function assertSelectors(
  frames: PageFrames,
  completion: Completion | undefined,
  kinds: readonly ChallengeKind[],
): Promise<void> {
  const ofRules = [
    ...(completion?.all ?? []).map((rule, index) => ({ rule, field: `completion.all.${index}` })),
    ...(completion?.any ?? []).map((rule, index) => ({ rule, field: `completion.any.${index}` })),
  ].flatMap(({ rule, field }) => {
    const selector = selectorOf(rule);
    return selector === undefined ? [] : [{ selector, field }];
  });
  const ofKinds = kinds.filter((kind) => !KNOWN_KINDS.includes(kind)).flatMap(selectorsOfKind);
  const invalid = await firstInvalid(frames, [...ofRules, ...ofKinds]);
  if (!invalid) return;
  const { field, selector } = invalid;
  if (ofRules.includes(invalid)) throw new AppError("invalid_message", { field, why: "not a CSS selector" });
  const message = `CHALLENGE_KINDS_FILE: ${field}: not a CSS selector: ${selector}`;
  throw new AppError("internal", { field, why: "not a CSS selector" }, { message });
}

async function firstInvalid(frames: PageFrames, given: readonly GivenSelector[]): Promise<GivenSelector | undefined> {
  const [main] = given.length > 0 ? await frames.list() : [];
  if (!main) return undefined;
  const invalid = await frames.run(
    main,
    invalidSelectors,
    given.map(({ selector }) => selector),
  );
  return given.find(({ selector }) => invalid.includes(selector));
}

/** The selectors of a kind, each with its place in the file: `shop-puzzle.not_when.selectors.0`. */
function selectorsOfKind({ kind, selectors, not_when, working, done }: ChallengeKind): GivenSelector[] {
  const listed = (list: readonly string[], name: string) =>
    list.map((selector, index) => ({ selector, field: `${kind}.${name}.${index}` }));
  return [
    ...listed(selectors, "selectors"),
    ...listed(not_when.selectors, "not_when.selectors"),
    ...listed(working.selectors, "working.selectors"),
    ...done.flatMap((rule, index) => {
      if ("visible" in rule) return [{ selector: rule.visible, field: `${kind}.done.${index}.visible` }];
      return "value" in rule ? [{ selector: rule.value, field: `${kind}.done.${index}.value` }] : [];
    }),
  ];
}

function selectorOf(rule: Rule): string | undefined {
  if ("gone" in rule) return rule.gone;
  if ("visible" in rule) return rule.visible;
  if ("value" in rule) return rule.value;
  return "text" in rule ? rule.text : undefined;
}
