/** Checks the selectors of completion rules in the browser: only it knows which it can parse. */
import { AppError } from "../../errors.ts";
import type { Completion, Rule } from "../../protocol/rest.ts";
import { invalidSelectors } from "../challenge/in-page-scripts.ts";
import type { PageFrames } from "../tabs/frames.ts";

/** Throws AppError invalid_message, with the first rule whose selector cannot be parsed. */
export async function assertSelectors(frames: PageFrames, completion: Completion | undefined): Promise<void> {
  const rules = [
    ...(completion?.all ?? []).map((rule, index) => ({ rule, field: `completion.all.${index}` })),
    ...(completion?.any ?? []).map((rule, index) => ({ rule, field: `completion.any.${index}` })),
  ];
  const selectors = rules.flatMap(({ rule, field }) => {
    const selector = selectorOf(rule);
    return selector === undefined ? [] : [{ selector, field }];
  });
  if (selectors.length === 0) return;
  const [main] = await frames.list();
  if (!main) return;
  const invalid = await frames.run(
    main,
    invalidSelectors,
    selectors.map(({ selector }) => selector),
  );
  const first = selectors.find(({ selector }) => invalid.includes(selector));
  if (first) throw new AppError("invalid_message", { field: first.field, why: "not a CSS selector" });
}

function selectorOf(rule: Rule): string | undefined {
  if ("gone" in rule) return rule.gone;
  if ("visible" in rule) return rule.visible;
  if ("value" in rule) return rule.value;
  return "text" in rule ? rule.text : undefined;
}
