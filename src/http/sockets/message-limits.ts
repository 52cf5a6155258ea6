/** How much one socket may send: budgets that fill up again, and what happens to a message beyond them. Pure. */

/** `ack`, `ping`, `pong` and `heartbeat` follow the server's own pace or are rare: only a flood has so many. */
const ANSWERS_PER_SECOND = 1_000;
/** What is read at all, counted in parts of so many bytes, as a flood is not worth parsing. Ten of the fastest mice. */
const READ_PART_BYTES = 512;
const READ_PARTS_PER_SECOND = 10_000;
/** A client that sends too much for so long does not do it by accident. */
const FLOOD_MS = 10_000;
/** A flood is over once no message was too much for so long. */
const FLOOD_PAUSE_MS = 2_000;
const ANSWER_EVERY_MS = 1_000;

export interface MessageBounds {
  readonly maxMessagesPerSecond: number;
  readonly messageBurst: number;
  readonly maxMovesPerSecond: number;
  /** How long a flood may last before the socket is closed, ms; 10 s if left out. */
  readonly floodMs?: number;
}

/** What happens besides dropping the message: nothing, an error, or an error and the end of the socket. */
export type Excess = "drop" | "answer" | "close";

/** A token bucket: holds at most `size`, is full at first, and gains `perSecond`. */
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

  /** Takes the amount, or nothing and returns false if there is not enough. */
  take(now: number, amount = 1): boolean {
    this.#fill(now);
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }

  /** How long, in ms, until there is one. */
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
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** `now` in ms, never going back. */
  constructor(bounds: MessageBounds, now: () => number = () => performance.now()) {
    const { maxMessagesPerSecond, messageBurst, maxMovesPerSecond, floodMs = FLOOD_MS } = bounds;
    const at = now();
    this.#now = now;
    this.#floodMs = floodMs;
    this.#reading = new Budget(READ_PARTS_PER_SECOND, READ_PARTS_PER_SECOND, at);
    this.#answers = new Budget(ANSWERS_PER_SECOND, ANSWERS_PER_SECOND, at);
    this.#messages = new Budget(maxMessagesPerSecond, messageBurst, at);
    // A tenth of a second's moves at once: moves that a slow network has held up arrive together.
    this.#moves = new Budget(maxMovesPerSecond, Math.max(1, maxMovesPerSecond / 10), at);
  }

  /** Whether a message of so many bytes may be parsed. */
  mayRead(bytes: number): boolean {
    return this.#reading.take(this.#now(), Math.max(1, Math.ceil(bytes / READ_PART_BYTES)));
  }

  /** Whether a message that is not a move may be acted on. One that could not be parsed has no type. */
  mayAct(type: string | undefined): boolean {
    const isAnswer = type === "ack" || type === "ping" || type === "pong" || type === "heartbeat";
    return (isAnswer ? this.#answers : this.#messages).take(this.#now());
  }

  /** Whether a move may be acted on now; if not, the newest one waits for msUntilMove(). */
  mayMove(): boolean {
    return this.#moves.take(this.#now());
  }

  msUntilMove(): number {
    return this.#moves.msUntilOne(this.#now());
  }

  /** Counts a message that was too much. */
  exceed(): Excess {
    const now = this.#now();
    if (!this.#flood || now - this.#flood.last > FLOOD_PAUSE_MS) this.#flood = { since: now, last: now };
    this.#flood.last = now;
    if (now - this.#flood.since >= this.#floodMs) return "close";
    if (now - this.#answeredAt < ANSWER_EVERY_MS) return "drop";
    this.#answeredAt = now;
    return "answer";
  }
}
