/** [W62] A still of a page that nobody has looked at yet: the first person sees it at once, and the live picture follows. */
import type { Picture } from "../../session/ports/page.ts";

/** What loads after the challenge was found, its own pictures above all, is mostly there by then. */
const TAKEN_AFTER_MS = 1_000;

/** It gets its number when it is sent. */
export type Still = Omit<Picture, "seq">;

interface KeptStillDeps {
  /** Resolves to null where none can be had now. */
  readonly take: () => Promise<Still | null>;
  /** All that the last look at the page has seen. */
  readonly look: () => string;
}

export class KeptStill {
  readonly #deps: KeptStillDeps;
  /** Null: there is none. */
  #still: Promise<Still | null> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #look = "";

  constructor(deps: KeptStillDeps) {
    this.#deps = deps;
  }

  /** The page is ready: takes the still once it has not changed for a moment. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#look = this.#deps.look();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#still = this.#deps.take().catch(() => null);
    }, TAKEN_AFTER_MS);
    this.#timer.unref();
  }

  /** A look at the page is over. */
  looked(): void {
    if ((this.#timer || this.#still) && this.#deps.look() !== this.#look) this.changed();
  }

  /** The page looks different, or will in a moment. */
  changed(): void {
    this.#still = null;
    if (this.#timer) this.begin();
  }

  /** Somebody watches from now on: none is taken any more, one that was is kept for them. */
  watched(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The still, once; null: there is none, or the page has changed since. */
  async handOut(): Promise<Still | null> {
    const still = this.#still;
    const taken = await still;
    if (taken === null || this.#still !== still) return null;
    this.stop();
    return taken;
  }

  /** For good. */
  stop(): void {
    this.watched();
    this.#still = null;
  }
}
