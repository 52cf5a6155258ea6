/** `generic`: what calls itself a captcha and is no kind that is known by name. */
import type { ChallengeKind } from "../../../config.ts";
import { GONE, kind } from "./kind.ts";

/** The last kind. Badges, solved boxes and success signs of the named kinds are none of its business. */
export function genericKind(named: readonly ChallengeKind[]): ChallengeKind {
  const others = named.flatMap(({ not_when, done }) => [
    ...not_when.selectors,
    ...done.flatMap((rule) => ("visible" in rule ? [rule.visible] : [])),
  ]);
  return kind({
    kind: "generic",
    vendor: "anything else",
    source: "what public pages call such a box",
    role: "generic",
    selectors: ['[id*="captcha" i]', '[class*="captcha" i]'],
    not_when: { selectors: [...new Set([...OWN_EXCEPTIONS, ...others])] },
    done: GONE,
    // A press-and-hold box is 300 x 100 and a checkbox 303 x 78; labels and fields are flatter.
    min_width: 100,
    min_height: 60,
  });
}

/** A sign-in form, or what is around one, that says "captcha" of itself and has no such box in it. */
const LOGIN_WRAPPER =
  ':is([id*="captcha" i], [class*="captcha" i]):is(form, :has(form)):has(input[type="password"]):not(:has(:is(div, canvas, iframe):is([id*="captcha" i], [class*="captcha" i])))';

export const OWN_EXCEPTIONS = [
  '[class*="g-recaptcha" i]',
  "input",
  "textarea",
  "select",
  "label:not(:has(input))",
  LOGIN_WRAPPER,
];
