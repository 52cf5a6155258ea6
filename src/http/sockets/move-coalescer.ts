/** The newest of a row of moves that came too fast, until its time comes or a press needs it first [W24]. */
import type { ClientMessage, ClientMessageOf } from "../../protocol/live.ts";

export type Move = ClientMessageOf<"mouse_event"> & { readonly event_type: "move" };

export function isMove(message: ClientMessage): message is Move {
  return message.type === "mouse_event" && message.event_type === "move";
}

/** What a page would notice coming before a move that was made before it. */
export function isInput({ type }: ClientMessage): boolean {
  return type === "mouse_event" || type === "wheel" || type === "key" || type === "text";
}

export class MoveCoalescer {
  readonly #onDue: (move: Move) => void;
  #move: Move | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(onDue: (move: Move) => void) {
    this.#onDue = onDue;
  }

  /** In place of the last one; due so many ms after the first of the row was held. */
  hold(move: Move, afterMs: number): void {
    this.#move = move;
    this.#timer ??= setTimeout(() => {
      const due = this.take();
      if (due) this.#onDue(due);
    }, Math.ceil(afterMs));
  }

  /** What is held, which then is not any more. */
  take(): Move | null {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const move = this.#move;
    this.#move = null;
    return move;
  }
}
