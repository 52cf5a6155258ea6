/**
 * The functions that scan a page from inside, in an isolated world. Each is sent as text, so it uses nothing from outside
 * of itself. They only read (one scrolls): nothing is added to or changed in the page.
 */
import type { Rect } from "../../protocol/common.ts";

export interface FrameQuestion {
  /** Selectors to find visible matches of. */
  readonly selectors: readonly string[];
  /** Selectors of form fields to look for a value in. */
  readonly values: readonly string[];
  /** How long after this scan matches that are visible for a moment only are kept for the next scan, ms; 0: not at all. */
  readonly guardMs: number;
}

export interface FrameAnswer {
  readonly ready: boolean;
  /** The browser's own error page, or a document that came with HTTP 400 or above. */
  readonly errorPage: boolean;
  readonly scrollX: number;
  readonly scrollY: number;
  readonly width: number;
  readonly height: number;
  /** In a background tab: the browser draws nothing of it. */
  readonly hidden: boolean;
  /** For each selector the boxes of its matches, in the frame's own CSS px: visible now or (guarded) since the last scan. */
  readonly boxes: readonly (readonly Rect[])[];
  /** For each field selector whether a match has a value. */
  readonly filled: readonly boolean[];
}

/** Scans the document of one frame. */
export function askFrame(question: FrameQuestion): FrameAnswer {
  const MAX_MATCHES = 20;
  const GUARD_TICK_MS = 25;
  /** The isolated world's global object: the page cannot see what is kept there. */
  const world = globalThis as typeof globalThis & {
    guard?: { timer: number; until: number; boxes: Map<string, Rect[]> };
    passwords?: WeakSet<Element>;
  };
  // A password field that the page shows as text later is still secret (masking/in-page-recorder.ts).
  world.passwords ??= new WeakSet();
  for (const field of document.querySelectorAll("input[type=password]")) world.passwords.add(field);
  const visible = (element: Element): boolean => {
    const box = element.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) return false;
    // The page keeps it where nobody can scroll to.
    if (box.right + scrollX <= 0 || box.bottom + scrollY <= 0) return false;
    return element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
  };
  const boxesOf = (selector: string): Rect[] => {
    const found: Rect[] = [];
    for (const element of document.querySelectorAll(selector)) {
      if (element === document.documentElement || element === document.body || !visible(element)) continue;
      const { x, y, width, height } = element.getBoundingClientRect();
      found.push({ x, y, width, height });
      if (found.length >= MAX_MATCHES) break;
    }
    return found;
  };
  const glimpsed = world.guard?.boxes ?? new Map<string, Rect[]>();
  clearInterval(world.guard?.timer);
  delete world.guard;
  if (question.guardMs > 0) {
    const guard = { timer: 0, until: performance.now() + question.guardMs, boxes: new Map<string, Rect[]>() };
    guard.timer = setInterval(() => {
      if (performance.now() > guard.until) clearInterval(guard.timer);
      for (const selector of question.selectors) {
        const boxes = boxesOf(selector);
        if (boxes.length > 0) guard.boxes.set(selector, boxes);
      }
    }, GUARD_TICK_MS) as unknown as number;
    world.guard = guard;
  }
  const visibleOf = (selector: string): Rect[] => {
    const now = boxesOf(selector);
    return now.length > 0 ? now : (glimpsed.get(selector) ?? []);
  };
  const navigation = performance.getEntriesByType("navigation")[0];
  const status = navigation && "responseStatus" in navigation ? Number(navigation.responseStatus) : 0;
  const isFilled = (selector: string): boolean =>
    [...document.querySelectorAll(selector)].some((field) => "value" in field && String(field.value) !== "");
  return {
    ready: document.readyState === "complete",
    errorPage: location.protocol === "chrome-error:" || status >= 400,
    scrollX,
    scrollY,
    width: innerWidth,
    height: innerHeight,
    hidden: document.visibilityState === "hidden",
    boxes: question.selectors.map(visibleOf),
    filled: question.values.map(isFilled),
  };
}

/** Whether the text of a match (its first 10,000 characters) matches the pattern, a regular expression. */
export function matchesText(question: { selector: string; pattern: string }): boolean {
  const MAX_TEXT = 10_000;
  const pattern = new RegExp(question.pattern);
  return [...document.querySelectorAll(question.selector)].some((element) =>
    pattern.test((element.textContent ?? "").slice(0, MAX_TEXT)),
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

/** Scrolls the first match that has a box into the middle of the viewport. */
export function scrollToMatch(selector: string): void {
  const matches = [...document.querySelectorAll(selector)];
  const target = matches.find((element) => element.getBoundingClientRect().width > 0);
  target?.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
}
