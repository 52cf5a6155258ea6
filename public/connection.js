// The operator socket: keeps one WebSocket to a session alive and says how it stands. The console runs it, and the SDK
// exports it: no DOM in here, browsers and Node alike.

import { Heartbeat, SYSTEM_CLOCK } from "./heartbeat.js";
import { Outbox } from "./outbox.js";
import { classOf, MOVES, NO_CLOSE_FRAME, profileWith, waitBefore } from "./reconnect.js";

/** @import { ClientMessageInput, ServerMessage } from "../src/protocol/live.ts" */
/** @import { Clock } from "./heartbeat.js" */
/** @import { LossClass, RetryRule } from "./reconnect.js" */

/** Pictures as binary messages; a server that cannot answers with the JSON form. */
export const BINARY_PROTOCOL = "captcha.binary.v1";
export const JSON_PROTOCOL = "captcha.json.v1";

export const PING_EVERY_MS = 15_000;
/** A line without any message for so long is broken, whatever the system says of it. */
export const SILENT_FOR_MS = 30_000;
/** A handshake that takes longer than this is given up: some networks swallow packets without a word. */
const CONNECT_DEADLINE_MS = 10_000;
/** A server that lets everybody in and throws them out again must not be hammered: earlier losses count on until then. */
export const STEADY_AFTER_MS = 5_000;
const CLOSE_NORMAL = 1000;
/** `WebSocket.OPEN`, without asking for the class. */
const OPEN = 1;
const ENDS = new Set(["solved", "failed", "expired", "cancelled"]);

/**
 * @typedef {{ name: "DISCONNECTED" } | { name: "CONNECTING" } | { name: "CONNECTED" }
 *   | { name: "RECONNECTING", attempt: number, retryAt: number | null, code: number, loss: LossClass }
 *   | { name: "FAILED", code: number, loss: LossClass | "refused" }
 *   | { name: "CLOSED", code: number }} ConnectionState `attempt` counts from 1; `retryAt` in ms since 1970, null while
 *   that try is under way; `code` is the WebSocket close code of what was lost
 */
/** @typedef {{ timestamp?: number, reply_to?: string | number }} Stamped `timestamp` on the server's clock, ms since 1970 */
/** @typedef {{ binaryType: any, readonly readyState: number, send(data: string): void, close(code?: number): void, terminate?(): void,
 *   addEventListener(type: any, listener: (event: any) => void): void }} Socket */

/**
 * @typedef {object} ConnectionEvents
 * @property {ConnectionState} state each change
 * @property {ServerMessage & Stamped} message types that a newer server may add come through here too
 * @property {ArrayBuffer} binary a picture, for `decodeFrame`
 */

/**
 * @typedef {object} ConnectionOptions
 * @property {string} url `ws_url` of the session
 * @property {"bot" | "operator"} [profile] how it is tried again; `operator` when left out
 * @property {Partial<Record<LossClass, Partial<RetryRule>>>} [retries] numbers of the profile that are to be others
 * @property {string[]} [protocols] binary pictures, else JSON, when left out
 * @property {new (url: string, protocols?: string[]) => Socket} [WebSocket] for Node 20, which has none: that of the package `ws`
 * @property {number} [pingEveryMs]
 * @property {number} [silentForMs] more than `pingEveryMs`
 * @property {number} [connectWithinMs]
 * @property {number} [mostQueued] messages kept while away
 * @property {() => number} [random] 0 to 1
 * @property {Clock} [clock]
 */

export class OperatorConnection {
  #options;
  #profile;
  #clock;
  #outbox;
  /** @type {{ [E in keyof ConnectionEvents]: Set<(value: ConnectionEvents[E]) => void> }} */
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
  /** The server has told the session's end: whatever code the line closes with, there is nothing to come back to. */
  #isOver = false;

