/** Messages that come before their socket is open: kept in their order, and only so many. */
import { replaceLastMove } from "../../protocol/moves.ts";

/** Before it is known who sends them. */
const MAX_FROM_STRANGERS = 10;
const MAX_EARLY_MESSAGES = 200;

export class EarlyMessages<Message extends { readonly type: string }> {
  #messages: Message[] = [];
  #limit = MAX_FROM_STRANGERS;
  #onFirst: ((message: Message | null) => void) | null = null;

  /** Of moves in a row it keeps the last. False if there are too many messages: then this one is dropped. */
  keep(message: Message): boolean {
    const onFirst = this.#onFirst;
    if (onFirst) {
      this.#onFirst = null;
      onFirst(message);
      return true;
    }
    if (replaceLastMove(this.#messages, message)) return true;
    if (this.#messages.length >= this.#limit) return false;
    this.#messages.push(message);
    return true;
  }

  /** Takes the first message out, now or as soon as it comes; null if the socket closes before. */
  first(): Promise<Message | null> {
    const first = this.#messages.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#onFirst = resolve;
    });
  }

  /** The sender is known: more of its messages are kept. */
  allowMore(): void {
    this.#limit = MAX_EARLY_MESSAGES;
  }

  takeAll(): Message[] {
    return this.#messages.splice(0);
  }

  /** The socket is closed or refused. */
  end(): void {
    this.#messages = [];
    this.#onFirst?.(null);
    this.#onFirst = null;
  }
}
