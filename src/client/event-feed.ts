// Events of many sessions over one line that comes back by itself: what was missed is asked for, and nothing told twice.
// The console's inbox runs it, and the SDK exports it.
import type { FeedBatch, FeedMessage, FeedRequest } from "../protocol/feed.ts";
import {
  type ConnectionState,
  type Protocol,
  parseTyped,
  ReconnectingSocket,
  type ReconnectingSocketOptions,
} from "./reconnecting-socket.ts";
import { apiAt } from "./session-address.ts";

export type FeedEvent = Extract<FeedMessage, { event: number }>;

export type FeedHandler = (event: FeedEvent) => unknown;

export interface FeedError {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown> | null;
}

/**
 */
export interface FeedOptions extends Omit<ReconnectingSocketOptions, "url" | "protocols"> {
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly reader?: string;
  readonly after?: number;
}

/**
 *   whoever counts on having heard everything looks at the sessions anew
 */
export interface FeedNews {
  state: ConnectionState;
  error: FeedError;
  gap: { after: number };
}

/** The server pings twice a minute. */
const SILENT_FOR_MS = 60_000;
/** Of one message. */
const PING_EVERY_MS = 30_000;
const TOPICS_AT_ONCE = 100;
/** Ends that were handled, and may be told again as that was not heard. */
const MOST_HANDLED = 1_000;

type Listeners = { readonly [News in keyof FeedNews]: Set<(value: FeedNews[News]) => void> };

export class EventFeed {
  /** Ends whose handlers have ended well. @type {Set<number>} */
  readonly #socket: ReconnectingSocket<FeedRequest, FeedMessage | FeedBatch>;
  readonly #handlers = new Map<string, Set<FeedHandler>>();
  readonly #listeners: Listeners = { state: new Set(), error: new Set(), gap: new Set() };
  readonly #acknowledges: boolean;
  #position: number | null;
  readonly #handled = new Set<number>();

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

  /** @returns {ConnectionState} */
  get state(): ConnectionState {
    return this.#socket.state;
  }

  /** Whether events come at this moment. */
  get isLive(): boolean {
    return this.#socket.state.name === "CONNECTED";
  }

  /** The last event that was told; null before the first line stood. */
  get position(): number | null {
    return this.#position;
  }

  /**
   * Calls back with each event of a topic: `sessions`, `session:<id>`, `session:<id>:progress`, `label:<label>`, `system`.
   * @param {string} topic
   * @param {FeedHandler} handler
   * @returns {() => void} takes the handler away
   */
  on(topic: string, handler: FeedHandler): () => void {
    const handlers = this.#handlers.get(topic) ?? new Set<FeedHandler>();
    const isNew = handlers.size === 0;
    this.#handlers.set(topic, handlers.add(handler));
    this.#socket.open();
    if (isNew && this.isLive) this.#socket.send({ type: "subscribe", data: { topics: [topic] } });
    return () => this.#forget(topic, handler);
  }

  /**
   * @param {News} news
   * @param {(value: FeedNews[News]) => void} listener
   * @returns {() => void} takes the listener away
   */
  onNews<News extends keyof FeedNews>(news: News, listener: (value: FeedNews[News]) => void): () => void {
    const listeners = this.#listeners[news];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Something changed for the better: see whether the line still lives, or try at once. */
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

  /** First what was missed, then the topics: the server tells both in order. @param {number} newest */
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
    // A server that began anew, or could not write: what it does not know it cannot tell.
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
      // What is still being handled is acknowledged when that is done.
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
        // Told again at the next line.
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

/** A handler that throws is heard of, and harms no other. @param {unknown} error */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
