/** How a page went on from the documents that showed something. Pure. */
import type { FrameRef } from "../tabs/frames.ts";
import type { NavigationCause } from "../tabs/navigation-cause.ts";

export interface Documents {
  /** The main document, by its loader id. */
  readonly page: string;
  /** The frame that showed it, and its document. */
  readonly frame: string;
  readonly document: string;
  /** The frames around it, but for the main one. */
  readonly around?: readonly { readonly frame: string; readonly document: string }[];
}

/** A page may go on without end: of so many documents the causes are kept one by one. */
const MAX_CAUSES = 20;

export class Departure {
  readonly from: Documents;
  readonly #causes = new Map<string, NavigationCause>();
  /** Documents that a form is known to have loaded. */
  readonly #byForm = new Set<string>();

  /** From the documents that show something in this frame now. */
  static of(main: FrameRef, frame: FrameRef): Departure {
    const around: { frame: string; document: string }[] = [];
    for (let at = frame.parent; at?.parent; at = at.parent) around.push({ frame: at.id, document: at.loaderId });
    return new Departure({ page: main.loaderId, frame: frame.id, document: frame.loaderId, around });
  }

  constructor(from: Documents) {
    this.from = from;
  }

  /** Takes note of the documents that are there now. */
  follow(main: FrameRef, frames: readonly FrameRef[], causeOf: (loaderId: string) => NavigationCause): void {
    const { page, frame, document, around = [] } = this.from;
    if (main.loaderId !== page) this.#add(main.loaderId, causeOf);
    for (const each of [{ frame, document }, ...around]) {
      const now = each.frame === main.id ? undefined : frames.find(({ id }) => id === each.frame);
      if (now && now.loaderId !== each.document) this.#add(now.loaderId, causeOf);
    }
  }

  /** A form is known to have loaded this document. */
  byForm(loaderId: string): void {
    if (this.#byForm.size < MAX_CAUSES) this.#byForm.add(loaderId);
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
    if (known !== undefined && known !== "unknown") return;
    this.#causes.set(loaderId, this.#byForm.has(loaderId) ? "form" : causeOf(loaderId));
    // What the page itself brought, and has left again, proves nothing against it.
    const [oldest] = [...this.#causes].filter(([, cause]) => cause === "form" || cause === "script");
    if (this.#causes.size > MAX_CAUSES && oldest) this.#causes.delete(oldest[0]);
    else if (this.#causes.size > MAX_CAUSES) this.#causes.delete(loaderId);
  }
}
