// What stands in the way of a line before there is a socket, in the words that a socket would have used.
import { NO_CLOSE_FRAME } from "./retry-policy.ts";

export interface ConnectRefusalOptions {
  readonly closeCode?: number;
  readonly retryAfterMs?: number;
  readonly isFinal?: boolean;
  readonly said?: unknown;
}

/**
 * @typedef {object} RefusalFacts
 * @property {number} [closeCode] the WebSocket close code that it stands for; left out: nobody has answered
 * @property {number} [retryAfterMs] how long the server asked to be left alone
 * @property {boolean} [isFinal] asked again it would be refused again, whatever the code says
 * @property {unknown} [said] a message of the protocol, told to whoever listens as if it had come over the socket
 */
export class ConnectRefusal extends Error {
  readonly closeCode: number;
  readonly retryAfterMs: number;
  readonly isFinal: boolean;
  readonly said: unknown;

  /** @param {string} message @param {RefusalFacts} [facts] */
  constructor(
    message: string,
    { closeCode = NO_CLOSE_FRAME, retryAfterMs = 0, isFinal = false, said = null }: ConnectRefusalOptions = {},
  ) {
    super(message);
    this.name = "Refusal";
    this.closeCode = closeCode;
    this.retryAfterMs = retryAfterMs;
    this.isFinal = isFinal;
    this.said = said;
  }
}
