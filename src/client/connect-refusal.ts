/** Why a connection attempt failed before there was a socket, in the terms that a socket would have used. */
import { NO_CLOSE_FRAME } from "./retry-policy.ts";

export interface ConnectRefusalOptions {
  /** The WebSocket close code that it stands for; left out: nobody has answered. */
  readonly closeCode?: number;
  /** How long the server asked the client to wait. */
  readonly retryAfterMs?: number;
  /** Another attempt would be refused again, whatever the code says. */
  readonly isFinal?: boolean;
  /** A message of the protocol; listeners get it as if it had come over the socket. */
  readonly said?: unknown;
}

export class ConnectRefusal extends Error {
  readonly closeCode: number;
  readonly retryAfterMs: number;
  readonly isFinal: boolean;
  readonly said: unknown;

  constructor(
    message: string,
    { closeCode = NO_CLOSE_FRAME, retryAfterMs = 0, isFinal = false, said = null }: ConnectRefusalOptions = {},
  ) {
    super(message);
    // What callers may compare with: the name from before this class was called ConnectRefusal.
    this.name = "Refusal";
    this.closeCode = closeCode;
    this.retryAfterMs = retryAfterMs;
    this.isFinal = isFinal;
    this.said = said;
  }
}
