/** [R18] Sends over an events socket: numbers the messages, and puts several that follow each other into one batch. */
import type { WebSocket } from "@fastify/websocket";
import { BATCH } from "../../protocol/feed.ts";

/** Bytes that may wait for a reader; above this it has no room for another event. */
const ROOM_BYTES = 256 * 1024;

export class BatchingSender {
  readonly #socket: WebSocket;
  readonly #isBatching: boolean;
  #seq = 0;
  #batch: string[] = [];
  #batchBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, isBatching: boolean) {
    this.#socket = socket;
    this.#isBatching = isBatching;
  }

  /** The number of the last message. */
  get seq(): number {
    return this.#seq;
  }

  get hasRoom(): boolean {
    return this.#socket.bufferedAmount + this.#batchBytes < ROOM_BYTES;
  }

  /** Sends a message, given as JSON without its closing brace: in a batch, or at once, behind the batch that waits. */
  send(opened: string, when: "batched" | "now"): void {
    this.#seq += 1;
    const text = `${opened},"seq":${this.#seq}}`;
    if (when === "now" || !this.#isBatching) {
      this.flush();
      this.#write(text);
      return;
    }
    this.#batch.push(text);
    this.#batchBytes += text.length;
    if (this.#batch.length >= BATCH.messages) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH.ms);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#write(batch.length === 1 ? (batch[0] as string) : `{"type":"batch","messages":[${batch.join()}]}`);
  }

  /** The socket is closed: nothing more is sent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#batch = [];
  }

  #write(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }
}
