/** Knows which frames of a page have a navigation under way. */

/** `Frame` and `Navigation` are identities: any values that are equal for the same frame or navigation only. */
export class PendingNavigations<Frame, Navigation> {
  readonly #pending = new Map<Frame, Navigation>();

  started(frame: Frame, navigation: Navigation): void {
    this.#pending.set(frame, navigation);
  }

  /** This navigation has ended. Returns false where the frame has another one under way, or none. */
  ended(frame: Frame, navigation: Navigation): boolean {
    return this.#pending.get(frame) === navigation && this.#pending.delete(frame);
  }

  /** The frame has a new document, or is detached. */
  settled(frame: Frame): void {
    this.#pending.delete(frame);
  }

  isUnderWay(frame: Frame): boolean {
    return this.#pending.has(frame);
  }
}
