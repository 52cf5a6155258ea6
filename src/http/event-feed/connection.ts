/** [R18] An events socket: who opens it, what comes in, and when it is given up. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../../auth/caller.ts";
import { AppError, toAppError } from "../../errors.ts";
import type { FeedQuery, FeedRequest, FeedRequestOf } from "../../protocol/feed.ts";
import { MAX_FIRST_MESSAGE_BYTES } from "../../protocol/live.ts";
import { parseFeedRequest } from "../feed-request.ts";
import type { FirstMessage, SocketAuthentication } from "../sockets/authenticate-socket.ts";
import { BEAT_MS, Heartbeat, READERS_HEARTBEAT } from "../sockets/heartbeat.ts";
import { MessageLimits } from "../sockets/message-limits.ts";
import { idOf } from "../sockets/parse-message.ts";
import { closeWithin } from "../sockets/refuse-socket.ts";
import { BatchingSender } from "./batching-sender.ts";
import type { FeedRouteOptions } from "./route.ts";
import { FeedSubscriber } from "./subscriber.ts";

/** Requests that come before it is known who sends them. */
const MOST_EARLY = 10;

/** What each request of a reader does: a table the type checker keeps complete. */
const HANDLERS = {
  subscribe: (desk, { id, data }) => desk.subscribe(id, data.topics),
  unsubscribe: (desk, { id, data }) => desk.unsubscribe(id, data.topics),
  resume: (desk, { id, data }) => desk.resume(id, data.after),
  ack: (desk, { data }) => desk.acknowledge(data.event),
  ping: (desk, { id }) => desk.pong(id),
  pong: () => {},
  authenticate() {
    throw new AppError("invalid_message", { field: "type", why: "already done" });
  },
} satisfies { [T in FeedRequest["type"]]: (desk: FeedSubscriber, request: FeedRequestOf<T>) => void };

export class FeedConnection {
  readonly #socket: WebSocket;
  readonly #request: Pick<FastifyRequest, "log">;
  readonly #entry: SocketAuthentication<Caller>;
  readonly #options: FeedRouteOptions;
  readonly #query: FeedQuery;
  readonly #outgoing: BatchingSender;
  readonly #limits: MessageLimits;
  readonly #heartbeat = new Heartbeat(performance.now(), READERS_HEARTBEAT);
  readonly #introduced = Promise.withResolvers<FirstMessage | null>();
  #early: FeedRequest[] = [];
  #desk: FeedSubscriber | null = null;
  #beats: NodeJS.Timeout | undefined;
  #stops: (() => void)[] = [];

  constructor(
    socket: WebSocket,
    request: FastifyRequest<{ Querystring: FeedQuery }>,
    entry: SocketAuthentication<Caller>,
    options: FeedRouteOptions,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#query = request.query;
    this.#entry = entry;
    this.#options = options;
    this.#outgoing = new BatchingSender(socket, request.query.batch === "on");
    this.#limits = new MessageLimits(options.limits);
  }

