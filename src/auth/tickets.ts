/** Tickets [R16]: what a browser shows to open one socket, once, as a socket cannot carry a header. */
import { randomBytes } from "node:crypto";
import type { Caller } from "./caller.ts";

export const TICKET_LIFETIME_MS = 30_000;
const TICKET_BYTES = 24;
/** Tickets that nobody has used yet; the oldest go first. */
const MAX_TICKETS = 10_000;

export interface Ticket {
  readonly caller: Caller;
  /** The session it opens. */
  readonly uid: string;
  /** ms since 1970 */
  readonly expires_at: number;
}

export class Tickets {
  /** In order of their expiry. */
  readonly #tickets = new Map<string, Ticket>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  issue(caller: Caller, uid: string): { readonly ticket: string; readonly expires_at: number } {
    this.#forgetOld();
    const ticket = randomBytes(TICKET_BYTES).toString("base64url");
    const expires_at = this.#now() + TICKET_LIFETIME_MS;
    this.#tickets.set(ticket, { caller, uid, expires_at });
    return { ticket, expires_at };
  }

  /** Uses a ticket up; null for one that is unknown, used or too old. */
  redeem(ticket: string): Ticket | null {
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    return found && found.expires_at > this.#now() ? found : null;
  }

  #forgetOld(): void {
    for (const [ticket, { expires_at }] of this.#tickets) {
      if (expires_at > this.#now() && this.#tickets.size < MAX_TICKETS) return;
      this.#tickets.delete(ticket);
    }
  }
}
