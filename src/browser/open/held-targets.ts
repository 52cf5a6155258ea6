/** Which pages are in a session of this server, and whose they are. */
import { AppError } from "../../errors.ts";

export class HeldTargets {
  readonly #held = new Map<string, "ours" | "guest">();

  /** Holds a page until the answered function is called. Throws page_in_use. */
  hold(targetId: string, whose: "ours" | "guest"): () => void {
    if (this.#held.has(targetId)) throw new AppError("page_in_use", { field: "cdp", target_id: targetId });
    this.#held.set(targetId, whose);
    return () => this.#held.delete(targetId);
  }

  isOurs(targetId: string): boolean {
    return this.#held.get(targetId) === "ours";
  }
}
