// A WebSocket that comes back: six states, waits by class of loss, a heartbeat, and a queue for what is said meanwhile.
// What is said on it is a protocol's matter. No DOM in here, browsers and Node alike.
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
/** A line without any message for so long is broken, whatever the system says of it. */
export const SILENT_FOR_MS = 30_000;
/** A handshake that takes longer than this is given up: some networks swallow packets without a word. */
const CONNECT_DEADLINE_MS = 10_000;
/** A server that lets everybody in and throws them out again must not be hammered: earlier losses count on until then. */
export const STEADY_AFTER_MS = 5_000;
/** Told of a line that this side closed. */
const CLOSE_NORMAL = 1000;
/** `WebSocket.OPEN`, without asking for the class. */
const OPEN = 1;

/**
 * Begins with `open`, ends with `close`; a line that has failed or closed is over, a new try is a new line.
 */
/** The wait for the next try, or the deadline of the one under way. */
export type ConnectionState =
  | { name: "DISCONNECTED" }
  | { name: "CONNECTING" }
  | { name: "CONNECTED" }
  | { name: "RECONNECTING"; attempt: number; retryAt: number | null; code: number; loss: LossClass }
  | { name: "FAILED"; code: number; loss: LossClass | "refused" }
  | { name: "CLOSED"; code: number };

export interface Protocol<Out, In> {
  readonly parse: (text: string) => In | null;
  readonly ping: () => Out;
  readonly isReady: (message: In) => boolean;
  readonly offers?: () => string[];
  readonly hello?: () => Out | null;
  readonly reply?: (message: In) => Out | null;
  readonly refusal?: (message: In) => number | null;
  readonly isEnd?: (message: In) => boolean;
}

export interface ReconnectingSocketEvents<In> {
  state: ConnectionState;
  message: In;
  binary: ArrayBuffer;
}

export interface ReconnectingSocketOptions {
  readonly url: string;
  readonly profile?: "bot" | "operator";
  readonly retries?: Partial<Record<LossClass, Partial<RetryRule>>>;
  readonly protocols?: string[] | ((signal: AbortSignal) => Promise<string[]>);
  readonly WebSocket?: new (url: string, protocols?: string[]) => SocketLike;
  readonly pingEveryMs?: number;
  readonly silentForMs?: number;
  readonly connectWithinMs?: number;
  readonly mostQueued?: number;
  readonly random?: () => number;
  readonly clock?: Clock;
}

type Listeners<In> = {
  readonly [E in keyof ReconnectingSocketEvents<In>]: Set<(value: ReconnectingSocketEvents<In>[E]) => void>;
};

export class ReconnectingSocket<Out, In> {
  readonly #protocol: Protocol<Out, In>;
  readonly #options;
  readonly #retries: Retries;
  readonly #clock: Clock;
  readonly #queue: OutgoingQueue<Out>;
  readonly #listeners: Listeners<In> = { state: new Set(), message: new Set(), binary: new Set() };
  #state: ConnectionState = { name: "DISCONNECTED" };
  #socket: Socket | null = null;
  #cancelTimer = (): void => {};
  readonly #heartbeat: Heartbeat;
  #connectedAt = 0;
  /** The server has told the end: whatever code the line closes with, there is nothing to come back to. */
  #isOver = false;

  /**
   * @param {Protocol<Out, In>} protocol
   * @param {LineOptions} options TypeError without any WebSocket
   * @param {Kept<Out>} [outbox]
   */
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

  /** Messages that wait for the line. */
  get queued(): number {
    return this.#queue.size;
  }

  /**
   * @param {E} event
   * @param {(value: LineEvents<In>[E]) => void} listener
   * @returns {() => void} takes the listener away
   */
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

  /** For good: no further try, and nothing that waited is sent. */
  close(): void {
    if (MOVES[this.#state.name].includes("CLOSED")) this.#become({ name: "CLOSED", code: CLOSE_NORMAL });
  }

  /**
   * Sends at once, or keeps it for the next time that the line is ready.
   * @param {Out} message
   * @returns {"sent" | "queued" | "dropped"}
   */
  send(message: Out): "sent" | "queued" | "dropped" {
    if (this.#state.name === "CONNECTED" && this.#write(message)) return "sent";
    const isForGood = MOVES[this.#state.name].length === 0;
    return !isForGood && this.#queue.keep(message, this.#clock.now()) ? "queued" : "dropped";
  }

  /**
   * Something changed for the better (network back, page shown again): try at once, or see whether the line still lives.
   * A server that has too much to do is left alone for as long as ever.
   */
  wake(): void {
    if (this.#state.name === "CONNECTED") this.#heartbeat.probe();
    else if (this.#state.name === "RECONNECTING" && this.#state.loss !== "server") this.retry();
  }

  /** Somebody asks for it: the wait is over, whatever the line was lost for. A try out of turn is not counted. */
  retry(): void {
    if (this.#state.name !== "RECONNECTING" || this.#state.retryAt === null) return;
    this.#retries.forgive(this.#state.loss);
    this.#connect({ ...this.#state, retryAt: null });
  }

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
      if (!signal.aborted) this.#drop(error instanceof ConnectRefusal ? error : new ConnectRefusal(String(error)));
    }
  }

  #dial(protocols: string[] | undefined): void {
    const { WebSocket, url, silentForMs } = this.#options;
    const offered = protocols && [...protocols, ...(this.#protocol.offers?.() ?? [])];
    const socket: Socket = new WebSocket(url, offered);
    socket.binaryType = "arraybuffer";
    const giveUp = () => this.#lost(socket, NO_CLOSE_FRAME);
    // Each listener asks whether its socket is still the one in use: a given-up socket may speak up later.
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return;
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.later(giveUp, silentForMs);
      const hello = this.#protocol.hello?.() ?? null;
      if (hello !== null) this.#write(hello);
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket) this.#receive(socket, event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
    // The close that follows says it all; unheard, an error ends a Node process.
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
    this.#drop(new ConnectRefusal("", { closeCode: code }));
  }

  /** There is no socket, or none any more. @param {Refusal} refusal */
  #drop({ closeCode: code, said, isFinal, retryAfterMs }: ConnectRefusal): void {
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

  /**
   * The one place where the state changes, with everything that goes with it: no timer outlives the state it was for.
   * @param {ConnectionState} state
   */
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

  /** What waited goes out before anybody can say something new. */
  #arrive(): void {
    this.#connectedAt = this.#clock.now();
    this.#heartbeat.start();
    for (const message of this.#queue.take(this.#connectedAt)) this.#write(message);
  }

  #write(message: Out): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.#queue.sent(message, this.#clock.now());
    return true;
  }

  /** A listener that throws is heard of, and harms neither the line nor the other listeners.
   * @template {keyof LineEvents<In>} E @param {E} event @param {LineEvents<In>[E]} value */
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

/**
 * JSON that says its type: what comes of a text, of a protocol whose messages do.
 * @param {string} text
 * @returns {any} null where it is none; shapes are the server's promise
 */
export function parseTyped<M extends { readonly type: string }>(text: string): M | null {
  try {
    const message: M | null = JSON.parse(text);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}
