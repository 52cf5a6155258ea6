/** How a page went on from the documents that showed something. Pure. */
import type { FrameRef } from "../tabs/frames.ts";
import type { NavigationCause } from "../tabs/navigation-cause.ts";

export interface Documents {
  /** The main document, by its loader id. */
  readonly page: string;
  /** The frame that showed it, and its document. */
  readonly frame: string;
  readonly document: string;
}

export class Departure {
  readonly from: Documents;
  readonly #causes = new Map<string, NavigationCause>();

  constructor(from: Documents) {
    this.from = from;
  }

  /** Takes note of the documents that are there now. */
  follow(main: FrameRef, frames: readonly FrameRef[], causeOf: (loaderId: string) => NavigationCause): void {
    const { page, frame, document } = this.from;
    if (main.loaderId !== page) this.#add(main.loaderId, causeOf);
    if (frame === main.id) return;
    const now = frames.find(({ id }) => id === frame);
    if (now && now.loaderId !== document) this.#add(now.loaderId, causeOf);
  }

  /** Whether another document came in place of one of these. */
  get hasMoved(): boolean {
    return this.#causes.size > 0;
  }

  /** Whether forms and scripts alone brought all of them. */
  get isByPage(): boolean {
    return [...this.#causes.values()].every((cause) => cause === "form" || cause === "script");
  }

  /**
   * Whether the page itself may have brought them: nothing speaks against it but what cannot be told. A script goes back
   * as a person does.
   */
  get mayBeByPage(): boolean {
    return [...this.#causes.values()].every((cause) => ["form", "script", "history", "unknown"].includes(cause));
  }

  #add(loaderId: string, causeOf: (loaderId: string) => NavigationCause): void {
    const known = this.#causes.get(loaderId);
    // What the browser does not say at once may be known a moment later.
    if (known === undefined || known === "unknown") this.#causes.set(loaderId, causeOf(loaderId));
  }
}
