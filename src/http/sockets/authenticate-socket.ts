/** Who opens a socket: found out by the upgrade, or by the first message [W27]. */
import type { FastifyRequest } from "fastify";
import type { Caller, Role } from "../../auth/caller.ts";
import { roleIn } from "../../auth/permissions.ts";
import type { Config } from "../../config.ts";
import { AppError, toAppError } from "../../errors.ts";
import { type ServerMessageOf, TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/live.ts";
import { bearerOf, type GuardDeps, refusalOf } from "../guards/authorization.ts";
import { offeredBy } from "../operator-socket/viewer-socket.ts";
import { Connections } from "./connection-limits.ts";

type PendingLimits = Pick<Config, "authenticateSeconds" | "maxPendingConnections">;
type Upgrade = Pick<FastifyRequest, "headers" | "ip">;
type Introduced = Omit<ServerMessageOf<"authentication_result">, "type">;

/** The first message of a socket that did not say by its upgrade whose it is; its token is undefined where it is none such. */
export interface Introduction {
  readonly id?: string | number | undefined;
  readonly token: string | undefined;
}

/** What stands behind a socket's route. */
export interface Door<Entrant> {
  /** Who comes with this ticket; left out where none are given for it. */
  byTicket?(ticket: string): Caller | null;
  /** Who comes with nothing; null: the first message is to say. */
  byNothing(): Caller | null;
  /** Throws where this caller has no business here. */
  admit(caller: Caller): Entrant;
}

/** [W27] */
export const WELCOME: Introduced = { success: true, code: null, message: "Welcome." };

export class SocketEntry<Entrant> {
  readonly #deps: Pick<GuardDeps, "authenticator" | "failures">;
  readonly #request: Upgrade;
  readonly #door: Door<Entrant>;
  readonly #pending: PendingSockets;

  constructor(
    deps: Pick<GuardDeps, "authenticator" | "failures">,
    request: Upgrade,
    door: Door<Entrant>,
    pending: PendingSockets,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#door = door;
    this.#pending = pending;
  }

  /**
   * Who comes: as the upgrade says, or the first message [W27]; null where that does not come as the socket is gone.
   * Throws unauthorized (also when that does not come in time), rate_limited, capacity (too many are waited for), and
   * what the door throws.
   */
  async enter(
    first: () => Promise<Introduction | null>,
    answer: (introduced: Introduced, id: Introduction["id"]) => void,
  ): Promise<Entrant> {
    return (await this.#fromUpgrade()) ?? this.#introduction(first, answer);
  }

  /** Calls `tell` once what let this caller in is no good any more. */
  whenOver(caller: Caller, tell: () => void): () => void {
    return this.#deps.authenticator.whenOver(caller, tell);
  }

  /** Null: the first message is to say. */
  async #fromUpgrade(): Promise<Entrant | null> {
    const { authenticator } = this.#deps;
    const ticket = ticketOf(this.#request);
    const token = bearerOf(this.#request);
    if (ticket !== null && this.#door.byTicket) return this.#admit(this.#door.byTicket(ticket));
    if (!authenticator.isOn) return this.#admit({ kind: "anybody" });
    if (token !== null) return this.#admit(await authenticator.bearer(token));
    const caller = this.#door.byNothing();
    return caller && this.#admit(caller);
  }

  async #introduction(
    first: () => Promise<Introduction | null>,
    answer: (introduced: Introduced, id: Introduction["id"]) => void,
  ): Promise<Entrant> {
    const late = Promise.withResolvers<null>();
    const stopWaiting = this.#pending.wait(this.#request.ip, () => late.resolve(null));
    const message = await Promise.race([first(), late.promise]).finally(stopWaiting);
    if (message?.token === undefined) throw new AppError("unauthorized", { why: "authenticate comes first" });
    try {
      const entrant = this.#admit(await this.#deps.authenticator.bearer(message.token));
      answer(WELCOME, message.id);
      return entrant;
    } catch (error) {
      const { code, message: text } = toAppError(error);
      answer({ success: false, code, message: text }, message.id);
      throw error;
    }
  }

  #admit(caller: Caller | null): Entrant {
    if (caller === null) throw refusalOf(this.#request.ip, this.#deps.failures);
    return this.#door.admit(caller);
  }
}

/** Who may sit in a session, and as what. */
export interface SessionEntrant {
  readonly caller: Caller;
  readonly role: Role;
}

/** The operator socket of one session. */
export function sessionDoor({ authenticator, sessions }: GuardDeps, sessionId: string): Door<SessionEntrant> {
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
  readonly #bounds: Connections;
  readonly #seconds: number;

  constructor({ authenticateSeconds, maxPendingConnections }: PendingLimits) {
    this.#seconds = authenticateSeconds;
    this.#bounds = new Connections({
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
