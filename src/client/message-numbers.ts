/** Ids for messages that must be handled exactly once, so that the server can tell a repeat: the client's name and a number. */
import { HANDLED_ONCE } from "../protocol/exactly-once.ts";
import type { ClientMessageInput } from "../protocol/live.ts";
import { isMove } from "../protocol/moves.ts";

type Id = string | number;

const NAME_LENGTH = 16;
const LETTERS = 26;
const SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** The caller's own ids that are remembered for an answer; those of older messages are not given back. */
const MOST_OWN_IDS = 100;

export class MessageNumbers {
  /** Unique to this client. */
  readonly client = drawName();
  readonly #prefix = `${this.client}-`;
  #last = 0;
  /** The ids that the caller gave to its messages, by number. */
  readonly #ownIds = new Map<number, Id>();

  /** The message as it goes out: numbered, if it must be handled exactly once. */
  stamp(message: ClientMessageInput): ClientMessageInput {
    if (!HANDLED_ONCE.has(message.type) || isMove(message)) return message;
    this.#last += 1;
    if (message.id !== undefined) this.#ownIds.set(this.#last, message.id);
    for (const oldest of this.#ownIds.keys()) {
      if (this.#ownIds.size <= MOST_OWN_IDS) break;
      this.#ownIds.delete(oldest);
    }
    return { ...message, id: this.#prefix + this.#last };
  }

  /** The number in an id; null for an id that is not one of this client's. */
  numberOf(id: Id | undefined): number | null {
    return typeof id === "string" && id.startsWith(this.#prefix) ? Number(id.slice(this.#prefix.length)) : null;
  }

  /** The id that the caller gave to this message. */
  ownId(number: number): Id | undefined {
    return this.#ownIds.get(number);
  }
}

/** A random name of 16 letters and digits that begins with a letter: unique, but for chance. */
export function drawName(): string {
  const dice = crypto.getRandomValues(new Uint8Array(NAME_LENGTH));
  return [...dice].map((one, index) => SIGNS[one % (index === 0 ? LETTERS : SIGNS.length)]).join("");
}
