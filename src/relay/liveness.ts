/** Pings the server over a socket, and cuts one that is dead without a word. */
import type { WebSocket } from "ws";

const BEAT_MS = 500;

export interface Patience {
  readonly pingEveryMs: number;
  /** A socket without any frame for so long is dead. */
  readonly silentForMs: number;
}
export const AT_REST: Patience = { pingEveryMs: 5_000, silentForMs: 12_000 };
/** While a person works in the page, a dead line has to show soon. */
export const IN_USE: Patience = { pingEveryMs: 1_000, silentForMs: 3_000 };

/** Begins when the socket is open, and ends with it. */
export function keepAlive(socket: WebSocket, patience: () => Patience): void {
  let heardAt = performance.now();
  let pingedAt = 0;
  const heard = () => {
    heardAt = performance.now();
  };
  for (const event of ["message", "ping", "pong"]) socket.on(event, heard);
  // It may be closed already.
  const beats = setInterval(() => {
    if (socket.readyState === socket.CLOSED) {
      clearInterval(beats);
      return;
    }
    const now = performance.now();
    const { pingEveryMs, silentForMs } = patience();
    if (now - heardAt > silentForMs) {
      socket.terminate();
      return;
    }
    if (now - pingedAt < pingEveryMs || socket.readyState !== socket.OPEN) return;
    pingedAt = now;
    socket.ping();
  }, BEAT_MS);
  socket.once("close", () => clearInterval(beats));
}
