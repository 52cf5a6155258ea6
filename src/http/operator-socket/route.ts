/** The operator socket of a session: who may open it, and how many are open. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { roleIn } from "../../auth/permissions.ts";
import type { Config } from "../../config.ts";
import { AppError } from "../../errors.ts";
import type { GuardDeps } from "../guards/authorization.ts";
import { PendingSockets, SocketAuthentication, type SocketAuthPolicy } from "../sockets/authenticate-socket.ts";
import { ConnectionSlots, type ConnectionSlotsDeps } from "../sockets/connection-slots.ts";
import { GuardedSocket } from "../sockets/guarded-socket.ts";
import type { MessageBounds } from "../sockets/message-limits.ts";
import { offersByMessage } from "../sockets/subprotocols.ts";
import { OperatorConnection, type OperatorConnectionOptions, type SessionPrincipal } from "./connection.ts";
import { OneSocketPerClient } from "./one-socket-per-client.ts";

export interface OperatorSocketOptions
  extends ConnectionSlotsDeps,
    Pick<OperatorConnectionOptions, "controller" | "audit"> {
  readonly guard: GuardDeps;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes" | "authenticateSeconds" | "maxPendingConnections">;
}

export const operatorSocketRoute: FastifyPluginAsync<OperatorSocketOptions> = async (app, options) => {
  const { controller, audit, guard } = options;
  const slots = new ConnectionSlots(options);
  const pending = new PendingSockets(options.limits);
  const clients = new OneSocketPerClient();
  const preHandler = async ({ ip, raw }: FastifyRequest) => {
    // No compression: pictures are compressed already, and operators' messages are small.
    delete raw.headers["sec-websocket-extensions"];
    slots.check(ip);
  };
  const route = { websocket: true, preHandler, schema: { hide: true }, config: { access: "socket" } } as const;
  app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>("/ws/:id", route, (socket, request) => {
    if (!slots.take(socket, request.ip)) return;
    const { id } = request.params;
    const connection = new OperatorConnection(id, socket, request, { controller, audit, clients });
    const policy = { ...sessionAuthPolicy(guard, id), waitsForMessage: offersByMessage(request.query) };
    const authentication = new SocketAuthentication(guard, request, policy, pending);
    new GuardedSocket(socket, request, connection, options).start(authentication);
  });
};

function sessionAuthPolicy(
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
      // A link opens its own session only; a key must not learn whether another key's session exists.
      throw new AppError(caller.kind === "key" ? "session_not_found" : "unauthorized");
    },
  };
}
