/** Messages that come before the session has welcomed their socket: in order, and so many. */
import type { ClientMessage } from "../../protocol/live.ts";
import type { FirstMessage } from "./authenticate-socket.ts";
import { isMove } from "./move-coalescer.ts";

/** Before anybody knows who sends them. */
const MAX_FROM_STRANGERS = 10;
const MAX_EARLY_MESSAGES = 200;

export class EarlyMessages {
  #messages: ClientMessage[] = [];
  #limit = MAX_FROM_STRANGERS;
  #onNext: ((message: ClientMessage | null) => void) | null = null;

  /** A mouse moves on meanwhile: of moves in a row the last is enough. False where there are too many. */
  keep(message: ClientMessage): boolean {
    const onNext = this.#onNext;
    this.#onNext = null;
    if (onNext) {
      onNext(message);
      return true;
    }
    const last = this.#messages.at(-1);
    if (last && isMove(last) && isMove(message)) this.#messages.pop();
    if (this.#messages.length >= this.#limit) return false;
    this.#messages.push(message);
    return true;
  }

  /** What the first one says of its sender, now or as soon as it comes; null when the socket is gone before. */
  async introduction(): Promise<FirstMessage | null> {
    const first = this.#messages.shift() ?? (await this.#next());
    return first && { id: first.id, token: first.type === "authenticate" ? first.token : undefined };
  }

  /** The sender is known. */
  allowMore(): void {
    this.#limit = MAX_EARLY_MESSAGES;
  }

  get isKnown(): boolean {
    return this.#limit === MAX_EARLY_MESSAGES;
  }

  takeAll(): ClientMessage[] {
    return this.#messages.splice(0);
  }

  /** The socket is gone. */
  end(): void {
    this.#messages = [];
    this.#onNext?.(null);
    this.#onNext = null;
  }

  #next(): Promise<ClientMessage | null> {
    return new Promise((resolve) => {
      this.#onNext = resolve;
    });
  }
}
