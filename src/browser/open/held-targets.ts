/** Which pages are held by a session of this server: a page is in one session at most. */
import { AppError } from "../../errors.ts";

export class HeldTargets {
  readonly #held = new Map<string, "ours" | "guest">();

  /** Holds a page, and returns a function that releases it. Throws AppError page_in_use. */
  hold(targetId: string, whose: "ours" | "guest"): () => void {
    if (this.#held.has(targetId)) throw new AppError("page_in_use", { field: "cdp", target_id: targetId });
    this.#held.set(targetId, whose);
    return () => this.#held.delete(targetId);
  }

  /** Whether the page is held and runs in a browser of this server's. */
  isOurs(targetId: string): boolean {
    return this.#held.get(targetId) === "ours";
  }
}
