/** A bot's side of a relay that says what the test tells it to, whatever a real one would say. */
import { WebSocket } from "ws";
import { FrameReader, framesOf } from "../../src/protocol/relay-line.ts";
import { BEARER } from "./key.ts";

export const TARGET_ID = "0123456789ABCDEF0123456789ABCDEF";
export const HELLO = { type: "hello", version: 1, target_id: TARGET_ID };
const FRAME_BYTES = 65_536;

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of many shapes.
type Json = any;

export class RelayBot {
  readonly socket: WebSocket;
  /** Text messages of the server. */
  readonly texts: Json[] = [];
  /** Headers of the server's binary messages. */
  readonly headers: Json[] = [];
  readonly closed: Promise<number>;
  /** Answers each command from now on; undefined: not this one. */
  respond: (command: Json) => object | undefined = () => undefined;
  readonly #reader = new FrameReader();
  readonly #waiting = new Set<() => void>();
  #seq = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) {
        const read = this.#reader.read(data);
        if (read) this.#took(read.header);
      } else this.texts.push(JSON.parse(data.toString()));
      for (const check of this.#waiting) check();
    });
  }

  static async connect(api: string, headers: Readonly<Record<string, string>> = BEARER): Promise<RelayBot> {
    const bot = new RelayBot(new WebSocket(`${api.replace(/^http/, "ws")}/relay`, { headers }));
    await new Promise((resolve, reject) => {
      bot.socket.once("open", resolve);
      bot.socket.once("error", reject);
    });
    return bot;
  }

  /** A bot whose relay is welcomed. */
  static async lend(api: string, headers?: Readonly<Record<string, string>>, hello: object = HELLO): Promise<RelayBot> {
    const bot = await RelayBot.connect(api, headers);
    bot.say(hello);
    await bot.text("welcome");
    return bot;
  }

  get welcome(): { relay: string; secret: string; received: number; max_frame_bytes: number } {
    return this.texts.find(({ type }) => type === "welcome");
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  text(type: string): Promise<Json> {
    return this.#until(() => this.texts.find((message) => message.type === type));
  }

  /** A command of the server's with this method, now or later. */
  command(method: string, from = 0): Promise<Json> {
    return this.#until(() => this.headers.slice(from).find(({ message }) => message?.method === method)?.message);
  }

  header(type: string, fits: (header: Json) => boolean = () => true): Promise<Json> {
    return this.#until(() => this.headers.find((header) => header.type === type && fits(header)));
  }

  /** Sends a numbered message. */
  post(header: object, body: Buffer = Buffer.alloc(0)): void {
    this.#seq += 1;
    this.send({ type: "cdp", epoch: 0, seq: this.#seq, ...header }, body);
  }

  send(header: object, body: Buffer = Buffer.alloc(0)): void {
    for (const frame of framesOf(JSON.stringify(header), body, FRAME_BYTES)) this.socket.send(frame);
  }

  #took(header: Json): void {
    this.headers.push(header);
    if (header.type !== "cdp") return;
    const { id, sessionId } = header.message;
    const result = this.respond(header.message);
    if (result) this.post({ message: { id, ...(sessionId && { sessionId }), result } });
  }

  async #until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = () => {
        const found = find();
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }
}
