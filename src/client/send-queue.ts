/** Messages sent while the connection is down: kept in their order, and only so many of them. */

/** What a connection asks of the queue for messages that it cannot send now. */
export interface OutgoingQueue<M> {
  /** Messages that wait and were never sent. */
  readonly size: number;
  /** Keeps a message for the next connection; false: it is not kept. `now` in ms. */
  keep(message: M, now: number): boolean;
  /** Every message to send on the new connection, in their order; the queue is empty afterwards. `now` in ms. */
  take(now: number): M[];
  /** A message went out. `now` in ms. */
  sent(message: M, now: number): void;
  clear(): void;
}

/** Enough for a person who types through an outage; and a program that keeps sending does not fill the memory. */
export const MOST_QUEUED = 100;

export class SendQueue<M> implements OutgoingQueue<M> {
  readonly #limit: number;
  /** Oldest first. */
  #kept: M[] = [];

  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** False: the queue is full. */
  keep(message: M): boolean {
    if (this.#kept.length >= this.#limit) return false;
    this.#kept.push(message);
    return true;
  }

  take(): M[] {
    return this.#kept.splice(0);
  }

  sent(): void {}

  clear(): void {
    this.#kept = [];
  }
}
