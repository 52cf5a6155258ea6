/** [W27] Who opens a socket: its upgrade says so, or its first message does. */
import type { FastifyRequest } from "fastify";
import type { Caller } from "../../auth/caller.ts";
import type { Config } from "../../config.ts";
import { AppError, toAppError } from "../../errors.ts";
import { type ServerMessageOf, TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/live.ts";
import { bearerOf, type GuardDeps, refusalOf } from "../guards/authorization.ts";
import { ConnectionLimits } from "../guards/connection-limits.ts";
import { offeredSubprotocols } from "./subprotocols.ts";

type PendingLimits = Pick<Config, "authenticateSeconds" | "maxPendingConnections">;
type Upgrade = Pick<FastifyRequest, "headers" | "ip">;
export type MessageId = string | number;
export type AuthenticationResult = Omit<ServerMessageOf<"authentication_result">, "type">;

/** What an `authenticate` message shows. */
export interface Credentials {
  /** The token of a link, or a key. */
  readonly token?: string | undefined;
  /** [W59] What the client would have offered as subprotocols; its ticket may be among them. */
  readonly protocols?: readonly string[] | undefined;
}

/** The first message of a socket whose upgrade has shown nothing. */
export interface FirstMessage {
  readonly id?: MessageId | undefined;
  /** Null: the message is not `authenticate`. */
  readonly credentials: Credentials | null;
}

/** Who may open the sockets of a route. */
export interface SocketAuthPolicy<Principal> {
  /** [W59] The first message authenticates, whatever the upgrade shows. Left out: only if the upgrade shows nothing. */
  readonly waitsForMessage?: boolean;
  /** The caller whom this ticket was issued to, null if it is not valid. Left out: the route takes no tickets. */
  byTicket?(ticket: string): Caller | null;
  /** The caller if the upgrade shows nothing; null: the first message has to authenticate. */
  byNothing(): Caller | null;
  /** Throws AppError if this caller may not open the socket. */
  admit(caller: Caller): Principal;
}

export const WELCOME: AuthenticationResult = { success: true, code: null, message: "Welcome." };

export class SocketAuthentication<Principal> {
  readonly #deps: Pick<GuardDeps, "authenticator" | "failures">;
  readonly #request: Upgrade;
  readonly #policy: SocketAuthPolicy<Principal>;
  readonly #pending: PendingSockets;

  constructor(
    deps: Pick<GuardDeps, "authenticator" | "failures">,
    request: Upgrade,
    policy: SocketAuthPolicy<Principal>,
    pending: PendingSockets,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#policy = policy;
    this.#pending = pending;
  }

  /**
   * Authenticates by the upgrade or, if that shows nothing or the policy waits for it, by the first message; `answer`
   * sends the result of the latter. `first` resolves to null if the socket closes before a message came.
   * Throws AppError: unauthorized (also if no message comes in time), rate_limited, capacity (too many sockets are
   * waiting to authenticate), and what the policy throws.
   */
  async authenticate(
    first: () => Promise<FirstMessage | null>,
    answer: (result: AuthenticationResult, replyTo: MessageId | undefined) => void,
  ): Promise<Principal> {
    const offered = offeredSubprotocols(this.#request.headers);
    const shown = this.#policy.waitsForMessage ? null : await this.#by({ protocols: offered });
    return shown ?? this.#byFirstMessage(first, answer);
  }

  /** Calls `onOver` once the caller's key or link has expired or is revoked. Returns a function that stops it. */
  whenOver(caller: Caller, onOver: () => void): () => void {
    return this.#deps.authenticator.whenOver(caller, onOver);
  }

  /** By what the client says, or else by the header of its upgrade. Null: neither shows who it is. */
  async #by({ token: said, protocols = [] }: Credentials): Promise<Principal | null> {
    const { authenticator } = this.#deps;
    const ticket = ticketAmong(protocols);
    const token = said ?? bearerOf(this.#request);
    if (ticket !== null && this.#policy.byTicket) return this.#admit(this.#policy.byTicket(ticket));
    if (!authenticator.isOn) return this.#admit({ kind: "anybody" });
    if (token !== null) return this.#admit(await authenticator.bearer(token));
    const caller = this.#policy.byNothing();
    return caller && this.#admit(caller);
  }

  async #byFirstMessage(
    first: () => Promise<FirstMessage | null>,
    answer: (result: AuthenticationResult, replyTo: MessageId | undefined) => void,
  ): Promise<Principal> {
    const late = Promise.withResolvers<null>();
    const stopWaiting = this.#pending.wait(this.#request.ip, () => late.resolve(null));
    const message = await Promise.race([first(), late.promise]).finally(stopWaiting);
    const credentials = message?.credentials ?? {};
    if (credentials.token === undefined && credentials.protocols === undefined) throw authenticateFirst();
    try {
      const principal = await this.#by(credentials);
      if (principal === null) throw authenticateFirst();
      answer(WELCOME, message?.id);
      return principal;
    } catch (error) {
      const { code, message: text } = toAppError(error);
      answer({ success: false, code, message: text }, message?.id);
      throw error;
    }
  }

  #admit(caller: Caller | null): Principal {
    if (caller === null) throw refusalOf(this.#request.ip, this.#deps.failures);
    return this.#policy.admit(caller);
  }
}

/** The refusal of a socket whose first message is not `authenticate`. */
export function authenticateFirst(): AppError {
  return new AppError("unauthorized", { why: "authenticate comes first" });
}

function ticketAmong(protocols: readonly string[]): string | null {
  const ticket = protocols.find((name) => name.startsWith(TICKET_SUBPROTOCOL_PREFIX));
  return ticket?.slice(TICKET_SUBPROTOCOL_PREFIX.length) ?? null;
}

/** Bounds the sockets that have not authenticated yet: how many, a quarter of them from one address, and for how long. */
export class PendingSockets {
  readonly #bounds: ConnectionLimits;
  readonly #seconds: number;

  constructor({ authenticateSeconds, maxPendingConnections }: PendingLimits) {
    this.#seconds = authenticateSeconds;
    this.#bounds = new ConnectionLimits({
      maxConnections: maxPendingConnections,
      maxConnectionsPerAddress: Math.ceil(maxPendingConnections / 4),
    });
  }

  /** Calls `onLate` when the time is up. Returns a function that ends the wait. Throws AppError: capacity, rate_limited. */
  wait(ip: string, onLate: () => void): () => void {
    const release = this.#bounds.take(ip);
    const timer = setTimeout(onLate, this.#seconds * 1_000);
    return () => {
      clearTimeout(timer);
      release();
    };
  }
}
