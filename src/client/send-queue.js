// What is said while a line is away: kept in its order, and only so much of it.

import { MOST_QUEUED } from "./operator-resend-queue.js";

/** @template M */
export class Queue {
  #limit;
  /** Oldest first. @type {M[]} */
  #kept = [];

  /** @param {number} [limit] */
  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  get size() {
    return this.#kept.length;
  }

  /**
   * @param {M} message
   * @param {number} _now ms
   * @returns {boolean} false: there is no room
   */
  keep(message, _now) {
    if (this.#kept.length >= this.#limit) return false;
    this.#kept.push(message);
    return true;
  }

  /** Everything, in its order; empty afterwards. @param {number} _now ms @returns {M[]} */
  take(_now) {
    return this.#kept.splice(0);
  }

  /** A message went out. @param {M} _message @param {number} _now ms */
  sent(_message, _now) {}

  clear() {
    this.#kept = [];
  }
}
