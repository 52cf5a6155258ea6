/** Who is in control: exactly one operator acts, the others watch [W16]. */

import type { Action } from "../../protocol/audit.ts";
import type { Role } from "../../protocol/common.ts";

/** A holder who has not acted for so long may be relieved by a press of an older client. */
const IDLE_HOLDER_MS = 5_000;
/** Control waits so long for a holder whose line broke, where it can be recognised when it comes back. */
const AWAY_MS = 15_000;

/** What an actor does in a session, told to whoever records it; the name is the operator's. */
export type Witness = (
  action: Extract<Action, "operator.join" | "operator.leave" | "control.take" | "control.release">,
  operator: string,
) => void;

/** Whoever may act on a session: a connected viewer, or the one anonymous REST operator [R4]. */
export interface Actor {
  readonly name: string;
  /** Link or key, by which it is recognised when it comes back; left out or null: it is not. */
  readonly who?: string | null;
  readonly witness?: Witness | undefined;
  /** `watch`: is never in control, whatever it does. Left out: may be. */
  readonly role?: Role;
}

export class ControlLease {
  readonly #onFree: () => void;
  readonly #awayMs: number;
  #holder: Actor | null = null;
  /** Runs while the holder is away. */
  #away: NodeJS.Timeout | undefined;
  #actedAt = 0;
  #hasActed = false;
  readonly #asked = new WeakSet<Actor>();

  /** @param onFree nobody is in control any more, as a holder did not come back in time */
  constructor(onFree: () => void, awayMs = AWAY_MS) {
    this.#onFree = onFree;
    this.#awayMs = awayMs;
  }

  get holder(): Actor | null {
    return this.#holder;
  }

  /** Whether the holder is there and has done anything since control was given to it. */
  get isUsed(): boolean {
    return this.#holder !== null && !this.#away && this.#hasActed;
  }

  holds(actor: Actor): boolean {
    return this.#holder === actor;
  }

  /** Joining gives control when nobody holds it, or back to who had it. */
  join(actor: Actor): void {
    if (!this.#holder || this.waitsFor(actor)) this.#give(actor);
  }

  /** An explicit wish: the operator takes over. From now on this actor's presses never take control by themselves. */
  take(actor: Actor): void {
    this.#asked.add(actor);
    this.#give(actor);
  }

  /** Whether this actor's press may act; an actor who never asked for control takes over from an idle holder. */
  press(actor: Actor): boolean {
    const idle = performance.now() - this.#actedAt > IDLE_HOLDER_MS;
    const mayTake = !this.#holder || idle || this.waitsFor(actor);
    if (!this.holds(actor) && !this.#asked.has(actor) && mayTake) this.#give(actor);
    return this.act(actor);
  }

  /** Whether this actor may act, and the note that it did. */
  act(actor: Actor): boolean {
    if (!this.holds(actor)) return false;
    this.#actedAt = performance.now();
    this.#hasActed = true;
    return true;
  }

  /** Its line broke: control waits for it a while, if it can be recognised. */
  leave(actor: Actor): void {
    if (!this.holds(actor)) return;
    if (actor.who) this.reserve(actor);
    else this.#holder = null;
  }

  /** Control waits for somebody who is not there. */
  reserve(actor: Actor): void {
    this.#give(actor);
    this.#away = setTimeout(() => {
      this.release(actor);
      this.#onFree();
    }, this.#awayMs);
  }

  /** Whether this is who holds it and has been away. */
  waitsFor({ who }: Actor): boolean {
    return this.#away !== undefined && who != null && who === this.#holder?.who;
  }

  release(actor: Actor): void {
    if (!this.holds(actor)) return;
    this.stop();
    this.#holder = null;
  }

  /** Nobody is waited for any more. */
  stop(): void {
    clearTimeout(this.#away);
    this.#away = undefined;
  }

  #give(actor: Actor): void {
    if (actor.role === "watch") return;
    this.stop();
    this.#holder = actor;
    this.#actedAt = performance.now();
    this.#hasActed = false;
  }
}
