// Messages to the bot until it has acknowledged them, and its replies: each under its `mid`, so that a repeat is known.

export interface Message {
  readonly mid: string;
  readonly text: string;
}

export interface Reply extends Message {
  /** How often it came in; it counts once. */
  times: number;
}

/** More than this is not kept: neither messages that nobody answers, nor old replies. */
const MOST_KEPT = 1_000;

export class Mailbox {
  /** Oldest first. */
  readonly #unacknowledged = new Map<string, Message>();
  readonly #replies = new Map<string, Reply>();
  readonly #onReply: (text: string) => void;
  #written = 0;

  constructor(onReply: (text: string) => void = () => {}) {
    this.#onReply = onReply;
  }

  get unacknowledged(): readonly Message[] {
    return [...this.#unacknowledged.values()];
  }

  get replies(): readonly Reply[] {
    return [...this.#replies.values()];
  }

  /** A message for the bot. RangeError while too many wait. */
  write(text: string): Message {
    if (this.#unacknowledged.size >= MOST_KEPT) throw new RangeError(`More than ${MOST_KEPT} messages wait.`);
    this.#written += 1;
    const message = { mid: `message-${this.#written}`, text };
    this.#unacknowledged.set(message.mid, message);
    return message;
  }

  acknowledge(mid: string): void {
    this.#unacknowledged.delete(mid);
  }

  /** False: it was there already. */
  takeReply(mid: string, text: string): boolean {
    const known = this.#replies.get(mid);
    if (known) {
      known.times += 1;
      return false;
    }
    this.#replies.set(mid, { mid, text, times: 1 });
    const [oldest] = this.#replies.keys();
    if (this.#replies.size > MOST_KEPT && oldest !== undefined) this.#replies.delete(oldest);
    this.#onReply(text);
    return true;
  }
}
