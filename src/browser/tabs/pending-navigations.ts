/** Whether a navigation is under way in some frame of a page. */

/** A frame inside the page that loads for longer than this (an advertisement, say) does not hold up verdicts. */
const SUBFRAME_PATIENCE_MS = 10_000;

/** `Frame` and `Navigation` are whatever tells one from another. */
export class PendingNavigations<Frame, Navigation> {
  readonly #pending = new Map<Frame, { readonly navigation: Navigation; readonly since: number }>();

  begun(frame: Frame, navigation: Navigation): void {
    this.#pending.set(frame, { navigation, since: performance.now() });
  }

  /** That one has come to its end; false where the frame is at another, or none. */
  ended(frame: Frame, navigation: Navigation): boolean {
    return this.#pending.get(frame)?.navigation === navigation && this.#pending.delete(frame);
  }

  /** The frame has a new document, or is gone. */
  settled(frame: Frame): void {
    this.#pending.delete(frame);
  }

  isUnderWay(main: Frame): boolean {
    const now = performance.now();
    return [...this.#pending].some(([frame, { since }]) => frame === main || now - since < SUBFRAME_PATIENCE_MS);
  }
}
