/** What an element and its document must have before a selector is compared with it. */
import { expect, test } from "@playwright/test";
import { KNOWN_KINDS } from "../../src/browser/challenge/kinds.ts";
import { keyed } from "../../src/browser/challenge/selector-key.ts";

const gateOf = (selector: string) => keyed(selector).gate;

test("[K3] what :has() asks for is asked of the document first, whatever else the selector quotes", () => {
  expect(gateOf('div:has(> input[name="a"]):not(:has(input[type="password"]))')).toBe('input[name="a"]');
  expect(gateOf("a-widget:has(.a[data-state='verified']) input")).toBe(".a[data-state='verified']");
});

test("[K3] nothing is asked first where it would not be necessary", () => {
  for (const selector of [
    "div.a",
    "div:has(.a), .b",
    ":not(:has(.a))",
    ':is(div:has(.a), .b) div:has([title=")"])',
    'div:has([title=":("])',
    "div:has(> :scope .a)",
    'div:has([title="\\""]) .b',
  ]) {
    expect(gateOf(selector), selector).toBeNull();
  }
});

test("[K3] no known kind has every block or line of a page compared with :has()", () => {
  const slow = KNOWN_KINDS.flatMap(({ selectors }) => selectors)
    .filter((selector) => selector.includes(":has("))
    .map(keyed)
    .filter(({ key, gate }) => gate === null && (key.by === "any" || key.by === "tag"));
  expect(slow).toEqual([]);
});
