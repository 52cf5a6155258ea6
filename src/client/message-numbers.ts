// Numbers what must be done exactly once, so that a server can tell a repeat: each id is this client's name and a number.
import type { ClientMessageInput } from "../protocol/live.ts";

type Id = string | number;

const NAME_LENGTH = 16;
const LETTERS = 26;
const SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Own ids of its sender that are remembered for an answer; those of older messages are not given back. */
const MOST_OWN_IDS = 100;

/** Done twice or not at all they are wrong. A question may be asked again, and all else is of the moment.
 * @type {ReadonlySet<ClientMessageInput["type"]>} */
const ONCE: ReadonlySet<ClientMessageInput["type"]> = new Set([
  "text",
  "key",
  "mouse_event",
  "finish",
  "extend",
  "take_control",
  "release_control",
]);

/** Nobody else's. */
export class MessageNumbers {
  readonly client = drawName();
  readonly #prefix = `${this.client}-`;
  #last = 0;
  /** What the sender called its messages, by number. @type {Map<number, Id>} */
  readonly #ownIds = new Map<number, Id>();

  /**
   * The message as it goes out: numbered, if it is one of those that must be done once.
   * @param {ClientMessageInput} message
   * @returns {ClientMessageInput}
   */
  stamp(message: ClientMessageInput): ClientMessageInput {
    if (!ONCE.has(message.type) || (message.type === "mouse_event" && message.event_type === "move")) return message;
    this.#last += 1;
    if (message.id !== undefined) this.#ownIds.set(this.#last, message.id);
    for (const oldest of this.#ownIds.keys()) {
      if (this.#ownIds.size <= MOST_OWN_IDS) break;
      this.#ownIds.delete(oldest);
    }
    return { ...message, id: this.#prefix + this.#last };
  }

  numberOf(id: Id | undefined): number | null {
    return typeof id === "string" && id.startsWith(this.#prefix) ? Number(id.slice(this.#prefix.length)) : null;
  }

  /** The id that the sender gave to this message. @param {number} number */
  ownId(number: number): Id | undefined {
    return this.#ownIds.get(number);
  }
}

/** Nobody else's by chance. It begins with a letter. */
export function drawName(): string {
  const dice = crypto.getRandomValues(new Uint8Array(NAME_LENGTH));
  return [...dice].map((one, index) => SIGNS[one % (index === 0 ? LETTERS : SIGNS.length)]).join("");
}
