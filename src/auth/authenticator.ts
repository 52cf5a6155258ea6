/** From what somebody shows (a key, a link's token, a ticket) to who that is, and for how long. */
import type { Caller, KeyCaller, LinkCaller } from "./caller.ts";
import type { Keys } from "./keys.ts";
import type { Links } from "./links.ts";
import type { Tickets } from "./tickets.ts";

/** How soon what hangs on a key or a link ends after a command has revoked it. */
const CHECK_MS = 5_000;
/** Timers cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface AuthenticatorDeps {
  /** False with AUTH=off: whoever comes is anybody, unless it shows something. */
  readonly isOn: boolean;
  readonly keys: Keys;
  readonly links: Links;
  readonly tickets: Tickets;
}

export class Authenticator {
  readonly #deps: AuthenticatorDeps;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  get isOn(): boolean {
    return this.#deps.isOn;
  }

  /** Whose key or link token this is; null: nobody's. */
  async bearer(token: string): Promise<KeyCaller | LinkCaller | null> {
    const key = this.#deps.keys.find(token);
    if (key) return key;
    return token.split(".").length === 3 ? this.#deps.links.find(token) : null;
  }

  /** Uses up a ticket of this session; null where it opens nothing, or what it was given for does not any more. */
  ticket(ticket: string, uid: string | undefined): Caller | null {
    const found = this.#deps.tickets.redeem(ticket);
    return found && found.uid === uid && this.#isGood(found.caller) ? found.caller : null;
  }

  /**
   * Calls `tell` once this caller's key or link is no good any more, which may be so already; answers what takes that
   * back. At once where it was revoked here, within seconds where another process did it.
   */
  whenOver(caller: Caller, tell: () => void): () => void {
    if (caller.kind !== "key" && caller.kind !== "link") return () => {};
    const stops = [() => clearInterval(looking)];
    const over = () => {
      stop();
      tell();
    };
    const stop = () => {
      for (const each of stops.splice(0)) each();
    };
    const look = () => this.#isGood(caller) || over();
    const looking = setInterval(look, CHECK_MS);
    if (caller.kind === "link") {
      const expiry = setTimeout(over, Math.min(caller.expires_at - Date.now(), MAX_TIMER_MS));
      stops.push(() => clearTimeout(expiry), this.#deps.links.watch(caller.id, over));
    }
    queueMicrotask(() => stops.length > 0 && look());
    return stop;
  }

  #isGood(caller: Caller): boolean {
    if (caller.kind === "key") return this.#deps.keys.isLiving(caller.id);
    return caller.kind !== "link" || this.#deps.links.isLiving(caller.id);
  }
}
