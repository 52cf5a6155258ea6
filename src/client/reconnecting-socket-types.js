// What a line is given and what it tells: its protocol, its options, its states and events. Types only.

/** @import { Clock } from "./heartbeat.js" */
/** @import { Queue } from "./send-queue.js" */
/** @import { LossClass, RetryRule } from "./retry-policy.js" */
/** @import { Socket } from "./close-socket.js" */

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
 * @property {() => string[]} [offers] subprotocols beside those of the options, asked for before each socket
 * @property {() => Out | null} [hello] said first on every new line, before it is ready
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
 * @property {string[] | ((signal: AbortSignal) => Promise<string[]>)} [protocols] subprotocols to offer; those of a
 *   function are asked for before each socket. It may reject with a `Refusal`; anything else counts as a broken network
 * @property {new (url: string, protocols?: string[]) => Socket} [WebSocket] for Node 20, which has none: that of the package `ws`
 * @property {number} [pingEveryMs]
 * @property {number} [silentForMs] more than `pingEveryMs`
 * @property {number} [connectWithinMs] for the handshake, and for `protocols` that are asked for
 * @property {number} [mostQueued] messages kept while away
 * @property {() => number} [random] 0 to 1
 * @property {Clock} [clock]
 */

export {};
