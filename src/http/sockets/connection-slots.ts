/** Counts the sockets of one route while they are open, and refuses one too many by a message that it can read. */
import type { WebSocket } from "@fastify/websocket";
import { toAppError } from "../../errors.ts";
import type { ConnectionLimits } from "../guards/connection-limits.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";
import { MAX_BEING_REFUSED, refuseSocket } from "./refuse-socket.ts";

export interface ConnectionSlotsDeps {
  /** The route's open sockets: added and removed here. */
  readonly sockets: Set<WebSocket>;
  readonly connections: ConnectionLimits;
  readonly refusals: RefusalCounter;
}

export class ConnectionSlots {
  readonly #deps: ConnectionSlotsDeps;
  readonly #beingRefused = new Set<WebSocket>();

  constructor(deps: ConnectionSlotsDeps) {
    this.#deps = deps;
  }

  /**
   * Called before the upgrade: refuses it if so many sockets are being refused already that one more would cost too
   * much. Throws as ConnectionLimits.check.
   */
  check(ip: string): void {
    if (this.#beingRefused.size >= MAX_BEING_REFUSED) this.#deps.connections.check(ip);
  }

  /** False if there are too many: then the socket is sent the error, and closed. */
  take(socket: WebSocket, ip: string): boolean {
    const { sockets, connections, refusals } = this.#deps;
    try {
      const release = connections.take(ip);
      sockets.add(socket);
      socket.once("close", () => {
        release();
        sockets.delete(socket);
      });
      return true;
    } catch (error) {
      refuseSocket(socket, toAppError(error), refusals, this.#beingRefused);
      return false;
    }
  }
}
