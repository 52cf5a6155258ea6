/** What an element must have to match a selector: its id, a class, its tag. Saves comparing most elements with it. Pure. */
import type { KeyedSelector, SelectorKey } from "./in-page-scanner.ts";

const ANY: SelectorKey = { by: "any" };

export function keyed(selector: string): KeyedSelector {
  return { selector, key: selectorKey(selector), gate: gateOf(selector) };
}

/** What the first `:has()` asks for, without its combinator: comparing with `:has()` is slow, and mostly in vain. */
function gateOf(selector: string): string | null {
  const start = selector.indexOf(":has(");
  // In a list, or inside of another function, it is one way of several.
  if (start < 0 || isList(selector) || depthOf(selector.slice(0, start)) > 0) return null;
  if (selector.includes(":scope") || hasQuotedParenthesis(selector)) return null;
  let depth = 1;
  let end = start + ":has(".length;
  const inner = selector.slice(end);
  for (const character of inner) {
    if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    if (depth === 0) break;
    end += 1;
  }
  return selector
    .slice(start + ":has(".length, end)
    .replace(/(^|,)\s*[>+~]/g, "$1")
    .trim();
}

/** The condition of the selector's last compound; `any` where none is plain enough to be sure of. */
function selectorKey(selector: string): SelectorKey {
  if (selector.includes("\\") || /[^ -~]/.test(selector)) return ANY;
  const compound = lastCompound(selector);
  if (compound === null) return ANY;
  const { plain, attributes } = compound;
  const id = /#([\w-]+)/.exec(plain)?.[1];
  if (id !== undefined) return { by: "id", name: id };
  const className = /\.([\w-]+)/.exec(plain)?.[1];
  if (className !== undefined) return { by: "class", name: className };
  for (const attribute of attributes) {
    const part = /^(id|class)\s*[*^$]?=\s*(["'])([^"']+)\2\s*i?$/i.exec(attribute);
    if (part?.[1] && part[3]) {
      return { by: part[1].toLowerCase() === "id" ? "id-part" : "class-part", name: part[3].toLowerCase() };
    }
  }
  const tag = /^[a-z][\w-]*/i.exec(plain)?.[0];
  return tag === undefined ? ANY : { by: "tag", name: tag.toLowerCase() };
}

/** The last compound without what is in brackets and parentheses, and its attribute conditions; null for a list. */
function lastCompound(selector: string): { plain: string; attributes: string[] } | null {
  let plain = "";
  let attributes: string[] = [];
  let depth = 0;
  let attribute: string | null = null;
  let quote = "";
  for (const character of selector.trim()) {
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") {
      quote = character;
    }
    if (attribute !== null) {
      if (character === "]" && quote === "") {
        attributes.push(attribute.trim());
        attribute = null;
      } else attribute += character;
    } else if (quote !== "") {
      // Inside of a function's argument.
    } else if (character === "(") {
      depth += 1;
    } else if (character === ")") {
      depth -= 1;
    } else if (depth > 0) {
      // As above.
    } else if (character === "[") {
      attribute = "";
    } else if (character === ",") {
      return null;
    } else if (/[\s>+~]/.test(character)) {
      plain = "";
      attributes = [];
    } else plain += character;
  }
  // The names of pseudo-classes are no tags.
  return { plain: plain.replace(/::?[\w-]+/g, ":"), attributes };
}

/** How many functions are open at its end. */
function depthOf(text: string): number {
  return text.split("(").length - text.split(")").length;
}

/** Whether it has a comma outside of all parentheses and brackets. */
function isList(selector: string): boolean {
  let depth = 0;
  for (const character of selector) {
    if ("([".includes(character)) depth += 1;
    else if (")]".includes(character)) depth -= 1;
    else if (character === "," && depth === 0) return true;
  }
  return false;
}

/** Whether one of its strings has a parenthesis, or an escape that may end the string elsewhere. */
function hasQuotedParenthesis(text: string): boolean {
  return text.match(/"[^"]*"|'[^']*'/g)?.some((string) => /[()\\]/.test(string)) ?? false;
}
