/** The operator socket of a session. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { AuditTrail } from "../../audit/trail.ts";
import type { Config } from "../../config.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import type { GuardDeps } from "../guards/authorization.ts";
import { PendingSockets, SocketAuthentication, sessionAuthPolicy } from "../sockets/authenticate-socket.ts";
import { ConnectionSlots, type ConnectionSlotsDeps } from "../sockets/connection-slots.ts";
import type { MessageBounds } from "../sockets/message-limits.ts";
import { OperatorConnection } from "./connection.ts";
import { OneSocketPerClient } from "./one-socket-per-client.ts";

export interface OperatorSocketOptions extends ConnectionSlotsDeps {
  readonly controller: CaptchaRemoteController;
  readonly audit: AuditTrail;
  readonly guard: GuardDeps;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes" | "authenticateSeconds" | "maxPendingConnections">;
}

export const operatorSocketRoute: FastifyPluginAsync<OperatorSocketOptions> = async (app, options) => {
  const places = new ConnectionSlots(options);
  const pending = new PendingSockets(options.limits);
  const lines = new OneSocketPerClient();
  const preHandler = async ({ ip, raw }: FastifyRequest) => {
    // Pictures are compressed already, and operators' messages are small.
    delete raw.headers["sec-websocket-extensions"];
    places.check(ip);
  };
  const route = { websocket: true, preHandler, schema: { hide: true }, config: { access: "socket" } } as const;
  app.get<{ Params: { id: string } }>("/ws/:id", route, (socket, request) => {
    if (!places.take(socket, request.ip)) return;
    // Listeners are attached before anything is awaited, or the first messages would be lost.
    const entry = new SocketAuthentication(
      options.guard,
      request,
      sessionAuthPolicy(options.guard, request.params.id),
      pending,
    );
    new OperatorConnection(socket, request, entry, { ...options, lines }).start(request.params.id);
  });
};
