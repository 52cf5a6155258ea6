/** Authenticates callers by a key, a link's token or a ticket, and watches for how long they hold. */
import { type Caller, type KeyCaller, type LinkCaller, nameOf } from "./caller.ts";
import type { Keys } from "./keys.ts";
import type { Links } from "./links.ts";
import type { Tickets } from "./tickets.ts";

/** Interval of checks: connections end within a second after a command has revoked their key or link. */
const CHECK_MS = 800;
/** The longest wait of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface AuthenticatorDeps {
  /** False with AUTH=off: a caller without credentials is `anybody`. */
  readonly isOn: boolean;
  readonly keys: Keys;
  readonly links: Links;
  readonly tickets: Tickets;
  /** The error if keys and links cannot be looked up; the next check tries again. */
  readonly onError: (error: unknown) => void;
}

export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  /** Callers with open connections, by name, and the callbacks that end these. */
  readonly #watched = new Map<
    string,
    { readonly caller: KeyCaller | LinkCaller; readonly callbacks: Set<() => void> }
  >();
  #checkTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  get isOn(): boolean {
    return this.#deps.isOn;
  }

  /** The caller with this key or link token; null if there is none. */
  async bearer(token: string): Promise<KeyCaller | LinkCaller | null> {
    const key = this.#deps.keys.find(token);
    if (key) return key;
    return token.split(".").length === 3 ? this.#deps.links.find(token) : null;
  }

  /** Redeems a ticket for this session, once. Null if it is unknown, or its key or link does not hold any more. */
  ticket(ticket: string, uid: string | undefined): Caller | null {
    const found = this.#deps.tickets.redeem(ticket);
    return found && found.uid === uid && this.#isGood(found.caller) ? found.caller : null;
  }

  /**
   * Calls `onOver` once the caller's key or link has expired or was revoked, which may be so already: at once if it was
   * revoked here, within a second if another process did it. Returns a function that stops watching.
   */
  whenOver(caller: Caller, onOver: () => void): () => void {
    if (caller.kind !== "key" && caller.kind !== "link") return () => {};
    const stops: (() => void)[] = [];
    const stop = () => {
      for (const each of stops.splice(0)) each();
    };
    const over = () => {
      stop();
      onOver();
    };
    stops.push(this.#watch(caller, over));
    if (caller.kind === "link") {
      const expiry = setTimeout(over, Math.min(caller.expires_at - Date.now(), MAX_TIMER_MS));
      stops.push(() => clearTimeout(expiry), this.#deps.links.watch(caller.id, over));
    }
    queueMicrotask(() => stops.length > 0 && this.#isOver(caller) && over());
    return stop;
  }

  /** Stops all checks: to be called before the storage of keys is closed. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#checkTimer);
  }

  /** Watches a caller: one check serves all connections of its key. */
  #watch(caller: KeyCaller | LinkCaller, over: () => void): () => void {
    const name = nameOf(caller);
    const watched = this.#watched.get(name) ?? { caller, callbacks: new Set() };
    watched.callbacks.add(over);
    this.#watched.set(name, watched);
    if (!this.#isClosed) this.#checkTimer ??= setInterval(() => this.#checkAll(), CHECK_MS);
    return () => {
      watched.callbacks.delete(over);
      if (watched.callbacks.size === 0) this.#watched.delete(name);
      if (this.#watched.size > 0) return;
      clearInterval(this.#checkTimer);
      this.#checkTimer = undefined;
    };
  }

  #checkAll(): void {
    for (const { caller, callbacks } of [...this.#watched.values()]) {
      if (this.#isOver(caller)) for (const callback of [...callbacks]) callback();
    }
  }

  /** Never throws, because timers call it. If the lookup fails, the key or link holds until the next check. */
  #isOver(caller: Caller): boolean {
    try {
      return !this.#isClosed && !this.#isGood(caller);
    } catch (error) {
      this.#deps.onError(error);
      return false;
    }
  }

  #isGood(caller: Caller): boolean {
    if (caller.kind === "key") return this.#deps.keys.isLiving(caller.id);
    return caller.kind !== "link" || this.#deps.links.isLiving(caller.id);
  }
}