  start(): void {
    const socket = this.#socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary));
    for (const frame of ["ping", "pong"] as const) socket.on(frame, () => this.#onControlFrame());
    socket.on("error", (error: Error) => this.#request.log.debug({ err: error }, "events socket error"));
    socket.on("close", () => this.#onClose());
    this.#beats = setInterval(() => this.#beat(), BEAT_MS);
    void this.#enter();
  }

  /** Nothing is sent before it is known who this is [W27]. */
  async #enter(): Promise<void> {
    try {
      const caller = await this.#entry.enter(
        () => this.#introduced.promise,
        (introduced, id) => {
          const message = { type: "authentication_result", id: id ?? null, timestamp: Date.now(), topic: null };
          this.#outgoing.send(JSON.stringify({ ...message, ...introduced }).slice(0, -1), "now");
        },
      );
      this.#open(caller);
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  #open(caller: Caller): void {
    const { feed, acknowledgements, guard, connections } = this.#options;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (caller.kind === "key") this.#stops.push(connections.takeOfKey(caller.id));
    this.#stops.push(this.#entry.whenOver(caller, () => this.#refuse(new AppError("unauthorized"))));
    this.#desk = new FeedSubscriber({
      feed,
      acknowledgements,
      subjectOf: (id) => guard.sessions.subject(id),
      caller,
      reader: this.#query.reader,
      isBatching: this.#query.batch === "on",
      outgoing: this.#outgoing,
      onTooSlow: () => this.#onTooSlow(),
    });
    this.#desk.welcome();
    for (const request of this.#early.splice(0)) this.#act(this.#desk, request);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#heartbeat.heard(performance.now());
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const most = this.#desk ? this.#options.limits.maxMessageBytes : MAX_FIRST_MESSAGE_BYTES;
    if (data.length > most) this.#refuse(new AppError("payload_too_large"));
    else if (!this.#limits.mayRead(data.length)) this.#onExcess();
    else this.#onText(data.toString("utf8"), isBinary);
  }

  #onText(text: string, isBinary: boolean): void {
    let request: FeedRequest;
    try {
      if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
      request = parseFeedRequest(text);
    } catch (error) {
      if (!this.#desk) this.#introduced.resolve({ token: undefined });
      else if (this.#limits.mayAct(undefined)) this.#fail(toAppError(error), isBinary ? undefined : idOf(text));
      else this.#onExcess();
      return;
    }
    if (!this.#limits.mayAct(request.type)) this.#onExcess(request.id);
    else if (this.#desk) this.#act(this.#desk, request);
    else this.#onEarly(request);
  }

  /** The first one says who it is; what comes behind it waits until that is known. */
  #onEarly(request: FeedRequest): void {
    const token = request.type === "authenticate" ? (request.token ?? request.data?.token) : undefined;
    this.#introduced.resolve({ id: request.id, token });
    if (request.type === "authenticate") return;
    if (this.#early.length < MOST_EARLY) this.#early.push(request);
    else this.#onExcess(request.id);
  }

  #act(desk: FeedSubscriber, request: FeedRequest): void {
    try {
      (HANDLERS[request.type] as (desk: FeedSubscriber, request: FeedRequest) => void)(desk, request);
    } catch (error) {
      this.#fail(toAppError(error), request.id);
    }
  }

  #onExcess(id?: string | number): void {
    const excess = this.#limits.exceed();
    if (excess !== "silence") this.#fail(new AppError("rate_limited"), id);
    else this.#options.refusals.count("rate_limited", "socket");
    if (excess === "close") closeWithin(this.#socket, "rate_limited");
  }

  #fail(error: AppError, id?: string | number): void {
    if (error.code === "internal") this.#request.log.error({ err: error }, "events request failed");
    this.#options.refusals.count(error.code, "socket");
    this.#desk?.fail(error, id);
  }

  /** Told, and closed. */
  #refuse(error: AppError): void {
    if (error.code === "internal") this.#request.log.error({ err: error }, "events socket could not be opened");
    this.#options.refusals.count(error.code, "socket");
    const message = { type: "error", id: null, timestamp: Date.now(), topic: null, error: error.toWire() };
    this.#outgoing.send(JSON.stringify(message).slice(0, -1), "now");
    closeWithin(this.#socket, error.code);
  }

  #onTooSlow(): void {
    this.#options.refusals.count("lagging", "socket");
    const { seq } = this.#outgoing;
    closeWithin(this.#socket, "lagging", `lagging seq=${seq} event=${this.#desk?.position}`);
  }

  #onControlFrame(): void {
    this.#heartbeat.heard(performance.now());
    if (!this.#limits.mayRead(0)) this.#onExcess();
  }

  #beat(): void {
    const due = this.#heartbeat.beat(performance.now());
    if (due === "give up") this.#socket.terminate();
    if (due !== "ping") return;
    // A client that only listens answers this one by itself.
    this.#socket.ping();
    this.#desk?.ping();
  }

  #onClose(): void {
    clearInterval(this.#beats);
    this.#introduced.resolve(null);
    for (const stop of this.#stops.splice(0)) stop();
    this.#desk?.stop();
    this.#outgoing.stop();
  }
}
