// The operator socket: keeps one WebSocket to a session alive and says what it is doing. No DOM in here: browsers and Node alike.

/** @import { ClientMessage, ServerMessage } from "../src/protocol/live.ts" */

/** Pictures as binary messages; a server that cannot answers with the JSON form. */
export const BINARY_PROTOCOL = "captcha.binary.v1";
export const JSON_PROTOCOL = "captcha.json.v1";

/** Waits grow from about here ... */
const FIRST_WAIT_MS = 1_000;
/** ... to here; each wait is between half of its ceiling and all of it, so that a crowd does not come back at once. */
const LONGEST_WAIT_MS = 10_000;
/** A server that says "full" or "too many" is not asked again sooner. */
const BUSY_WAIT_MS = 8_000;
/** A handshake that takes longer than this is given up: some networks swallow packets without a word. */
const CONNECT_DEADLINE_MS = 10_000;
const PING_EVERY_MS = 15_000;
/** With the ping's own 15 s, a line is called dead after 30 s without any message. */
const PING_PATIENCE_MS = 15_000;
/** After a phone wakes up its socket is often dead without knowing; then the answer has to come sooner. */
const PROBE_PATIENCE_MS = 4_000;
const BEAT_MS = 1_000;

const CLOSE_NORMAL = 1000;
/** The server will say the same thing again however often it is asked: no key, not allowed, unknown, over. */
const FINAL_CLOSE_CODES = new Set([4401, 4403, 4404, 4410]);
/** At capacity, rate-limited. */
const BUSY_CLOSE_CODES = new Set([1013, 4429]);

/**
 * @typedef {{ phase: "idle" }
 *   | { phase: "connecting", attempt: number }
 *   | { phase: "open", attempt: number }
 *   | { phase: "waiting", attempt: number, retryAt: number, code: number }
 *   | { phase: "closed", code: number }} ConnectionState `attempt` 0 is the first try; `retryAt` in ms since 1970
 */

/** @typedef {{ timestamp?: number }} Stamped the server's clock, ms since 1970 */

/**
 * @typedef {object} ConnectionOptions
 * @property {string} url
 * @property {string[]} [protocols]
 * @property {(state: ConnectionState) => void} onState
 * @property {(message: ServerMessage & Stamped) => void} onMessage types that a newer server may add come through here too
 * @property {(data: ArrayBuffer) => void} [onBinary] pictures
 * @property {() => number} [random]
 */

/**
 * How long to wait before a further try.
 * @param {number} attempt 1 for the first try again
 * @param {number} closeCode of the socket that was lost
 * @param {() => number} [random]
 * @returns {number} ms
 */
export function waitBefore(attempt, closeCode, random = Math.random) {
  const grown = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, attempt - 1));
  const wait = (grown / 2) * (1 + random());
  return Math.round(BUSY_CLOSE_CODES.has(closeCode) ? Math.max(BUSY_WAIT_MS * (1 + random() / 2), wait) : wait);
}

export class Connection {
  #options;
  /** @type {ConnectionState} */
  #state = { phase: "idle" };
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #beat;
  #lastPingAt = 0;
  /** When the ping was sent that nothing has answered yet. @type {number | null} */
  #unansweredSince = null;
  #patience = PING_PATIENCE_MS;
  #completed = false;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get state() {
    return this.#state;
  }

  start() {
    if (this.#state.phase === "idle") this.#connect(0);
  }

  /** For good: no further try. */
  stop() {
    if (this.#state.phase !== "closed") this.#become({ phase: "closed", code: CLOSE_NORMAL });
  }

  /**
   * @param {ClientMessage} message
   * @returns {boolean} false when there is no open line; nothing is kept for later, an old press must not arrive late
   */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Something changed for the better (network back, page shown again): try at once, or see whether the line still lives. */
  wake() {
    if (this.#state.phase === "waiting") this.#connect(this.#state.attempt);
    else if (this.#state.phase === "open") this.#ping(PROBE_PATIENCE_MS);
  }

  /** @param {number} attempt */
  #connect(attempt) {
    this.#become({ phase: "connecting", attempt });
    const socket = new WebSocket(this.#options.url, this.#options.protocols ?? [BINARY_PROTOCOL, JSON_PROTOCOL]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket, 1006), CONNECT_DEADLINE_MS);
    // Each listener asks whether its socket is still the one in use: a given-up socket may speak up later.
    socket.addEventListener("open", () => {
      if (this.#socket === socket) this.#become({ phase: "open", attempt });
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket) this.#receive(event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#unansweredSince = null;
    this.#patience = PING_PATIENCE_MS;
    if (data instanceof ArrayBuffer) {
      this.#options.onBinary?.(data);
      return;
    }
    const message = parse(data);
    if (message === null) return;
    if (message.type === "ping") this.send({ type: "pong" });
    // Only a session that answered is a good connection: a server that accepts and closes at once must not be hammered.
    if (message.type === "session_info" && this.#state.phase === "open" && this.#state.attempt > 0) {
      this.#become({ phase: "open", attempt: 0 });
    }
    if (message.type === "completed") this.#completed = true;
    this.#options.onMessage(message);
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (this.#socket !== socket) return;
    if (FINAL_CLOSE_CODES.has(code) || this.#completed) {
      this.#become({ phase: "closed", code });
      return;
    }
    const attempt = (this.#state.phase === "idle" || this.#state.phase === "closed" ? 0 : this.#state.attempt) + 1;
    const wait = waitBefore(attempt, code, this.#options.random);
    this.#become({ phase: "waiting", attempt, retryAt: Date.now() + wait, code });
  }

  /**
   * The one place where the state changes, with everything that goes with it: no timer outlives the state it was for.
   * @param {ConnectionState} state
   */
  #become(state) {
    const before = this.#state.phase;
    this.#state = state;
    clearTimeout(this.#timer);
    if (state.phase === "open" && before !== "open") {
      this.#unansweredSince = null;
      this.#lastPingAt = Date.now();
      this.#beat = setInterval(() => this.#check(), BEAT_MS);
    }
    if (state.phase !== "open") clearInterval(this.#beat);
    if (state.phase === "waiting") {
      this.#timer = setTimeout(() => this.#connect(state.attempt), Math.max(0, state.retryAt - Date.now()));
    }
    if (state.phase === "waiting" || state.phase === "closed") this.#letGo();
    this.#options.onState(state);
  }

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    // Not waited for: a dead line never answers the closing handshake.
    socket?.close(CLOSE_NORMAL);
  }

  /**
   * A hidden tab's timers run once a minute; so not silence alone counts, but silence after a ping.
   */
  #check() {
    const now = Date.now();
    if (this.#unansweredSince !== null && now - this.#unansweredSince >= this.#patience && this.#socket !== null) {
      this.#lost(this.#socket, 1006);
    } else if (now - this.#lastPingAt >= PING_EVERY_MS) {
      this.#ping(this.#patience);
    }
  }

  /** @param {number} patience ms */
  #ping(patience) {
    this.#patience = patience;
    this.#lastPingAt = Date.now();
    this.#unansweredSince ??= this.#lastPingAt;
    this.send({ type: "ping" });
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
