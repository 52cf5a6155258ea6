/**
 * Small functions that run inside a page, in an isolated world. Each is sent as text, so it uses nothing from outside of
 * itself. They only read (one scrolls): nothing is added to or changed in the page.
 */
import type { ScannerWorld } from "./in-page-scanner.ts";

/** Whether the text of a match (its first 10,000 characters) matches the pattern, a regular expression. */
export function matchesText(question: { selector: string; pattern: string }): boolean {
  const MAX_TEXT = 10_000;
  const pattern = new RegExp(question.pattern);
  const roots = [document, ...((globalThis as ScannerWorld).captchaRemoteRoots ?? [])];
  return roots.some((root) =>
    [...root.querySelectorAll(question.selector)].some((element) =>
      pattern.test((element.textContent ?? "").slice(0, MAX_TEXT)),
    ),
  );
}

/** Returns the selectors among these that the browser cannot parse. */
export function invalidSelectors(selectors: readonly string[]): string[] {
  return selectors.filter((selector) => {
    try {
      document.createDocumentFragment().querySelector(selector);
      return false;
    } catch {
      return true;
    }
  });
}

/**
 * Scrolls the first match that has a box into the middle of the viewport; of one without a box of its own
 * (`display: contents`), what is in it.
 */
export function scrollToMatch(selector: string): void {
  const roots = [...((globalThis as ScannerWorld).captchaRemoteRoots ?? [])];
  const matches = [document, ...roots].flatMap((root) => [...root.querySelectorAll(selector)]);
  const inside = (match: Element) => [match, ...roots.filter(({ host }) => host === match)];
  const candidates = matches.flatMap((match) => [
    match,
    ...(getComputedStyle(match).display === "contents"
      ? inside(match).flatMap((root) => [...root.querySelectorAll("*")])
      : []),
  ]);
  const target = candidates.find((element) => element.getBoundingClientRect().width > 0);
  target?.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
}
