/** Refuses sockets by a message and a close code: a browser shows its page nothing of a refused upgrade. */
import type { WebSocket } from "@fastify/websocket";
import { type AppError, type Code, codeEntry } from "../../errors.ts";
import type { ServerMessage } from "../../protocol/live.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";

/** How many sockets may be in refusal at a time; more are refused before their upgrade. */
export const MAX_BEING_REFUSED = 50;
/** A client has so long to answer the close, enough for a slow phone; then its connection is cut. */
const CLOSE_PATIENCE_MS = 2_000;

/** Sends the error and closes with its code. `beingRefused` has the socket until it is closed. */
export function refuseSocket(
  socket: WebSocket,
  error: AppError,
  refusals: RefusalCounter,
  beingRefused: Set<WebSocket>,
): void {
  const message: ServerMessage = { type: "error", ...error.toWire() };
  refusals.count(error.code, "socket");
  beingRefused.add(socket);
  socket.once("close", () => beingRefused.delete(socket));
  socket.on("error", () => socket.terminate());
  socket.send(JSON.stringify({ ...message, timestamp: Date.now() }));
  closeWithin(socket, error.code);
}

/** Closes with the code's own close code (1011 if it has none); a client that does not answer in 2 s is cut off. */
export function closeWithin(socket: WebSocket, code: Code, reason: string = code): void {
  const patience = setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS);
  socket.once("close", () => clearTimeout(patience));
  socket.close(codeEntry(code).close ?? 1011, reason);
}
