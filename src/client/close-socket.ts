/** How the client closes a WebSocket: a browser's, or one of the package `ws`. */
import type { Clock } from "./heartbeat.ts";

/** A WebSocket of any class. `never` fits whatever types a class has for its events. */
export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number): void;
  /** Only `ws` has it. */
  terminate?(): void;
  addEventListener(type: never, listener: never): void;
}

/** The same with the events that the client listens to. */
export interface Socket extends SocketLike {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
}

const CLOSE_NORMAL = 1000;
/** The other side has this long to answer the closing handshake. */
const CLOSE_PATIENCE_MS = 1_000;

/** Closes a broken socket at once: its other side never answers the closing handshake, and `ws` would hold the process for 30 s. */
export function terminateSocket(socket: Socket): void {
  if (socket.terminate) socket.terminate();
  else socket.close(CLOSE_NORMAL);
}

/** Closes a working socket by the closing handshake, and terminates it if the other side does not answer within a second. */
export function closeSocket(socket: Socket, clock: Clock): void {
  socket.close(CLOSE_NORMAL);
  if (!socket.terminate) return;
  // The timer ends with the socket at the latest, so it holds no process that the socket does not hold.
  const cancel = clock.later(() => socket.terminate?.(), CLOSE_PATIENCE_MS);
  socket.addEventListener("close", cancel);
}
