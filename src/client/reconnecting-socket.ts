/**
 * A WebSocket that reconnects: six states, waits by class of loss, a heartbeat, and a queue for messages sent meanwhile.
 * A `Protocol` knows the messages. It runs in browsers and in Node.
 */
import { closeSocket, type Socket, type SocketLike, terminateSocket } from "./close-socket.ts";
import { ConnectRefusal } from "./connect-refusal.ts";
import { type Clock, Heartbeat, SYSTEM_CLOCK } from "./heartbeat.ts";
import {
  classOf,
  type LossClass,
  MOVES,
  NO_CLOSE_FRAME,
  profileWith,
  Retries,
  type RetryRule,
} from "./retry-policy.ts";
import { type OutgoingQueue, SendQueue } from "./send-queue.ts";

export const PING_EVERY_MS = 15_000;
/** A connection without any message for so long is broken, whatever the system says of it. */
export const SILENT_FOR_MS = 30_000;
/** A handshake that takes longer than this is given up: some networks swallow packets without a word. */
const CONNECT_DEADLINE_MS = 10_000;
/** Earlier losses count until a connection has held for so long: a server that accepts and then closes must not be hammered. */
export const STEADY_AFTER_MS = 5_000;
/** The close code of a connection that this side closed. */
const CLOSE_NORMAL = 1000;
/** `WebSocket.OPEN`, without asking for the class. */
const OPEN = 1;

/**
 * `attempt` counts from 1; `retryAt` in ms since 1970, null while that attempt is under way; `code` is the WebSocket close
 * code of what was lost.
 */
export type ConnectionState =
  | { name: "DISCONNECTED" }
  | { name: "CONNECTING" }
  | { name: "CONNECTED" }
  | { name: "RECONNECTING"; attempt: number; retryAt: number | null; code: number; loss: LossClass }
  | { name: "FAILED"; code: number; loss: LossClass | "refused" }
  | { name: "CLOSED"; code: number };

/** What distinguishes one server's messages from another's. Messages are text; they go out as JSON. */
export interface Protocol<Out, In> {
  /** Null: not a message of this protocol. */
  readonly parse: (text: string) => In | null;
  /** Asks for a sign of life; any message is one. */
  readonly ping: () => Out;
  /** True for the message that makes the socket a connection. */
  readonly isReady: (message: In) => boolean;
  /** Subprotocols beside those of the options, asked for before each socket. */
  readonly offers?: () => string[];
  /** How to connect where something on the way drops subprotocols. Left out: every socket offers them. */
  readonly byMessage?: ByMessage<Out>;
  /**
   * What listeners get after two sockets in a row, one that offered subprotocols and one that did not, have not opened
   * although each time the function `protocols` had an answer; null: nothing.
   */
  readonly blocked?: () => In | null;
  /** The first message on every new socket, sent before it is ready. */
  readonly hello?: () => Out | null;
  /** The first message on every socket that is ready, before those that wait. */
  readonly greeting?: () => Out | null;
  /** The immediate answer to a message, as to the other side's ping. */
  readonly reply?: (message: In) => Out | null;
  /** The close code that a message stands for: the connection is lost with it. */
  readonly refusal?: (message: In) => number | null;
  /** True for a message after which there is nothing to reconnect to, whatever code the socket closes with. */
  readonly isEnd?: (message: In) => boolean;
}

/** A socket that offers no subprotocols: its first message has what it would have offered. */
export interface ByMessage<Out> {
  /** Where it leads. */
  readonly url: (url: string) => string;
  /** Its first message, in place of `hello`. */
  readonly hello: (offered: readonly string[]) => Out;
}

export interface ReconnectingSocketEvents<In> {
  /** Each change. */
  state: ConnectionState;
  message: In;
  binary: ArrayBuffer;
}

export interface ReconnectingSocketOptions {
  /** The address of the WebSocket server. */
  readonly url: string;
  /** How it reconnects; `operator` when left out. */
  readonly profile?: "bot" | "operator";
  /** Numbers that replace the profile's. */
  readonly retries?: Partial<Record<LossClass, Partial<RetryRule>>>;
  /**
   * Subprotocols to offer; a function is called before each socket. It may reject with a `ConnectRefusal`; any other
   * rejection counts as a broken network.
   */
  readonly protocols?: string[] | ((signal: AbortSignal) => Promise<string[]>);
  /** For Node 20, which has none: that of the package `ws`. */
  readonly WebSocket?: new (
    url: string,
    protocols?: string[],
  ) => SocketLike;
  readonly pingEveryMs?: number;
  /** More than `pingEveryMs`. */
  readonly silentForMs?: number;
  /** For the handshake, and for a function that returns `protocols`. */
  readonly connectWithinMs?: number;
  /** Messages kept while the connection is down. */
  readonly mostQueued?: number;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

type Listeners<In> = {
  readonly [E in keyof ReconnectingSocketEvents<In>]: Set<(value: ReconnectingSocketEvents<In>[E]) => void>;
};

/** Begins with `open`, ends with `close`. One that is `FAILED` or `CLOSED` stays so: a new attempt needs a new object. */
export class ReconnectingSocket<Out, In> {
  readonly #protocol: Protocol<Out, In>;
  readonly #options;
  readonly #retries: Retries;
  readonly #clock: Clock;
  readonly #queue: OutgoingQueue<Out>;
  readonly #listeners: Listeners<In> = { state: new Set(), message: new Set(), binary: new Set() };
  #state: ConnectionState = { name: "DISCONNECTED" };
  #socket: Socket | null = null;
  /** Cancels the wait for the next attempt, or the deadline of the one under way. */
  #cancelTimer = (): void => {};
  readonly #heartbeat: Heartbeat;
  #connectedAt = 0;
  /** Whether the next socket offers no subprotocols. A browser does not say why a socket has not opened, so each kind is tried in turn. */
  #isByMessage = false;
  /** Whether the newest socket has opened. */
  #hasOpened = false;
  /** Sockets in a row that have not opened. */
  #unopened = 0;
  /** A message said that this is the end: whatever code the socket closes with, there is nothing to reconnect to. */
  #isOver = false;

