// Events of many sessions over one line that comes back by itself: what was missed is asked for, and nothing told twice.
// The console's inbox runs it, and the SDK exports it.

import { Line, parseTyped } from "./reconnecting-socket.js";
import { apiAt } from "./session-address.js";

/** @import { FeedBatch, FeedMessage, FeedRequest } from "../protocol/feed.ts" */
/** @import { ConnectionState, LineOptions, Protocol } from "./reconnecting-socket-types.js" */

/** @typedef {Extract<FeedMessage, { event: number }>} FeedEvent an event; a newer server may have types that are not named here */
/** @typedef {(event: FeedEvent) => unknown} FeedHandler what it returns is awaited before an end is acknowledged */
/** @typedef {{ code: string, message: string, details: Record<string, unknown> | null }} FeedError what the server has refused: a topic, mostly */

/**
 * @typedef {object} FeedFacts
 * @property {string} baseUrl as in PUBLIC_URL
 * @property {string} [apiKey] left out: for a server with AUTH=off
 * @property {string} [reader] a name of its own for each reader: ends are told again until they were handled
 * @property {number} [after] the `position` of an earlier feed, to go on after it; left out: from now on
 */
/** @typedef {FeedFacts & Omit<LineOptions, "url" | "protocols">} FeedOptions */

/**
 * @typedef {object} FeedNews
 * @property {ConnectionState} state each change of the line
 * @property {FeedError} error
 * @property {{ after: number }} gap some of what came after this position is not kept any more, or was not written:
 *   whoever counts on having heard everything looks at the sessions anew
 */

/** The server pings twice a minute. */
const SILENT_FOR_MS = 60_000;
/** Of one message. */
const TOPICS_AT_ONCE = 100;
/** Ends that were handled, and may be told again as that was not heard. */
const MOST_HANDLED = 1_000;

export class EventFeed {
  #line;
  /** @type {Map<string, Set<FeedHandler>>} */
  #handlers = new Map();
  /** @type {{ [News in keyof FeedNews]: Set<(value: FeedNews[News]) => void> }} */
  #listeners = { state: new Set(), error: new Set(), gap: new Set() };
  #acknowledges;
  /** @type {number | null} null: from now on */
  #position;
  /** Ends whose handlers have ended well. @type {Set<number>} */
  #handled = new Set();

  /** @param {FeedOptions} options TypeError without any WebSocket, and for an address that is none */
  constructor({ baseUrl, apiKey, reader, after, ...options }) {
    this.#position = after ?? null;
    this.#acknowledges = reader !== undefined;
    const { origin, pathname } = new URL(apiAt(baseUrl));
    const query = reader === undefined ? "" : `?reader=${encodeURIComponent(reader)}`;
    const url = `${origin.replace(/^http/, "ws")}${pathname}/events${query}`;
    this.#line = new Line(protocolFor(apiKey), { silentForMs: SILENT_FOR_MS, pingEveryMs: 30_000, ...options, url });
    this.#line.on("message", (message) => this.#onMessage(message));
    this.#line.on("state", (state) => this.#tell("state", state));
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#line.state;
  }

  /** Whether events come at this moment. */
  get isLive() {
    return this.#line.state.name === "CONNECTED";
  }

  /** The last event that was told; null before the first line stood. */
  get position() {
    return this.#position;
  }

  /**
   * Calls back with each event of a topic: `sessions`, `session:<id>`, `session:<id>:progress`, `label:<label>`, `system`.
   * @param {string} topic
   * @param {FeedHandler} handler
   * @returns {() => void} takes the handler away
   */
  on(topic, handler) {
    const handlers = this.#handlers.get(topic) ?? new Set();
    const isNew = handlers.size === 0;
    this.#handlers.set(topic, handlers.add(handler));
    this.#line.open();
    if (isNew && this.isLive) this.#line.send({ type: "subscribe", data: { topics: [topic] } });
    return () => this.#forget(topic, handler);
  }

