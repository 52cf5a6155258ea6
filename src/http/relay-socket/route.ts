/** [W55] The socket over which a bot lends a page: who may open it, and how many are open. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { AuditTrail } from "../../audit/trail.ts";
import { mayCall, type RouteAccess } from "../../auth/permissions.ts";
import type { Config } from "../../config.ts";
import { AppError } from "../../errors.ts";
import type { Relays } from "../../session/ports/relays.ts";
import type { GuardDeps } from "../guards/authorization.ts";
import { PendingSockets, SocketAuthentication, type SocketAuthPolicy } from "../sockets/authenticate-socket.ts";
import { ConnectionSlots, type ConnectionSlotsDeps } from "../sockets/connection-slots.ts";
import { GuardedSocket } from "../sockets/guarded-socket.ts";
import type { MessageBounds } from "../sockets/message-limits.ts";
import { type BotPrincipal, RelayConnection } from "./connection.ts";

export interface RelaySocketOptions extends ConnectionSlotsDeps {
  readonly relays: Relays;
  readonly audit: Pick<AuditTrail, "record">;
  readonly guard: GuardDeps;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes" | "authenticateSeconds" | "maxPendingConnections">;
}

const MAY_LEND: RouteAccess = { scopes: ["sessions:create"] };

const POLICY: SocketAuthPolicy<BotPrincipal> = {
  byNothing: () => null,
  admit(caller) {
    if (mayCall(caller, MAY_LEND)) return { caller };
    throw new AppError("forbidden", { needs: MAY_LEND.scopes });
  },
};

export const relaySocketRoute: FastifyPluginAsync<RelaySocketOptions> = async (app, options) => {
  const { guard, relays, audit, limits } = options;
  const slots = new ConnectionSlots(options);
  const pending = new PendingSockets(limits);
  const preHandler = async ({ ip }: FastifyRequest) => slots.check(ip);
  const route = { websocket: true, preHandler, schema: { hide: true }, config: { access: "socket" } } as const;
  app.get("/relay", route, (socket, request) => {
    if (!slots.take(socket, request.ip)) return;
    const connection = new RelayConnection(socket, request, {
      relays,
      audit,
      helloSeconds: limits.authenticateSeconds,
    });
    const authentication = new SocketAuthentication(guard, request, POLICY, pending);
    new GuardedSocket(socket, request, connection, options).start(authentication);
  });
};
