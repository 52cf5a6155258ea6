/** A socket too many is told so before it is closed: a browser shows its page nothing of a refused upgrade. */
import type { WebSocket } from "@fastify/websocket";
import { type AppError, codeEntry } from "../errors.ts";
import type { ServerMessage } from "../protocol/live.ts";
import type { Refusals } from "./refusals.ts";

/** Sockets that are being told at a time; more are refused before they become sockets. */
export const MAX_BEING_TOLD = 50;
/** Whoever does not answer the close by then is cut off. */
const CLOSE_PATIENCE_MS = 500;

/** Sends the error and closes with its code. `beingTold` holds the socket for as long as that takes. */
export function refuseSocket(socket: WebSocket, error: AppError, refusals: Refusals, beingTold: Set<WebSocket>): void {
  const message: ServerMessage = { type: "error", ...error.toWire() };
  refusals.count(error.code, "socket");
  beingTold.add(socket);
  const patience = setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS);
  socket.once("close", () => {
    clearTimeout(patience);
    beingTold.delete(socket);
  });
  socket.on("error", () => socket.terminate());
  socket.send(JSON.stringify({ ...message, timestamp: Date.now() }));
  socket.close(codeEntry(error.code).close ?? 1011, error.code);
}
