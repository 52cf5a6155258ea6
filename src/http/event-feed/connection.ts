/** [R18] One events socket: what its reader asks for, and the subscriber that does it. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../../auth/caller.ts";
import { AppError } from "../../errors.ts";
import type { Acknowledgements } from "../../events/event-log.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import {
  FEED_REQUEST_TYPES,
  type FeedQuery,
  type FeedRequest,
  type FeedRequestOf,
  feedRequestSchema,
} from "../../protocol/feed.ts";
import type { GuardDeps } from "../guards/authorization.ts";
import type { ConnectionLimits } from "../guards/connection-limits.ts";
import type { AuthenticationResult, Credentials, MessageId } from "../sockets/authenticate-socket.ts";
import type { OpenSocket, Receiver, SocketRoute } from "../sockets/guarded-socket.ts";
import { READER_HEARTBEAT } from "../sockets/heartbeat.ts";
import { parseJsonMessage } from "../sockets/parse-message.ts";
import { BatchingSender } from "./batching-sender.ts";
import { FeedSubscriber } from "./subscriber.ts";

/** Who reads events. */
export interface ReaderPrincipal {
  readonly caller: Caller;
}

export interface FeedConnectionOptions {
  readonly feed: EventPublisher;
  readonly acknowledgements: Acknowledgements;
  readonly guard: Pick<GuardDeps, "sessions">;
  readonly connections: ConnectionLimits;
}

type Handler<T extends FeedRequest["type"]> = (subscriber: FeedSubscriber, request: FeedRequestOf<T>) => void;

/** What each request of a reader does: a table that the type checker keeps complete. */
const HANDLERS = {
  subscribe: (subscriber, { id, data }) => subscriber.subscribe(id, data.topics),
  unsubscribe: (subscriber, { id, data }) => subscriber.unsubscribe(id, data.topics),
  resume: (subscriber, { id, data }) => subscriber.resume(id, data.after),
  ack: (subscriber, { data }) => subscriber.acknowledge(data.event),
  ping: (subscriber, { id }) => subscriber.pong(id),
  pong: () => {},
  authenticate() {
    throw new AppError("invalid_message", { field: "type", why: "already done" });
  },
} satisfies { [T in FeedRequest["type"]]: Handler<T> };

function handleRequest<T extends FeedRequest["type"]>(subscriber: FeedSubscriber, request: FeedRequestOf<T>): void {
  const handler = HANDLERS[request.type] as Handler<T>;
  handler(subscriber, request);
}

export class FeedConnection implements SocketRoute<FeedRequest, ReaderPrincipal> {
  readonly name = "events socket";
  readonly heartbeat = READER_HEARTBEAT;
  readonly #query: FeedQuery;
  readonly #options: FeedConnectionOptions;
  readonly #outgoing: BatchingSender;
  #subscriber: FeedSubscriber | null = null;

  constructor(
    socket: WebSocket,
    { query }: FastifyRequest<{ Querystring: FeedQuery }>,
    options: FeedConnectionOptions,
  ) {
    this.#query = query;
    this.#options = options;
    this.#outgoing = new BatchingSender(socket, query.batch === "on");
  }

  parse(text: string): FeedRequest {
    return parseJsonMessage(text, feedRequestSchema, FEED_REQUEST_TYPES);
  }

  credentialsOf(request: FeedRequest): Credentials | null {
    return request.type === "authenticate" ? { token: request.token ?? request.data?.token } : null;
  }

  sendAuthenticationResult(result: AuthenticationResult, id: MessageId | undefined): void {
    this.#send({ type: "authentication_result", id: id ?? null, timestamp: Date.now(), topic: null, ...result });
  }

  /** A reader that has not authenticated yet gets no answer [W27]. */
  sendError(error: AppError, id: MessageId | undefined): void {
    this.#subscriber?.fail(error, id);
  }

  sendRefusal(error: AppError): void {
    this.#send({ type: "error", id: null, timestamp: Date.now(), topic: null, error: error.toWire() });
  }

  /** Throws AppError rate_limited if the key has too many connections that read events. */
  async open({ caller }: ReaderPrincipal, socket: OpenSocket): Promise<Receiver<FeedRequest>> {
    const { feed, acknowledgements, guard, connections } = this.#options;
    if (caller.kind === "key") socket.whenClosed(connections.takeOfKey(caller.id));
    const subscriber = new FeedSubscriber({
      feed,
      acknowledgements,
      subjectOf: (id) => guard.sessions.subject(id),
      caller,
      reader: this.#query.reader,
      isBatching: this.#query.batch === "on",
      outgoing: this.#outgoing,
      onTooSlow: () => {
        socket.closeWith("lagging", `lagging seq=${this.#outgoing.seq} event=${subscriber.position}`);
      },
    });
    this.#subscriber = subscriber;
    socket.whenClosed(() => {
      subscriber.stop();
      this.#outgoing.stop();
    });
    subscriber.welcome();
    return (request) => handleRequest(subscriber, request);
  }

  /** Beside the WebSocket's own ping, which a client in a browser does not see. */
  onPing(): void {
    this.#subscriber?.ping();
  }

  #send(message: object): void {
    this.#outgoing.send(JSON.stringify(message).slice(0, -1), "now");
  }
}
