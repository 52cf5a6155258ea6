/** [R32] [W61] The socket over which a bot crops its own page: who may open it, and how many are open. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { mayCall, maySee, type RouteAccess } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import type { Crops } from "../../session/ports/crops.ts";
import type { GuardDeps } from "../guards/authorization.ts";
import { PendingSockets, SocketAuthentication, type SocketAuthPolicy } from "../sockets/authenticate-socket.ts";
import { ConnectionSlots, type ConnectionSlotsDeps } from "../sockets/connection-slots.ts";
import { GuardedSocket } from "../sockets/guarded-socket.ts";
import type { BotPrincipal } from "./connection.ts";
import { CropConnection } from "./crop-connection.ts";
import type { RelaySocketOptions } from "./route.ts";

export interface CropSocketOptions extends ConnectionSlotsDeps, Pick<RelaySocketOptions, "guard" | "limits"> {
  readonly crops: Crops;
}

const MAY_CROP: RouteAccess = { scopes: ["sessions:create"], onlyOwner: true };

export const cropSocketRoute: FastifyPluginAsync<CropSocketOptions> = async (app, options) => {
  const { guard, crops, limits } = options;
  const slots = new ConnectionSlots(options);
  const pending = new PendingSockets(limits);
  const preHandler = async ({ ip }: FastifyRequest) => slots.check(ip);
  const route = { websocket: true, preHandler, schema: { hide: true }, config: { access: "socket" } } as const;
  app.get<{ Params: { id: string } }>("/session/:id/crop", route, (socket, request) => {
    if (!slots.take(socket, request.ip)) return;
    const { id } = request.params;
    const connection = new CropConnection(id, socket, request, { crops, helloSeconds: limits.authenticateSeconds });
    const authentication = new SocketAuthentication(guard, request, ownerPolicy(guard, id), pending);
    new GuardedSocket(socket, request, connection, options).start(authentication);
  });
};

/** A key must not learn whether another key's session exists. */
function ownerPolicy({ sessions }: Pick<GuardDeps, "sessions">, id: string): SocketAuthPolicy<BotPrincipal> {
  return {
    byNothing: () => null,
    admit(caller) {
      if (!mayCall(caller, MAY_CROP)) throw new AppError("forbidden", { needs: MAY_CROP.scopes });
      const subject = sessions.subject(id);
      if (!subject || !maySee(caller, MAY_CROP, subject)) throw new AppError("session_not_found");
      return { caller };
    },
  };
}
