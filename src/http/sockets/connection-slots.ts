/** Places for the sockets of one route: each is counted while it is open, and one too many is told so. */
import type { WebSocket } from "@fastify/websocket";
import { toAppError } from "../../errors.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { MAX_BEING_REFUSED, refuseSocket } from "./refuse-socket.ts";

export interface ConnectionSlotsDeps {
  /** Holds the route's sockets for as long as they are open. */
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

  /** Before the upgrade, where so many are being told already that one more would cost too much. Throws as Connections.check. */
  check(ip: string): void {
    if (this.#beingRefused.size >= MAX_BEING_REFUSED) this.#deps.connections.check(ip);
  }

  /** False where there is none: then the socket is told, and closed. */
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
