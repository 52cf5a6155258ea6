/** Whether a navigation is under way in some frame of a page. */
import type { Frame, Page, Request } from "playwright";

/** A frame inside the page that loads for longer than this (an advertisement, say) does not hold up verdicts. */
const SUBFRAME_PATIENCE_MS = 10_000;

export class Navigations {
  readonly #page: Page;
  readonly #pending = new Map<Frame, { request: Request; since: number }>();

  /** `onChange` is called whenever a navigation begins or ends. */
  constructor(page: Page, onChange: () => void) {
    this.#page = page;
    const done = (request: Request) => {
      if (this.#ended(request)) onChange();
    };
    page.on("request", (request) => {
      if (!request.isNavigationRequest()) return;
      const frame = frameOf(request);
      if (frame) this.#pending.set(frame, { request, since: performance.now() });
      onChange();
    });
    page.on("requestfailed", done);
    page.on("requestfinished", done);
    page.on("framenavigated", (frame) => {
      this.#pending.delete(frame);
      onChange();
    });
    page.on("framedetached", (frame) => {
      this.#pending.delete(frame);
      onChange();
    });
  }

  get underWay(): boolean {
    const now = performance.now();
    return [...this.#pending].some(
      ([frame, { since }]) => frame === this.#page.mainFrame() || now - since < SUBFRAME_PATIENCE_MS,
    );
  }

  #ended(request: Request): boolean {
    const frame = frameOf(request);
    if (!frame || this.#pending.get(frame)?.request !== request) return false;
    return this.#pending.delete(frame);
  }
}

/** Playwright throws for the frame of a request whose page has gone. */
function frameOf(request: Request): Frame | null {
  try {
    return request.frame();
  } catch {
    return null;
  }
}