  /** TypeError without any WebSocket. */
  constructor(
    protocol: Protocol<Out, In>,
    options: ReconnectingSocketOptions,
    queue: OutgoingQueue<Out> = new SendQueue(options.mostQueued),
  ) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined)
      throw new TypeError("No WebSocket here: give one as options.WebSocket, e.g. that of ws.");
    this.#protocol = protocol;
    this.#options = { pingEveryMs: PING_EVERY_MS, silentForMs: SILENT_FOR_MS, ...options, WebSocket };
    this.#retries = new Retries(profileWith(options.profile ?? "operator", options.retries), options.random);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#queue = queue;
    this.#heartbeat = new Heartbeat({
      clock: this.#clock,
      everyMs: this.#options.pingEveryMs,
      silentForMs: this.#options.silentForMs,
      ping: () => this.#write(protocol.ping()),
      onSilence: () => this.#socket !== null && this.#lost(this.#socket, NO_CLOSE_FRAME),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Messages that wait for the connection. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Returns a function that removes the listener. */
  on<E extends keyof ReconnectingSocketEvents<In>>(
    event: E,
    listener: (value: ReconnectingSocketEvents<In>[E]) => void,
  ): () => void {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  open(): void {
    if (this.#state.name === "DISCONNECTED") this.#connect({ name: "CONNECTING" });
  }

  /** For good: no further attempt, and no queued message is sent. */
  close(): void {
    if (MOVES[this.#state.name].includes("CLOSED")) this.#become({ name: "CLOSED", code: CLOSE_NORMAL });
  }

  /** Sends at once, or keeps the message until the connection is ready. */
  send(message: Out): "sent" | "queued" | "dropped" {
    if (this.#state.name === "CONNECTED" && this.#write(message)) return "sent";
    const isForGood = MOVES[this.#state.name].length === 0;
    return !isForGood && this.#queue.keep(message, this.#clock.now()) ? "queued" : "dropped";
  }

  /**
   * Something changed for the better (network back, page shown again): connects at once, or checks whether the connection
   * is still alive. An overloaded server is not asked earlier.
   */
  wake(): void {
    if (this.#state.name === "CONNECTED") this.#heartbeat.probe();
    else if (this.#state.name === "RECONNECTING" && this.#state.loss !== "server") this.retry();
  }

  /** A person asks for it: ends the wait, whatever the connection was lost for. This attempt is not counted. */
  retry(): void {
    if (this.#state.name !== "RECONNECTING" || this.#state.retryAt === null) return;
    this.#retries.forgive(this.#state.loss);
    this.#connect({ ...this.#state, retryAt: null });
  }

  /** `state` is the one during the attempt. */
  #connect(state: ConnectionState): void {
    this.#become(state);
    // A listener may have closed it.
    if (this.#state !== state) return;
    const { protocols } = this.#options;
    if (typeof protocols === "function") void this.#ask(protocols);
    else this.#dial(protocols);
  }

  async #ask(protocolsOf: (signal: AbortSignal) => Promise<string[]>): Promise<void> {
    const asking = new AbortController();
    const { signal } = asking;
    const cancel = this.#within(() => this.#drop(new ConnectRefusal("No answer in time.")));
    this.#cancelTimer = () => {
      cancel();
      asking.abort();
    };
    try {
      const protocols = await protocolsOf(signal);
      if (!signal.aborted) this.#dial(protocols);
    } catch (error) {
      if (signal.aborted) return;
      this.#unopened = 0;
      this.#drop(error instanceof ConnectRefusal ? error : new ConnectRefusal(String(error)));
    }
  }

  #dial(protocols: string[] | undefined): void {
    const { WebSocket, url, silentForMs } = this.#options;
    const offered = protocols && [...protocols, ...(this.#protocol.offers?.() ?? [])];
    const byMessage = this.#isByMessage ? this.#protocol.byMessage : undefined;
    const socket: Socket = byMessage ? new WebSocket(byMessage.url(url)) : new WebSocket(url, offered);
    socket.binaryType = "arraybuffer";
    this.#hasOpened = false;
    const giveUp = () => this.#lost(socket, NO_CLOSE_FRAME);
    // Each listener checks whether its socket is still the one in use: a given-up socket may speak up later.
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return;
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.later(giveUp, silentForMs);
      this.#hasOpened = true;
      this.#unopened = 0;
      const hello = byMessage ? byMessage.hello(offered ?? []) : (this.#protocol.hello?.() ?? null);
      if (hello !== null) this.#write(hello);
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket) this.#receive(socket, event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
    // The close that follows has the reason; without a listener an error ends a Node process.
    socket.addEventListener("error", () => {});
    this.#socket = socket;
    this.#cancelTimer();
    this.#cancelTimer = this.#within(giveUp);
  }

  #within(giveUp: () => void): () => void {
    return this.#clock.later(giveUp, this.#options.connectWithinMs ?? CONNECT_DEADLINE_MS);
  }

  #receive(socket: Socket, data: unknown): void {
    this.#heartbeat.heard();
    if (data instanceof ArrayBuffer) {
      this.#emit("binary", data);
      return;
    }
    const { parse, reply, isReady, isEnd, refusal } = this.#protocol;
    const message = typeof data === "string" ? parse(data) : null;
    if (message === null) return;
    const answer = reply?.(message) ?? null;
    if (answer !== null) this.#write(answer);
    if (isReady(message) && this.#state.name !== "CONNECTED") this.#become({ name: "CONNECTED" });
    if (isEnd?.(message)) this.#isOver = true;
    this.#emit("message", message);
    const code = refusal?.(message) ?? null;
    if (code !== null) this.#lost(socket, code);
  }

  #lost(socket: Socket, code: number): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    terminateSocket(socket);
    const said = this.#hasOpened ? null : this.#notOpened();
    this.#drop(new ConnectRefusal("", { closeCode: code, said }));
  }

  /** The next socket is of the other kind. Returns what listeners are to hear. */
  #notOpened(): In | null {
    const { byMessage, blocked } = this.#protocol;
    if (byMessage === undefined) return null;
    this.#isByMessage = !this.#isByMessage;
    this.#unopened += 1;
    // Once for each outage.
    return this.#unopened === 2 ? (blocked?.() ?? null) : null;
  }

  /** There is no socket, or none any more. */
  #drop({ closeCode: code, said, isFinal, retryAfterMs }: ConnectRefusal): void {
    // A refusal's message is one of this connection's protocol.
    if (said !== null) this.#emit("message", said as In);
    // A listener may have closed it.
    if (MOVES[this.#state.name].length === 0) return;
    this.#become(this.#afterLoss(code, isFinal, retryAfterMs));
  }

  #afterLoss(code: number, isFinal: boolean, retryAfterMs: number): ConnectionState {
    const loss = this.#isOver ? "over" : classOf(code);
    if (loss === "over") return { name: "CLOSED", code };
    if (loss === "refused") return { name: "FAILED", code, loss };
    const now = this.#clock.now();
    if (this.#state.name === "CONNECTED" && now - this.#connectedAt >= STEADY_AFTER_MS) this.#retries.clear();
    const next = isFinal ? null : this.#retries.next(loss);
    if (next === null) return { name: "FAILED", code, loss };
    const retryAt = now + Math.max(next.waitMs, retryAfterMs);
    return { name: "RECONNECTING", attempt: next.attempt, retryAt, code, loss };
  }

  /** The one place where the state changes, with everything that goes with it: no timer outlives the state it was for. */
  #become(state: ConnectionState): void {
    const before = this.#state.name;
    if (!MOVES[before].includes(state.name)) throw new Error(`No way from ${before} to ${state.name}.`);
    this.#state = state;
    this.#cancelTimer();
    this.#heartbeat.stop();
    if (state.name === "CONNECTED") this.#arrive();
    else if (state.name === "RECONNECTING" && state.retryAt !== null) {
      this.#cancelTimer = this.#clock.later(
        () => this.#connect({ ...state, retryAt: null }),
        Math.max(0, state.retryAt - this.#clock.now()),
      );
    } else if (MOVES[state.name].length === 0) {
      if (this.#socket) closeSocket(this.#socket, this.#clock);
      this.#socket = null;
      this.#queue.clear();
    }
    this.#emit("state", state);
  }

  /** Queued messages go out before any new one. */
  #arrive(): void {
    this.#connectedAt = this.#clock.now();
    this.#heartbeat.start();
    const greeting = this.#protocol.greeting?.() ?? null;
    if (greeting !== null) this.#write(greeting);
    for (const message of this.#queue.take(this.#connectedAt)) this.#write(message);
  }

  #write(message: Out): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.#queue.sent(message, this.#clock.now());
    return true;
  }

  /** A listener that throws is reported, and harms neither the connection nor the other listeners. */
  #emit<E extends keyof ReconnectingSocketEvents<In>>(event: E, value: ReconnectingSocketEvents<In>[E]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** `Protocol.parse` for JSON objects with a `type`; null for anything else. Further fields are the server's promise. */
export function parseTyped<M extends { readonly type: string }>(text: string): M | null {
  try {
    const message: M | null = JSON.parse(text);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}
