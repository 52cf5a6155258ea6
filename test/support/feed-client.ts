/** A reader of the events socket: asks as it is told, and remembers what came, each message once and in order. */
import { isDeepStrictEqual } from "node:util";
import { WebSocket } from "ws";
import { type FeedMessage, feedMessageSchema } from "../../src/protocol/feed.ts";
import { expect } from "./fixtures.ts";
import { BEARER } from "./key.ts";

type FeedMessageOf<Type extends FeedMessage["type"]> = Extract<FeedMessage, { type: Type }>;

export interface FeedClientOptions {
  readonly query?: string;
  readonly headers?: Record<string, string>;
  readonly perMessageDeflate?: boolean;
  /** false: pings go unanswered, as by one that is gone. */
  readonly autoPong?: boolean;
}

export class FeedClient {
  readonly socket: WebSocket;
  readonly received: FeedMessage[] = [];
  /** How many messages came in each frame. */
  readonly frames: number[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data: Buffer) => this.#take(data.toString()));
    socket.on("error", () => {});
  }

  /** `api`: the server's, as http. */
  static async connect(
    api: string,
    { query = "", headers = BEARER, perMessageDeflate = true, autoPong = true }: FeedClientOptions = {},
  ): Promise<FeedClient> {
    const url = `${api.replace(/^http/, "ws")}/events${query}`;
    const client = new FeedClient(new WebSocket(url, { headers, perMessageDeflate, autoPong }));
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", () => resolve());
      client.socket.once("error", reject);
    });
    return client;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  subscribe(...topics: unknown[]): Promise<FeedMessageOf<"subscribed">> {
    return this.ask({ type: "subscribe", data: { topics } }, "subscribed");
  }

  /** The answer to a request, by its id. */
  async ask<Type extends FeedMessage["type"]>(request: object, type: Type): Promise<FeedMessageOf<Type>> {
    const id = `ask-${this.received.length}-${Math.random()}`;
    this.send({ ...request, id });
    return this.next(type, (message) => message.id === id);
  }

  /** The first message of this type that fits, now or soon. */
  async next<Type extends FeedMessage["type"]>(
    type: Type,
    fits: (message: FeedMessageOf<Type>) => boolean = () => true,
    from = 0,
  ): Promise<FeedMessageOf<Type>> {
    const find = () =>
      this.received.slice(from).find((message) => message.type === type && fits(message as FeedMessageOf<Type>));
    await expect.poll(find, { message: type, intervals: [10] }).toBeDefined();
    return find() as FeedMessageOf<Type>;
  }

  /** The events that came, by their ids. */
  eventIds(): string[] {
    return this.received.flatMap((message) => ("event" in message ? [String(message.id)] : []));
  }

  #take(text: string): void {
    const value = JSON.parse(text);
    const messages: unknown[] = value.type === "batch" ? value.messages : [value];
    this.frames.push(messages.length);
    for (const message of messages) {
      // Strict: nothing is told that the schema does not name.
      const known = feedMessageSchema.parse(message);
      // Of thousands of messages each: much quicker than expect.
      if (!isDeepStrictEqual(known, message)) expect(known).toEqual(message);
      const due = (this.received.at(-1)?.seq ?? 0) + 1;
      if (known.seq !== due) expect(known.seq).toBe(due);
      this.received.push(known);
    }
  }
}
