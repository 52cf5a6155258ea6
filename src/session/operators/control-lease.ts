/** The lease of control: exactly one operator acts, the others watch [W16]. */
import type { Role } from "../../protocol/common.ts";
import type { RecordOperatorAct } from "../ports/operator-acts.ts";

/** A press of an older client takes control from a holder who has not acted for this long. */
const IDLE_HOLDER_MS = 5_000;
/** How long control is reserved for a holder that lost its socket, if it can be recognised when it reconnects. */
const AWAY_MS = 15_000;

/** An actor in a session: a connected viewer, or the one REST operator [R4]. */
export interface Actor {
  readonly name: string;
  /** Its link or key, by which it is recognised when it reconnects; left out or null: it is not. */
  readonly who?: string | null;
  readonly recordAct?: RecordOperatorAct | undefined;
  /** `watch`: is never in control, whatever it does; left out: `control`. */
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

  /** @param onFree called when nobody is in control any more, because a holder did not reconnect in time */
  constructor(onFree: () => void, awayMs = AWAY_MS) {
    this.#onFree = onFree;
    this.#awayMs = awayMs;
  }

  get holder(): Actor | null {
    return this.#holder;
  }

  /** Whether the holder is connected and has acted since it got control. */
  get isUsed(): boolean {
    return this.#holder !== null && !this.#away && this.#hasActed;
  }

  holds(actor: Actor): boolean {
    return this.#holder === actor;
  }

  /** Gives control to an operator who joins, if nobody holds it or it is reserved for this one. */
  join(actor: Actor): void {
    if (!this.#holder || this.waitsFor(actor)) this.#give(actor);
  }

  /** The operator takes control explicitly. From now on this actor's presses never take control by themselves. */
  take(actor: Actor): void {
    this.#asked.add(actor);
    this.#give(actor);
  }

  /** Whether this actor's press counts; an actor who never took control explicitly takes it from an idle holder. */
  press(actor: Actor): boolean {
    const idle = performance.now() - this.#actedAt > IDLE_HOLDER_MS;
    const mayTake = !this.#holder || idle || this.waitsFor(actor);
    if (!this.holds(actor) && !this.#asked.has(actor) && mayTake) this.#give(actor);
    return this.act(actor);
  }

  /** Whether this actor is in control; if so, it counts as having acted now. */
  act(actor: Actor): boolean {
    if (!this.holds(actor)) return false;
    this.#actedAt = performance.now();
    this.#hasActed = true;
    return true;
  }

  /** The actor's socket is gone: control stays reserved for it for a while, if it can be recognised. */
  leave(actor: Actor): void {
    if (!this.holds(actor)) return;
    if (actor.who) this.reserve(actor);
    else this.#holder = null;
  }

  /** Reserves control for an actor who is not connected. */
  reserve(actor: Actor): void {
    this.#give(actor);
    this.#away = setTimeout(() => {
      this.release(actor);
      this.#onFree();
    }, this.#awayMs);
  }

  /** Whether control is reserved for this actor. */
  waitsFor({ who }: Actor): boolean {
    return this.#away !== undefined && who != null && who === this.#holder?.who;
  }

  release(actor: Actor): void {
    if (!this.holds(actor)) return;
    this.stop();
    this.#holder = null;
  }

  /** Ends the reservation. */
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
