/**
 * Events of many sessions over one reconnecting socket: it asks for missed events, and delivers none twice. The console's
 * inbox runs it, and the SDK exports it.
 */
import type { FeedBatch, FeedMessage, FeedRequest } from "../protocol/feed.ts";
import {
  type ConnectionState,
  type Protocol,
  parseTyped,
  ReconnectingSocket,
  type ReconnectingSocketOptions,
} from "./reconnecting-socket.ts";
import { apiAt } from "./session-address.ts";

/** A newer server may have types that are not named here. */
export type FeedEvent = Extract<FeedMessage, { event: number }>;

/** The promise it returns is awaited before an end is acknowledged. */
export type FeedHandler = (event: FeedEvent) => unknown;

/** What the server has refused: a topic, mostly. */
export interface FeedError {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown> | null;
}

export interface FeedOptions extends Omit<ReconnectingSocketOptions, "url" | "protocols"> {
  /** As in PUBLIC_URL. */
  readonly baseUrl: string;
  /** Left out: for a server with AUTH=off. */
  readonly apiKey?: string;
  /** A name of its own for each reader: the server repeats ends until they were handled. */
  readonly reader?: string;
  /** The `position` of an earlier feed, to go on after it; left out: from now on. */
  readonly after?: number;
}

export interface FeedNews {
  /** Each change of the connection. */
  state: ConnectionState;
  error: FeedError;
  /**
   * Some events after this position are not kept any more, or were not written: a program that must not miss any looks at
   * the sessions anew.
   */
  gap: { after: number };
}

/** The server pings twice a minute. */
const SILENT_FOR_MS = 60_000;
const PING_EVERY_MS = 30_000;
/** The most topics in one message. */
const TOPICS_AT_ONCE = 100;
/** Handled ends that are remembered: the server repeats one whose acknowledgement it has not received. */
const MOST_HANDLED = 1_000;

type Listeners = { readonly [News in keyof FeedNews]: Set<(value: FeedNews[News]) => void> };

export class EventFeed {
  readonly #socket: ReconnectingSocket<FeedRequest, FeedMessage | FeedBatch>;
  readonly #handlers = new Map<string, Set<FeedHandler>>();
  readonly #listeners: Listeners = { state: new Set(), error: new Set(), gap: new Set() };
  readonly #acknowledges: boolean;
  /** Null: from now on. */
  #position: number | null;
  /** Ends whose handlers have succeeded. */
  readonly #handled = new Set<number>();

  /** TypeError without any WebSocket, and for an address that is none. */
  constructor({ baseUrl, apiKey, reader, after, ...options }: FeedOptions) {
    this.#position = after ?? null;
    this.#acknowledges = reader !== undefined;
    const { origin, pathname } = new URL(apiAt(baseUrl));
    const query = reader === undefined ? "" : `?reader=${encodeURIComponent(reader)}`;
    const url = `${origin.replace(/^http/, "ws")}${pathname}/events${query}`;
    const heartbeat = { silentForMs: SILENT_FOR_MS, pingEveryMs: PING_EVERY_MS };
    this.#socket = new ReconnectingSocket(protocolFor(apiKey), { ...heartbeat, ...options, url });
    this.#socket.on("message", (message) => this.#onMessage(message));
    this.#socket.on("state", (state) => this.#emit("state", state));
  }

  get state(): ConnectionState {
    return this.#socket.state;
  }

  /** Whether events arrive at this moment. */
  get isLive(): boolean {
    return this.#socket.state.name === "CONNECTED";
  }

  /** The number of the last event that was delivered; null before the first connection. */
  get position(): number | null {
    return this.#position;
  }

  /**
   * Calls back with each event of a topic: `sessions`, `session:<id>`, `session:<id>:progress`, `label:<label>`, `system`.
   * Returns a function that removes the handler.
   */
  on(topic: string, handler: FeedHandler): () => void {
    const handlers = this.#handlers.get(topic) ?? new Set<FeedHandler>();
    const isNew = handlers.size === 0;
    this.#handlers.set(topic, handlers.add(handler));
    this.#socket.open();
    if (isNew && this.isLive) this.#socket.send({ type: "subscribe", data: { topics: [topic] } });
    return () => this.#forget(topic, handler);
  }

