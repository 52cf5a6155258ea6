// How a line lets go of its WebSocket, that of a browser or that of the package `ws`.
import type { Clock } from "./heartbeat.ts";

export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number): void;
  terminate?(): void;
  addEventListener(type: never, listener: never): void;
}

/** @typedef {{ binaryType: any, readonly readyState: number, send(data: string): void, close(code?: number): void, terminate?(): void,
 *   addEventListener(type: any, listener: (event: any) => void): void }} Socket `terminate` as ws has it */
export interface Socket extends SocketLike {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
}

const CLOSE_NORMAL = 1000;
/** So long the other side has to answer that it has heard of the close. */
const CLOSE_PATIENCE_MS = 1_000;

/**
 * Of a broken line: nothing is waited for. It never answers the closing handshake, and ws would hold its process for 30 s.
 * @param {Socket} socket
 */
export function terminateSocket(socket: Socket): void {
  if (socket.terminate) socket.terminate();
  else socket.close(CLOSE_NORMAL);
}

/**
 * Of a line that nobody needs any more: closed as is polite, and cut where that is not answered in a second.
 * @param {Socket} socket
 * @param {Clock} clock
 */
export function closeSocket(socket: Socket, clock: Clock): void {
  socket.close(CLOSE_NORMAL);
  if (!socket.terminate) return;
  // Ends with the socket at the latest, so it holds no process that the socket does not hold.
  const cancel = clock.later(() => socket.terminate?.(), CLOSE_PATIENCE_MS);
  socket.addEventListener("close", cancel);
}