  /** @param {ConnectionOptions} options TypeError without any WebSocket */
  constructor(options) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined)
      throw new TypeError("No WebSocket here: give one as options.WebSocket, e.g. that of ws.");
    this.#options = { pingEveryMs: PING_EVERY_MS, silentForMs: SILENT_FOR_MS, ...options, WebSocket };
    this.#profile = profileWith(options.profile ?? "operator", options.retries);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#outbox = new Outbox(options.mostQueued);
    this.#heartbeat = new Heartbeat({
      clock: this.#clock,
      everyMs: this.#options.pingEveryMs,
      silentForMs: this.#options.silentForMs,
      ping: () => this.#write({ type: "ping" }),
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
   * @template {keyof ConnectionEvents} E
   * @param {E} event
   * @param {(value: ConnectionEvents[E]) => void} listener
   * @returns {() => void} takes the listener away
   */
  on(event, listener) {
    const listeners = /** @type {Set<(value: ConnectionEvents[E]) => void>} */ (this.#listeners[event]);
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
   * Sends at once, or keeps it for the time after the next `session_info`: words are kept in their order, moves are not,
   * a press only while it is fresh.
   * @param {ClientMessageInput} message
   * @returns {"sent" | "queued" | "dropped"}
   */
  send(message) {
    if (this.#state.name === "CONNECTED" && this.#write(message)) return "sent";
    const isForGood = MOVES[this.#state.name].length === 0;
    return !isForGood && this.#outbox.keep(message, this.#clock.now()) ? "queued" : "dropped";
  }

  /** Something changed for the better (network back, page shown again): try at once, or see whether the line still lives. */
  wake() {
    if (this.#state.name === "RECONNECTING" && this.#state.retryAt !== null) this.#tryAgain(this.#state);
    else if (this.#state.name === "CONNECTED") this.#heartbeat.probe();
  }

  /** @param {Extract<ConnectionState, { name: "RECONNECTING" }>} state */
  #tryAgain(state) {
    this.#connect({ ...state, retryAt: null });
  }

  /** @param {ConnectionState} state while it is tried */
  #connect(state) {
    const { WebSocket, url, protocols, connectWithinMs, silentForMs } = this.#options;
    const socket = new WebSocket(url, protocols ?? [BINARY_PROTOCOL, JSON_PROTOCOL]);
    socket.binaryType = "arraybuffer";
    const giveUp = () => this.#lost(socket, NO_CLOSE_FRAME);
    // Each listener asks whether its socket is still the one in use: a given-up socket may speak up later.
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return;
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.later(giveUp, silentForMs);
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket) this.#receive(event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
    // The close that follows says it all; unheard, an error ends a Node process.
    socket.addEventListener("error", () => {});
    this.#socket = socket;
    this.#become(state);
    // A listener may have closed it.
    if (this.#socket === socket) this.#cancelTimer = this.#clock.later(giveUp, connectWithinMs ?? CONNECT_DEADLINE_MS);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heartbeat.heard();
    if (data instanceof ArrayBuffer) {
      this.#emit("binary", data);
      return;
    }
    const message = parse(data);
    if (message === null) return;
    if (message.type === "ping") this.#write({ type: "pong" });
    // Only a session that answers is a connection.
    if (message.type === "session_info" && this.#state.name !== "CONNECTED") this.#become({ name: "CONNECTED" });
    if (message.type === "completed" || (message.type === "session_state" && ENDS.has(message.state)))
      this.#isOver = true;
    this.#emit("message", message);
  }

  /** @param {Socket} socket @param {number} code */
  #lost(socket, code) {
    if (this.#socket !== socket) return;
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
      this.#letGo();
      this.#cancelTimer = this.#clock.later(
        () => this.#tryAgain(state),
        Math.max(0, state.retryAt - this.#clock.now()),
      );
    } else if (MOVES[state.name].length === 0) {
      this.#letGo();
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

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    // Not waited for: a dead line never answers the closing handshake.
    socket?.close(CLOSE_NORMAL);
  }

  /** @param {ClientMessageInput} message @returns {boolean} */
  #write(message) {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.#outbox.sent(message);
    return true;
  }

  /** A listener that throws is heard of, and harms neither the line nor the other listeners.
   * @template {keyof ConnectionEvents} E @param {E} event @param {ConnectionEvents[E]} value */
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

/**
 * @param {unknown} data
 * @returns {(ServerMessage & Stamped) | null} shapes are the server's promise; only what every message has is looked at here
 */
function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}
