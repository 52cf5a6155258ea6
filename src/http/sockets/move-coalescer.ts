/** [W24] Of moves that come too fast the newest waits, until its time comes or another input needs it first. */
import type { MessageLimits } from "./message-limits.ts";

export class MoveCoalescer<Move> {
  readonly #limits: Pick<MessageLimits, "mayMove" | "msUntilMove">;
  readonly #deliver: (move: Move) => void;
  #waiting: Move | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Pick<MessageLimits, "mayMove" | "msUntilMove">, deliver: (move: Move) => void) {
    this.#limits = limits;
    this.#deliver = deliver;
  }

  /** Delivers a move at once or, if it comes too fast, later and only if no newer one replaces it. Never an error. */
  add(move: Move): void {
    if (this.#limits.mayMove()) {
      // One that waits is older than this one.
      this.drop();
      this.#deliver(move);
      return;
    }
    this.#waiting = move;
    this.#timer ??= setTimeout(() => this.#onDue(), Math.ceil(this.#limits.msUntilMove()));
  }

  /** Delivers the move that waits, now. */
  flush(): void {
    const move = this.#waiting;
    this.drop();
    if (move !== null) this.#deliver(move);
  }

  /** The move that waits is not delivered any more. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = null;
  }

  #onDue(): void {
    const move = this.#waiting;
    this.drop();
    if (move !== null) this.add(move);
  }
}
