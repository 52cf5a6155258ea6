/** Knows which frames of a page have a navigation under way. */

/** A frame inside the page that loads for longer than this (an advertisement, say) does not delay verdicts. */
const SUBFRAME_PATIENCE_MS = 10_000;

/** `Frame` and `Navigation` are identities: any values that are equal for the same frame or navigation only. */
export class PendingNavigations<Frame, Navigation> {
  readonly #pending = new Map<Frame, { readonly navigation: Navigation; readonly since: number }>();

  started(frame: Frame, navigation: Navigation): void {
    this.#pending.set(frame, { navigation, since: performance.now() });
  }

  /** This navigation has ended. Returns false where the frame has another one under way, or none. */
  ended(frame: Frame, navigation: Navigation): boolean {
    return this.#pending.get(frame)?.navigation === navigation && this.#pending.delete(frame);
  }

  /** The frame has a new document, or is detached. */
  settled(frame: Frame): void {
    this.#pending.delete(frame);
  }

  /** Whether a navigation is under way in the main frame, or in a frame that has not taken too long. */
  isUnderWay(main: Frame): boolean {
    const now = performance.now();
    return [...this.#pending].some(([frame, { since }]) => frame === main || now - since < SUBFRAME_PATIENCE_MS);
  }
}
