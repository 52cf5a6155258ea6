/** How much one operator socket may say: budgets that fill up again, and what becomes of what is too much. Pure. */

/** ack, ping, pong and heartbeat answer the server's own pace or are rare; so many only a flood has. */
const ANSWERS_PER_SECOND = 1_000;
/** What is read at all, in parts of so many bytes: a flood is not worth being parsed. Ten of the fastest mice. */
const READ_PART_BYTES = 512;
const READ_PARTS_PER_SECOND = 10_000;
/** Too much for so long is no accident. */
const FLOOD_MS = 10_000;
/** A flood is over when nothing was too much for so long. */
const FLOOD_PAUSE_MS = 2_000;
const TELL_EVERY_MS = 1_000;

export interface MessageBounds {
  readonly maxMessagesPerSecond: number;
  readonly messageBurst: number;
  readonly maxMovesPerSecond: number;
  /** How long a flood may last, ms; left out: 10 s. */
  readonly floodMs?: number;
}

/** What follows on a message too much: it is dropped in any case. */
export type Excess = "silence" | "tell" | "close";

/** A bucket of `size`, full at first, that takes in `perSecond`. */
class Budget {
  readonly #perSecond: number;
  readonly #size: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, size: number, now: number) {
    this.#perSecond = perSecond;
    this.#size = size;
    this.#left = size;
    this.#at = now;
  }

  /** Takes so much, or nothing where there is not enough. */
  take(now: number, amount = 1): boolean {
    this.#fill(now);
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }

  /** ms until there is one. */
  msUntilOne(now: number): number {
    this.#fill(now);
    return Math.max(0, ((1 - this.#left) * 1_000) / this.#perSecond);
  }

  #fill(now: number): void {
    this.#left = Math.min(this.#size, this.#left + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
  }
}

export class MessageLimits {
  readonly #now: () => number;
  readonly #floodMs: number;
  readonly #reading: Budget;
  readonly #answers: Budget;
  readonly #messages: Budget;
  readonly #moves: Budget;
  #flood: { readonly since: number; last: number } | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `now` in ms, never going back. */
  constructor(bounds: MessageBounds, now: () => number = () => performance.now()) {
    const { maxMessagesPerSecond, messageBurst, maxMovesPerSecond, floodMs = FLOOD_MS } = bounds;
    const at = now();
    this.#now = now;
    this.#floodMs = floodMs;
    this.#reading = new Budget(READ_PARTS_PER_SECOND, READ_PARTS_PER_SECOND, at);
    this.#answers = new Budget(ANSWERS_PER_SECOND, ANSWERS_PER_SECOND, at);
    this.#messages = new Budget(maxMessagesPerSecond, messageBurst, at);
    // A tenth of a second's: a mouse that was held up by the line comes in one piece.
    this.#moves = new Budget(maxMovesPerSecond, Math.max(1, maxMovesPerSecond / 10), at);
  }

  /** Whether a message of so many bytes is to be read. */
  mayRead(bytes: number): boolean {
    return this.#reading.take(this.#now(), Math.max(1, Math.ceil(bytes / READ_PART_BYTES)));
  }

  /** Whether a message that was read, and is no move, is to be acted on; what could not be understood has no type. */
  mayAct(type: string | undefined): boolean {
    const isAnswer = type === "ack" || type === "ping" || type === "pong" || type === "heartbeat";
    return (isAnswer ? this.#answers : this.#messages).take(this.#now());
  }

  /** Whether a move is to be acted on now; otherwise the newest one waits for msUntilMove(). */
  mayMove(): boolean {
    return this.#moves.take(this.#now());
  }

  msUntilMove(): number {
    return this.#moves.msUntilOne(this.#now());
  }

  /** A message was too much. */
  exceed(): Excess {
    const now = this.#now();
    if (!this.#flood || now - this.#flood.last > FLOOD_PAUSE_MS) this.#flood = { since: now, last: now };
    this.#flood.last = now;
    if (now - this.#flood.since >= this.#floodMs) return "close";
    if (now - this.#toldAt < TELL_EVERY_MS) return "silence";
    this.#toldAt = now;
    return "tell";
  }
}
