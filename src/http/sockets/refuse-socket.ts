/** A socket too many is told so before it is closed: a browser shows its page nothing of a refused upgrade. */
import type { WebSocket } from "@fastify/websocket";
import { type AppError, type Code, codeEntry } from "../../errors.ts";
import type { ServerMessage } from "../../protocol/live.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";

/** Sockets that are being told at a time; more are refused before they become sockets. */
export const MAX_BEING_REFUSED = 50;
/** Whoever does not answer the close by then, a slow phone's line and back, is cut off. */
const CLOSE_PATIENCE_MS = 2_000;

/** Sends the error and closes with its code. `beingRefused` holds the socket for as long as that takes. */
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

/** Closes with the code's own close code; who does not answer that is cut off. */
export function closeWithin(socket: WebSocket, code: Code, reason: string = code): void {
  const patience = setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS);
  socket.once("close", () => clearTimeout(patience));
  socket.close(codeEntry(code).close ?? 1011, reason);
}
