/** Tickets [R16]: a browser opens one socket with one, once, because it cannot send a header with a socket. */
import { randomBytes } from "node:crypto";
import type { Caller } from "./caller.ts";

export const TICKET_LIFETIME_MS = 30_000;
const TICKET_BYTES = 24;
/** The most unused tickets; the oldest are dropped first. */
const MAX_TICKETS = 10_000;

export interface Ticket {
  readonly caller: Caller;
  /** The session it opens. */
  readonly uid: string;
  /** ms since 1970 */
  readonly expires_at: number;
}

export class Tickets {
  /** Tickets in order of their expiry. */
  readonly #tickets = new Map<string, Ticket>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Makes a ticket for this session with the caller's rights; `expires_at` is ms since 1970. */
  issue(caller: Caller, uid: string): { readonly ticket: string; readonly expires_at: number } {
    this.#forgetOld();
    const ticket = randomBytes(TICKET_BYTES).toString("base64url");
    const expires_at = this.#now() + TICKET_LIFETIME_MS;
    this.#tickets.set(ticket, { caller, uid, expires_at });
    return { ticket, expires_at };
  }

  /** Redeems a ticket, once; null if it is unknown, used or expired. */
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
