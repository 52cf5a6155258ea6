// A WebSocket that comes back: six states, waits by class of loss, a heartbeat, and a queue for what is said meanwhile.
// What is said on it is a protocol's matter. No DOM in here, browsers and Node alike.

import { Heartbeat, SYSTEM_CLOCK } from "./heartbeat.js";
import { Queue } from "./queue.js";
import { classOf, MOVES, NO_CLOSE_FRAME, profileWith, waitBefore } from "./reconnect.js";
import { cut, leave } from "./socket.js";

/** @import { Clock } from "./heartbeat.js" */
/** @import { LossClass, RetryRule } from "./reconnect.js" */
/** @import { Socket } from "./socket.js" */

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
 * @typedef {{ name: "DISCONNECTED" } | { name: "CONNECTING" } | { name: "CONNECTED" }
 *   | { name: "RECONNECTING", attempt: number, retryAt: number | null, code: number, loss: LossClass }
 *   | { name: "FAILED", code: number, loss: LossClass | "refused" }
 *   | { name: "CLOSED", code: number }} ConnectionState `attempt` counts from 1; `retryAt` in ms since 1970, null while
 *   that try is under way; `code` is the WebSocket close code of what was lost
 */

/**
 * What is said on a line: all that tells one server from another. Messages are text; they go out as JSON.
 * @template Out
 * @template In
 * @typedef {object} Protocol
 * @property {(text: string) => In | null} parse null: not a message of this protocol
 * @property {() => Out} ping asks for a sign of life; any message is one
 * @property {(message: In) => boolean} isReady only a server that says this is a connection
 * @property {() => Out} [hello] said first on every new line, before it is ready
 * @property {(message: In) => Out | null} [reply] what is said at once to a message, as to the other side's ping
 * @property {(message: In) => number | null} [refusal] the close code that a message stands for: the line is lost with it
 * @property {(message: In) => boolean} [isEnd] whatever code the line closes with afterwards, there is nothing to come back to
 */

/**
 * @template In
 * @typedef {object} LineEvents
 * @property {ConnectionState} state each change
 * @property {In} message
 * @property {ArrayBuffer} binary
 */

/**
 * What is kept while the line is away; `Queue`, where none is given.
 * @template Out
 * @typedef {Pick<Queue<Out>, "size" | "keep" | "take" | "sent" | "clear">} Kept
 */

/**
 * @typedef {object} LineOptions
 * @property {string} url where the WebSocket server is
 * @property {"bot" | "operator"} [profile] how it is tried again; `operator` when left out
 * @property {Partial<Record<LossClass, Partial<RetryRule>>>} [retries] numbers of the profile that are to be others
 * @property {string[]} [protocols] subprotocols to offer
 * @property {new (url: string, protocols?: string[]) => Socket} [WebSocket] for Node 20, which has none: that of the package `ws`
 * @property {number} [pingEveryMs]
 * @property {number} [silentForMs] more than `pingEveryMs`
 * @property {number} [connectWithinMs]
 * @property {number} [mostQueued] messages kept while away
 * @property {() => number} [random] 0 to 1
 * @property {Clock} [clock]
 */

/**
 * Begins with `open`, ends with `close`; a line that has failed or closed is over, a new try is a new line.
 * @template Out
 * @template In
 */
export class Line {
  #protocol;
  #options;
  #profile;
  #clock;
  /** @type {Kept<Out>} */
  #outbox;
  /** @type {{ [E in keyof LineEvents<In>]: Set<(value: LineEvents<In>[E]) => void> }} */
  #listeners = { state: new Set(), message: new Set(), binary: new Set() };
  /** @type {ConnectionState} */
  #state = { name: "DISCONNECTED" };
  /** @type {Socket | null} */
  #socket = null;
  /** The wait for the next try, or the deadline of the one under way. */
  #cancelTimer = () => {};
  #heartbeat;
  /** Tries in a row, by what they were for. @type {Map<LossClass, number>} */
  #tries = new Map();
  #connectedAt = 0;
  /** The server has told the end: whatever code the line closes with, there is nothing to come back to. */
  #isOver = false;

