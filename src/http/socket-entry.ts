/** Who opens an operator socket: found out by ticket, by header, or by the first message. */
import type { FastifyRequest } from "fastify";
import type { Caller, Role } from "../auth/caller.ts";
import { roleIn } from "../auth/permissions.ts";
import type { Config } from "../config.ts";
import { AppError, toAppError } from "../errors.ts";
import { type ServerMessage, TICKET_SUBPROTOCOL_PREFIX } from "../protocol/live.ts";
import { bearerOf, type GuardDeps, refusalOf } from "./auth.ts";
import { Connections } from "./connections.ts";
import type { EarlyMessages } from "./early-messages.ts";
import { AUTHENTICATED } from "./live-handlers.ts";
import { offeredBy } from "./socket-line.ts";

type PendingLimits = Pick<Config, "authenticateSeconds" | "maxPendingConnections">;
type Send = (message: ServerMessage, replyTo?: string | number) => void;

export interface Entrant {
  readonly caller: Caller;
  readonly role: Role;
}

export class SocketEntry {
  readonly #deps: GuardDeps;
  readonly #request: Pick<FastifyRequest, "headers" | "ip">;
  readonly #sessionId: string;
  readonly #pending: PendingSockets;

  constructor(
    deps: GuardDeps,
    request: Pick<FastifyRequest, "headers" | "ip">,
    sessionId: string,
    pending: PendingSockets,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#sessionId = sessionId;
    this.#pending = pending;
  }

  /**
   * Who comes: as the upgrade says, or the first message [W27]. Throws unauthorized (also when that does not come in
   * time), rate_limited, session_not_found, capacity (too many are waited for).
   */
  async enter(early: EarlyMessages, send: Send): Promise<Entrant> {
    const entrant = (await this.#fromUpgrade()) ?? (await this.#introduction(early, send));
    early.allowMore();
    return entrant;
  }

  /** Null: the first message is to say. */
  async #fromUpgrade(): Promise<Entrant | null> {
    const { authenticator, sessions } = this.#deps;
    const ticket = ticketOf(this.#request);
    const token = bearerOf(this.#request);
    if (ticket !== null) {
      return this.#admit(authenticator.ticket(ticket, sessions.subject(this.#sessionId)?.uid));
    }
    if (!authenticator.isOn) return { caller: { kind: "anybody" }, role: "control" };
    if (token !== null) return this.#admit(await authenticator.bearer(token));
    return sessions.subject(this.#sessionId)?.legacy_open ? this.#admit({ kind: "id_holder" }) : null;
  }

  async #introduction(early: EarlyMessages, send: Send): Promise<Entrant> {
    const late = Promise.withResolvers<null>();
    const stopWaiting = this.#pending.wait(this.#request.ip, () => late.resolve(null));
    const message = await Promise.race([early.next(), late.promise]).finally(stopWaiting);
    if (message?.type !== "authenticate") throw new AppError("unauthorized", { why: "authenticate comes first" });
    try {
      const entrant = this.#admit(await this.#deps.authenticator.bearer(message.token));
      send(AUTHENTICATED, message.id);
      return entrant;
    } catch (error) {
      const { code, message: text } = toAppError(error);
      send({ type: "authentication_result", success: false, code, message: text }, message.id);
      throw error;
    }
  }

  /** Calls `tell` once what let this caller in is no good any more. */
  whenOver(caller: Caller, tell: () => void): () => void {
    return this.#deps.authenticator.whenOver(caller, tell);
  }

  #admit(caller: Caller | null): Entrant {
    const { failures, sessions } = this.#deps;
    const { ip } = this.#request;
    if (caller === null) throw refusalOf(ip, failures);
    const subject = sessions.subject(this.#sessionId);
    const role = subject ? roleIn(caller, subject) : null;
    if (role !== null) return { caller, role };
    // A link is one of its own session only; to a key, an unknown session and another's are alike.
    throw new AppError(caller.kind === "key" ? "session_not_found" : "unauthorized");
  }
}

function ticketOf({ headers }: Pick<FastifyRequest, "headers">): string | null {
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
