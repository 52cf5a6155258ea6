/** A socket client of the tests: sends what it is told and remembers what came. */
import { WebSocket } from "ws";
import type { ServerMessage, ServerMessageOf } from "../src/protocol/live.ts";

const WAIT_MS = 10_000;

type Received = ServerMessage & { timestamp: number; reply_to?: string | number };

export class LiveClient {
  readonly received: Received[] = [];
  readonly socket: WebSocket;
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data) => {
      this.received.push(JSON.parse(data.toString()) as Received);
      for (const check of this.#waiting) check();
    });
    socket.on("error", () => {});
  }

  static async connect(url: string, protocols: string[] = []): Promise<LiveClient> {
    const client = new LiveClient(new WebSocket(url, protocols));
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", () => resolve());
      client.socket.once("error", reject);
    });
    return client;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first message of this type after `from` messages that fits, now or within ten seconds. */
  async next<T extends ServerMessage["type"]>(
    type: T,
    fits: (message: ServerMessageOf<T> & Received) => boolean = () => true,
    from = 0,
  ): Promise<ServerMessageOf<T> & Received> {
    const find = () =>
      this.received
        .slice(from)
        .find((message): message is ServerMessageOf<T> & Received => message.type === type && fits(message as never));
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        settle();
      };
      const check = () => {
        const message = find();
        if (message) done(() => resolve(message));
      };
      const timer = setTimeout(() => {
        const seen = this.received.map((message) => message.type).join(" ");
        done(() => reject(new Error(`No ${type} came within ${WAIT_MS} ms; came: ${seen}`)));
      }, WAIT_MS);
      this.#waiting.add(check);
      check();
    });
  }

  terminate(): void {
    this.socket.terminate();
  }
}
