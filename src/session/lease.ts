/** Who is in control: exactly one operator acts, the others watch [W16]. */

import type { Role } from "../auth/caller.ts";
import type { Action } from "../protocol/audit.ts";

/** A holder who has not acted for so long may be relieved by a press of an older client. */
const IDLE_HOLDER_MS = 5_000;

/** What an actor does in a session, told to whoever records it; the name is the operator's. */
export type Witness = (
  action: Extract<Action, "operator.join" | "operator.leave" | "control.take" | "control.release">,
  operator: string,
) => void;

/** Whoever may act on a session: a connected viewer, or the one anonymous REST operator [R4]. */
export interface Actor {
  readonly name: string;
  readonly witness?: Witness | undefined;
  /** `watch`: is never in control, whatever it does. Left out: may be. */
  readonly role?: Role;
}

export class ControlLease {
  #holder: Actor | null = null;
  #actedAt = 0;
  readonly #asked = new WeakSet<Actor>();

  get holder(): Actor | null {
    return this.#holder;
  }

  holds(actor: Actor): boolean {
    return this.#holder === actor;
  }

  /** Joining gives control when nobody holds it. */
  join(actor: Actor): void {
    if (!this.#holder) this.#give(actor);
  }

  /** An explicit wish: the operator takes over. From now on this actor's presses never take control by themselves. */
  take(actor: Actor): void {
    this.#asked.add(actor);
    this.#give(actor);
  }

  /** Whether this actor's press may act; an actor who never asked for control takes over from an idle holder. */
  press(actor: Actor): boolean {
    const idle = performance.now() - this.#actedAt > IDLE_HOLDER_MS;
    if (!this.holds(actor) && !this.#asked.has(actor) && (!this.#holder || idle)) this.#give(actor);
    return this.act(actor);
  }

  /** Whether this actor may act, and the note that it did. */
  act(actor: Actor): boolean {
    if (!this.holds(actor)) return false;
    this.#actedAt = performance.now();
    return true;
  }

  release(actor: Actor): void {
    if (this.holds(actor)) this.#holder = null;
  }

  #give(actor: Actor): void {
    if (actor.role === "watch") return;
    this.#holder = actor;
    this.#actedAt = performance.now();
  }
}