  /**
   * @template {keyof FeedNews} News
   * @param {News} news
   * @param {(value: FeedNews[News]) => void} listener
   * @returns {() => void} takes the listener away
   */
  onNews(news, listener) {
    const listeners = /** @type {Set<(value: FeedNews[News]) => void>} */ (this.#listeners[news]);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Something changed for the better: see whether the line still lives, or try at once. */
  wake() {
    this.#line.wake();
  }

  /** For good. */
  close() {
    this.#line.close();
  }

  /** @param {string} topic @param {FeedHandler} handler */
  #forget(topic, handler) {
    const handlers = this.#handlers.get(topic);
    handlers?.delete(handler);
    if (handlers?.size !== 0) return;
    this.#handlers.delete(topic);
    if (this.isLive) this.#line.send({ type: "unsubscribe", data: { topics: [topic] } });
  }

  /** @param {FeedMessage | FeedBatch} message */
  #onMessage(message) {
    if (message.type === "batch") for (const each of message.messages) this.#onMessage(each);
    else if ("event" in message) this.#onEvent(message);
    else if (message.type === "connected") this.#onConnected(message.data.event);
    else if (message.type === "resumed" && !message.data.complete) this.#tell("gap", { after: message.data.after });
    else if (message.type === "error") this.#onError(message.error);
  }

  /** First what was missed, then the topics: the server tells both in order. @param {number} newest */
  #onConnected(newest) {
    if (this.#position !== null) this.#line.send({ type: "resume", data: { after: this.#position } });
    this.#position ??= newest;
    const topics = [...this.#handlers.keys()];
    for (let start = 0; start < topics.length; start += TOPICS_AT_ONCE) {
      this.#line.send({ type: "subscribe", data: { topics: topics.slice(start, start + TOPICS_AT_ONCE) } });
    }
  }

  /** @param {FeedError} error */
  #onError(error) {
    const { code, details } = error;
    // A server that began anew, or could not write: what it does not know it cannot tell.
    const isGap = details?.["field"] === "data.after" || code === "storage_unavailable";
    if (!isGap) return this.#tell("error", error);
    const newest = Number(details?.["newest"] ?? this.#position ?? 0);
    this.#tell("gap", { after: this.#position ?? 0 });
    this.#position = newest;
  }

  /** @param {FeedEvent} event */
  #onEvent(event) {
    const isEnd = event.type === "session.ended";
    if (event.again) {
      // What is still being handled is acknowledged when that is done.
      if (this.#handled.has(event.event)) return this.#acknowledge(event.event);
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

  /** @param {number} event */
  #acknowledge(event) {
    this.#handled.add(event);
    const [oldest] = this.#handled;
    if (this.#handled.size > MOST_HANDLED && oldest !== undefined) this.#handled.delete(oldest);
    if (this.isLive) this.#line.send({ type: "ack", data: { event } });
  }

  /** @template {keyof FeedNews} News @param {News} news @param {FeedNews[News]} value */
  #tell(news, value) {
    for (const listener of [...this.#listeners[news]]) listener(value);
  }
}

/** @param {string | undefined} apiKey @returns {Protocol<FeedRequest, FeedMessage | FeedBatch>} */
function protocolFor(apiKey) {
  return {
    parse: parseTyped,
    ping: () => ({ type: "ping" }),
    hello: () => (apiKey ? { type: "authenticate", token: apiKey } : null),
    reply: (message) => (message.type === "ping" ? { type: "pong" } : null),
    isReady: (message) => message.type === "connected",
  };
}

/** @param {FeedHandler} handler @param {FeedEvent} event @returns {Promise<unknown>} */
async function run(handler, event) {
  return handler(event);
}

/** A handler that throws is heard of, and harms no other. @param {unknown} error */
function throwLater(error) {
  queueMicrotask(() => {
    throw error;
  });
}
