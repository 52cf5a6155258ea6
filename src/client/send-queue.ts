// What is said while a line is away: kept in its order, and only so much of it.

export interface OutgoingQueue<M> {
  readonly size: number;
  keep(message: M, now: number): boolean;
  take(now: number): M[];
  sent(message: M, now: number): void;
  clear(): void;
}

/** Oldest first. @type {M[]} */
export const MOST_QUEUED = 100;

export class SendQueue<M> implements OutgoingQueue<M> {
  readonly #limit: number;
  #kept: M[] = [];

  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.length;
  }

  /**
   * @param {M} message
   * @param {number} _now ms
   * @returns {boolean} false: there is no room
   */
  keep(message: M): boolean {
    if (this.#kept.length >= this.#limit) return false;
    this.#kept.push(message);
    return true;
  }

  /** Everything, in its order; empty afterwards. @param {number} _now ms @returns {M[]} */
  take(): M[] {
    return this.#kept.splice(0);
  }

  /** A message went out. @param {M} _message @param {number} _now ms */
  sent(): void {}

  clear(): void {
    this.#kept = [];
  }
}
