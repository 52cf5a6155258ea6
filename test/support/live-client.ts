/** A socket client of the tests: sends what it is told and remembers what came. */
import { WebSocket } from "ws";
import { decodeFrame } from "../../src/client/picture-frame.ts";
import {
  type DamageHeader,
  damageHeaderSchema,
  frameHeaderSchema,
  type PictureFacts,
} from "../../src/protocol/frame.ts";
import type { ServerMessage, ServerMessageOf } from "../../src/protocol/live.ts";

import { BEARER } from "./key.ts";

/** For what never comes; no slow machine takes so long. */
const WAIT_MS = 120_000;

type Received = ServerMessage & { timestamp: number; reply_to?: string | number };

/** A picture in whatever form it came; that of a JSON session_info is not among them. */
export interface ReceivedPicture extends PictureFacts, Partial<Pick<DamageHeader, "base" | "rects">> {
  readonly jpeg: Buffer;
  readonly isBinary: boolean;
  /** ms since 1970, on this machine's clock as the server's is. */
  readonly arrivedAt: number;
  /** How many text messages had come before it, itself not counted. */
  readonly after: number;
}

export class LiveClient {
  /** Text messages. */
  readonly received: Received[] = [];
  readonly pictures: ReceivedPicture[] = [];
  readonly socket: WebSocket;
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Whether it tells of each picture that it is on the screen. */
  acks = false;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data: Buffer, isBinary) => {
      const before = this.pictures.length;
      if (isBinary) this.#onFrame(data);
      else this.#onText(data.toString());
      const picture = this.pictures[before];
      if (picture && this.acks) this.send({ type: "ack", seq: picture.seq });
      for (const check of this.#waiting) check();
    });
    socket.on("error", () => {});
  }

  static async connect(
    url: string,
    protocols: string[] = [],
    headers: Readonly<Record<string, string>> = BEARER,
  ): Promise<LiveClient> {
    const client = new LiveClient(new WebSocket(url, protocols, { headers }));
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", () => resolve());
      client.socket.once("error", reject);
    });
    return client;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first message of this type after `from` messages that fits, now or later. */
  async next<T extends ServerMessage["type"]>(
    type: T,
    fits: (message: ServerMessageOf<T> & Received) => boolean = () => true,
    from = 0,
  ): Promise<ServerMessageOf<T> & Received> {
    return this.#until(type, () =>
      this.received
        .slice(from)
        .find((message): message is ServerMessageOf<T> & Received => message.type === type && fits(message as never)),
    );
  }

  /** The first picture after `from` pictures that fits, now or later. */
  async nextPicture(
    fits: (picture: ReceivedPicture) => boolean = () => true,
    from = this.pictures.length,
  ): Promise<ReceivedPicture> {
    return this.#until("picture that fits", () => this.pictures.slice(from).find(fits));
  }

  /** Reads nothing from the line until resume(): what was sent stays in the system's buffers, then at the sender's. */
  pause(): void {
    this.#line.pause();
  }

  resume(): void {
    this.#line.resume();
  }

  terminate(): void {
    this.socket.terminate();
  }

  get #line(): { pause(): void; resume(): void } {
    return (this.socket as unknown as { _socket: { pause(): void; resume(): void } })._socket;
  }

  #onText(text: string): void {
    const message = JSON.parse(text) as Received;
    if (message.type === "screenshot_update") {
      const { type: _type, screenshot, timestamp: _timestamp, ...facts } = message;
      this.#keep(facts, Buffer.from(screenshot, "base64"), false);
    }
    this.received.push(message);
  }

  #onFrame(data: Buffer): void {
    const frame = decodeFrame(Uint8Array.from(data).buffer);
    if (!frame) throw new Error("A binary message that is no picture.");
    const schema = frame.header.type === "damage" ? damageHeaderSchema : frameHeaderSchema;
    const { type: _type, ...facts } = schema.strict().parse(frame.header);
    this.#keep(facts, Buffer.from(frame.jpeg), true);
  }

  #keep(facts: PictureFacts, jpeg: Buffer, isBinary: boolean): void {
    this.pictures.push({ ...facts, jpeg, isBinary, arrivedAt: Date.now(), after: this.received.length });
  }

  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        settle();
      };
      const check = () => {
        const found = find();
        if (found !== undefined) done(() => resolve(found));
      };
      const timer = setTimeout(() => {
        const seen = this.received.map((message) => message.type).join(" ");
        const pictures = this.pictures
          .slice(-3)
          .map(({ jpeg, ...facts }) => JSON.stringify({ ...facts, bytes: jpeg.length }));
        const came = `${seen}, ${this.pictures.length} pictures, the last ${pictures.join(" ")}`;
        done(() => reject(new Error(`No ${what} came within ${WAIT_MS} ms; came: ${came}`)));
      }, WAIT_MS);
      this.#waiting.add(check);
      check();
    });
  }
}
