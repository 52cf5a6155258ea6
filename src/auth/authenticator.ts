/** From what somebody shows (a key, a link's token, a ticket) to who that is, and for how long. */
import { type Caller, type KeyCaller, type LinkCaller, nameOf } from "./caller.ts";
import type { Keys } from "./keys.ts";
import type { Links } from "./links.ts";
import type { Tickets } from "./tickets.ts";

/** What hangs on a key or a link ends within a second after a command has revoked it. */
const CHECK_MS = 800;
/** Timers cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface AuthenticatorDeps {
  /** False with AUTH=off: whoever comes is anybody, unless it shows something. */
  readonly isOn: boolean;
  readonly keys: Keys;
  readonly links: Links;
  readonly tickets: Tickets;
  /** Why keys and links could not be looked up; they are looked up again. */
  readonly onError: (error: unknown) => void;
}

export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  /** Callers that something hangs on, by name, and who is to be told. */
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
   * back. At once where it was revoked here, within a second where another process did it.
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

  /** Looks nothing up from now on: to be called before the keys' storage is closed. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#checkTimer);
  }

  /** Many hang on one key: it is looked up once for all of them. */
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

  /** Never throws: nobody would catch it. What cannot be looked up now holds until the next look. */
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
