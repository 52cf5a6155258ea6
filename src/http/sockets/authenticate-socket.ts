/** Who opens a socket: found out by the upgrade, or by the first message [W27]. */
import type { FastifyRequest } from "fastify";
import type { Caller, Role } from "../../auth/caller.ts";
import { roleIn } from "../../auth/permissions.ts";
import type { Config } from "../../config.ts";
import { AppError, toAppError } from "../../errors.ts";
import { type ServerMessageOf, TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/live.ts";
import { bearerOf, type GuardDeps, refusalOf } from "../guards/authorization.ts";
import { offeredBy } from "../operator-socket/viewer-socket.ts";
import { ConnectionLimits } from "./connection-limits.ts";

type PendingLimits = Pick<Config, "authenticateSeconds" | "maxPendingConnections">;
type Upgrade = Pick<FastifyRequest, "headers" | "ip">;
type Introduced = Omit<ServerMessageOf<"authentication_result">, "type">;

/** The first message of a socket that did not say by its upgrade whose it is; its token is undefined where it is none such. */
export interface FirstMessage {
  readonly id?: string | number | undefined;
  readonly token: string | undefined;
}

/** What stands behind a socket's route. */
export interface SocketAuthPolicy<Principal> {
  /** Who comes with this ticket; left out where none are given for it. */
  byTicket?(ticket: string): Caller | null;
  /** Who comes with nothing; null: the first message is to say. */
  byNothing(): Caller | null;
  /** Throws where this caller has no business here. */
  admit(caller: Caller): Principal;
}

/** [W27] */
export const WELCOME: Introduced = { success: true, code: null, message: "Welcome." };

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
   * Who comes: as the upgrade says, or the first message [W27]; null where that does not come as the socket is gone.
   * Throws unauthorized (also when that does not come in time), rate_limited, capacity (too many are waited for), and
   * what the policy throws.
   */
  async enter(
    first: () => Promise<FirstMessage | null>,
    answer: (introduced: Introduced, id: FirstMessage["id"]) => void,
  ): Promise<Principal> {
    return (await this.#fromUpgrade()) ?? this.#introduction(first, answer);
  }

  /** Calls `tell` once what let this caller in is no good any more. */
  whenOver(caller: Caller, tell: () => void): () => void {
    return this.#deps.authenticator.whenOver(caller, tell);
  }

  /** Null: the first message is to say. */
  async #fromUpgrade(): Promise<Principal | null> {
    const { authenticator } = this.#deps;
    const ticket = ticketOf(this.#request);
    const token = bearerOf(this.#request);
    if (ticket !== null && this.#policy.byTicket) return this.#admit(this.#policy.byTicket(ticket));
    if (!authenticator.isOn) return this.#admit({ kind: "anybody" });
    if (token !== null) return this.#admit(await authenticator.bearer(token));
    const caller = this.#policy.byNothing();
    return caller && this.#admit(caller);
  }

  async #introduction(
    first: () => Promise<FirstMessage | null>,
    answer: (introduced: Introduced, id: FirstMessage["id"]) => void,
  ): Promise<Principal> {
    const late = Promise.withResolvers<null>();
    const stopWaiting = this.#pending.wait(this.#request.ip, () => late.resolve(null));
    const message = await Promise.race([first(), late.promise]).finally(stopWaiting);
    if (message?.token === undefined) throw new AppError("unauthorized", { why: "authenticate comes first" });
    try {
      const principal = this.#admit(await this.#deps.authenticator.bearer(message.token));
      answer(WELCOME, message.id);
      return principal;
    } catch (error) {
      const { code, message: text } = toAppError(error);
      answer({ success: false, code, message: text }, message.id);
      throw error;
    }
  }

  #admit(caller: Caller | null): Principal {
    if (caller === null) throw refusalOf(this.#request.ip, this.#deps.failures);
    return this.#policy.admit(caller);
  }
}

/** Who may sit in a session, and as what. */
export interface SessionPrincipal {
  readonly caller: Caller;
  readonly role: Role;
}

/** The operator socket of one session. */
export function sessionAuthPolicy(
  { authenticator, sessions }: GuardDeps,
  sessionId: string,
): SocketAuthPolicy<SessionPrincipal> {
  return {
    byTicket: (ticket) => authenticator.ticket(ticket, sessions.subject(sessionId)?.uid),
    byNothing: () => (sessions.subject(sessionId)?.legacy_open ? { kind: "id_holder" } : null),
    admit(caller) {
      if (caller.kind === "anybody") return { caller, role: "control" };
      const subject = sessions.subject(sessionId);
      const role = subject ? roleIn(caller, subject) : null;
      if (role !== null) return { caller, role };
      // A link is one of its own session only; to a key, an unknown session and another's are alike.
      throw new AppError(caller.kind === "key" ? "session_not_found" : "unauthorized");
    },
  };
}

function ticketOf({ headers }: Upgrade): string | null {
  const ticket = offeredBy(headers).find((name) => name.startsWith(TICKET_SUBPROTOCOL_PREFIX));
  return ticket?.slice(TICKET_SUBPROTOCOL_PREFIX.length) ?? null;
}

/** Sockets whose first message is still to say who they are: so many, a quarter of them of one address, and each for so long. */
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

  /** Calls `onLate` when the time is up; answers what takes that back. Throws capacity, rate_limited. */
  wait(ip: string, onLate: () => void): () => void {
    const release = this.#bounds.take(ip);
    const timer = setTimeout(onLate, this.#seconds * 1_000);
    return () => {
      clearTimeout(timer);
      release();
    };
  }
}