  /**
   * @param {Protocol<Out, In>} protocol
   * @param {LineOptions} options TypeError without any WebSocket
   * @param {Kept<Out>} [outbox]
   */
  constructor(protocol, options, outbox = new Queue(options.mostQueued)) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined)
      throw new TypeError("No WebSocket here: give one as options.WebSocket, e.g. that of ws.");
    this.#protocol = protocol;
    this.#options = { pingEveryMs: PING_EVERY_MS, silentForMs: SILENT_FOR_MS, ...options, WebSocket };
    this.#profile = profileWith(options.profile ?? "operator", options.retries);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#outbox = outbox;
    this.#heartbeat = new Heartbeat({
      clock: this.#clock,
      everyMs: this.#options.pingEveryMs,
      silentForMs: this.#options.silentForMs,
      ping: () => this.#write(protocol.ping()),
      onSilence: () => this.#socket !== null && this.#lost(this.#socket, NO_CLOSE_FRAME),
    });
  }

  get state() {
    return this.#state;
  }

  /** Messages that wait for the line. */
  get queued() {
    return this.#outbox.size;
  }

  /**
   * @template {keyof LineEvents<In>} E
   * @param {E} event
   * @param {(value: LineEvents<In>[E]) => void} listener
   * @returns {() => void} takes the listener away
   */
  on(event, listener) {
    const listeners = /** @type {Set<(value: LineEvents<In>[E]) => void>} */ (this.#listeners[event]);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  open() {
    if (this.#state.name === "DISCONNECTED") this.#connect({ name: "CONNECTING" });
  }

  /** For good: no further try, and nothing that waited is sent. */
  close() {
    if (MOVES[this.#state.name].includes("CLOSED")) this.#become({ name: "CLOSED", code: CLOSE_NORMAL });
  }

  /**
   * Sends at once, or keeps it for the next time that the line is ready.
   * @param {Out} message
   * @returns {"sent" | "queued" | "dropped"}
   */
  send(message) {
    if (this.#state.name === "CONNECTED" && this.#write(message)) return "sent";
    const isForGood = MOVES[this.#state.name].length === 0;
    return !isForGood && this.#outbox.keep(message, this.#clock.now()) ? "queued" : "dropped";
  }

  /**
   * Something changed for the better (network back, page shown again): try at once, or see whether the line still lives.
   * A server that has too much to do is left alone for as long as ever.
   */
  wake() {
    if (this.#state.name === "CONNECTED") this.#heartbeat.probe();
    else if (this.#state.name === "RECONNECTING" && this.#state.loss !== "server") this.retry();
  }

  /** Somebody asks for it: the wait is over, whatever the line was lost for. A try out of turn is not counted. */
  retry() {
    if (this.#state.name !== "RECONNECTING" || this.#state.retryAt === null) return;
    this.#tries.set(this.#state.loss, (this.#tries.get(this.#state.loss) ?? 1) - 1);
    this.#connect({ ...this.#state, retryAt: null });
  }

  /** @param {ConnectionState} state while it is tried */
  #connect(state) {
    const { WebSocket, url, protocols, connectWithinMs, silentForMs } = this.#options;
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    const giveUp = () => this.#lost(socket, NO_CLOSE_FRAME);
    // Each listener asks whether its socket is still the one in use: a given-up socket may speak up later.
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return;
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.later(giveUp, silentForMs);
      if (this.#protocol.hello) this.#write(this.#protocol.hello());
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket) this.#receive(socket, event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
    // The close that follows says it all; unheard, an error ends a Node process.
    socket.addEventListener("error", () => {});
    this.#socket = socket;
    this.#become(state);
    // A listener may have closed it.
    if (this.#socket === socket) this.#cancelTimer = this.#clock.later(giveUp, connectWithinMs ?? CONNECT_DEADLINE_MS);
  }

  /** @param {Socket} socket @param {unknown} data */
  #receive(socket, data) {
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

  /** @param {Socket} socket @param {number} code */
  #lost(socket, code) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    cut(socket);
    const loss = this.#isOver ? "over" : classOf(code);
    if (loss === "over") return this.#become({ name: "CLOSED", code });
    if (loss === "refused") return this.#become({ name: "FAILED", code, loss });
    const now = this.#clock.now();
    if (this.#state.name === "CONNECTED" && now - this.#connectedAt >= STEADY_AFTER_MS) this.#tries.clear();
    const rule = this.#profile[loss];
    const tries = (this.#tries.get(loss) ?? 0) + 1;
    if (tries > rule.tries) return this.#become({ name: "FAILED", code, loss });
    this.#tries.set(loss, tries);
    const attempt = [...this.#tries.values()].reduce((sum, count) => sum + count, 0);
    const retryAt = now + waitBefore(rule, tries, this.#options.random);
    this.#become({ name: "RECONNECTING", attempt, retryAt, code, loss });
  }

  /**
   * The one place where the state changes, with everything that goes with it: no timer outlives the state it was for.
   * @param {ConnectionState} state
   */
  #become(state) {
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
      if (this.#socket) leave(this.#socket, this.#clock);
      this.#socket = null;
      this.#outbox.clear();
    }
    this.#emit("state", state);
  }

  /** What waited goes out before anybody can say something new. */
  #arrive() {
    this.#connectedAt = this.#clock.now();
    this.#heartbeat.start();
    for (const message of this.#outbox.take(this.#connectedAt)) this.#write(message);
  }

  /** @param {Out} message @returns {boolean} */
  #write(message) {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.#outbox.sent(message);
    return true;
  }

  /** A listener that throws is heard of, and harms neither the line nor the other listeners.
   * @template {keyof LineEvents<In>} E @param {E} event @param {LineEvents<In>[E]} value */
  #emit(event, value) {
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