  /** What happens to the feed itself. Returns a function that removes the listener. */
  onNews<News extends keyof FeedNews>(news: News, listener: (value: FeedNews[News]) => void): () => void {
    const listeners = this.#listeners[news];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Something changed for the better: checks whether the connection is still alive, or connects at once. */
  wake(): void {
    this.#socket.wake();
  }

  /** For good. */
  close(): void {
    this.#socket.close();
  }

  #forget(topic: string, handler: FeedHandler): void {
    const handlers = this.#handlers.get(topic);
    handlers?.delete(handler);
    if (handlers?.size !== 0) return;
    this.#handlers.delete(topic);
    if (this.isLive) this.#socket.send({ type: "unsubscribe", data: { topics: [topic] } });
  }

  #onMessage(message: FeedMessage | FeedBatch): void {
    if (message.type === "batch") for (const each of message.messages) this.#onMessage(each);
    else if ("event" in message) this.#onEvent(message);
    else if (message.type === "connected") this.#onConnected(message.data.event);
    else if (message.type === "resumed" && !message.data.complete) this.#emit("gap", { after: message.data.after });
    else if (message.type === "error") this.#onError(message.error);
  }

  /** Asks for missed events first, then for the topics: the server answers in that order. */
  #onConnected(newest: number): void {
    if (this.#position !== null) this.#socket.send({ type: "resume", data: { after: this.#position } });
    this.#position ??= newest;
    const topics = [...this.#handlers.keys()];
    for (let start = 0; start < topics.length; start += TOPICS_AT_ONCE) {
      this.#socket.send({ type: "subscribe", data: { topics: topics.slice(start, start + TOPICS_AT_ONCE) } });
    }
  }

  #onError(error: FeedError): void {
    const { code, details } = error;
    // The server's log began anew, or could not be written: it cannot send events that it does not have.
    const isGap = details?.["field"] === "data.after" || code === "storage_unavailable";
    if (!isGap) {
      this.#emit("error", error);
      return;
    }
    const newest = Number(details?.["newest"] ?? this.#position ?? 0);
    this.#emit("gap", { after: this.#position ?? 0 });
    this.#position = newest;
  }

  #onEvent(event: FeedEvent): void {
    const isEnd = event.type === "session.ended";
    if (event.again) {
      // An end that is still being handled is acknowledged when that is done.
      if (this.#handled.has(event.event)) {
        this.#acknowledge(event.event);
        return;
      }
    } else if (event.event <= (this.#position ?? 0)) {
      return;
    }
    this.#position = Math.max(this.#position ?? 0, event.event);
    const topics = event.topics ?? [event.topic ?? ""];
    const handling = topics
      .flatMap((topic) => [...(this.#handlers.get(topic) ?? [])])
      .map((handler) => run(handler, event));
    if (isEnd && this.#acknowledges) {
      Promise.all(handling).then(
        () => this.#acknowledge(event.event),
        // The server repeats it on the next connection.
        () => {},
      );
    }
    for (const each of handling) each.catch(throwLater);
  }

  #acknowledge(event: number): void {
    this.#handled.add(event);
    const [oldest] = this.#handled;
    if (this.#handled.size > MOST_HANDLED && oldest !== undefined) this.#handled.delete(oldest);
    if (this.isLive) this.#socket.send({ type: "ack", data: { event } });
  }

  #emit<News extends keyof FeedNews>(news: News, value: FeedNews[News]): void {
    for (const listener of [...this.#listeners[news]]) listener(value);
  }
}

function protocolFor(apiKey: string | undefined): Protocol<FeedRequest, FeedMessage | FeedBatch> {
  return {
    parse: parseTyped,
    ping: () => ({ type: "ping" }),
    hello: () => (apiKey ? { type: "authenticate", token: apiKey } : null),
    reply: (message) => (message.type === "ping" ? { type: "pong" } : null),
    isReady: (message) => message.type === "connected",
  };
}

async function run(handler: FeedHandler, event: FeedEvent): Promise<unknown> {
  return handler(event);
}

/** Reports a handler that throws, without harm to the others. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
