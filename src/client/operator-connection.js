// The operator socket: the line to a session, with what the console and the server say on it. The console runs it, and
// the SDK exports it.

import { Outbox } from "./operator-resend-queue.js";
import { Line, parseTyped } from "./reconnecting-socket.js";
import { socketAt } from "./session-address.js";
import { TICKET_PROTOCOL_PREFIX } from "./ticket.js";

/** @import { ClientMessageInput, ServerMessage } from "../protocol/live.ts" */
/** @import { Destination, TicketSource } from "./session-address.js" */
/** @import { LineEvents, LineOptions, Protocol } from "./reconnecting-socket-types.js" */

/** Pictures as binary messages; a server that cannot answers with the JSON form. */
export const BINARY_PROTOCOL = "captcha.binary.v1";
export const JSON_PROTOCOL = "captcha.json.v1";
/** What follows is a name, so that the server knows a new line for one of the same client [W31]. */
const CLIENT_PROTOCOL_PREFIX = "captcha.client.";
/** What follows is a mode and a scale. */
const VIEW_PROTOCOL_PREFIX = "captcha.view.";

const ENDS = new Set(["solved", "failed", "expired", "cancelled"]);

/** @typedef {import("./reconnecting-socket-types.js").ConnectionState} ConnectionState */
/** @typedef {{ timestamp?: number, reply_to?: string | number }} Stamped `timestamp` on the server's clock, ms since 1970 */
/** @typedef {LineEvents<ServerMessage & Stamped>} ConnectionEvents a `message` may be of a type that a newer server has added; a `binary` is a picture, for `decodeFrame` */
/** @typedef {Omit<LineOptions, "url" | "protocols"> & { protocols?: string[], fetch?: typeof globalThis.fetch }} OperatorOptions
 *   `protocols` left out: binary pictures, else JSON; `fetch` asks for tickets */
/** @typedef {OperatorOptions & Destination} ConnectionOptions */

/** @type {Protocol<ClientMessageInput, ServerMessage & Stamped>} */
const OPERATOR_PROTOCOL = {
  parse: parseTyped,
  ping: () => ({ type: "ping" }),
  reply: (message) => (message.type === "ping" ? { type: "pong" } : null),
  // Only a session that answers is a connection.
  isReady: (message) => message.type === "session_info",
  isEnd: (message) => message.type === "completed" || (message.type === "session_state" && ENDS.has(message.state)),
};

/**
 * What `send` keeps while the line is away goes out after the next `session_info`: words in their order, moves not, a
 * press only while it is fresh. What a lost line may not have carried is said again before it, and done once [W30].
 * @extends {Line<ClientMessageInput, ServerMessage & Stamped>}
 */
export class OperatorConnection extends Line {
  #outbox;
  #view;

  /** @param {ConnectionOptions} options TypeError without any WebSocket, and for an address or a link that is none */
  constructor(options) {
    const { url, ticket } = socketAt(options, options.fetch);
    const forms = options.protocols ?? [BINARY_PROTOCOL, JSON_PROTOCOL];
    const outbox = new Outbox(options.mostQueued);
    const view = new LastView();
    let isAnnounced = ticket === undefined;
    /** @param {TicketSource} source @returns {(signal: AbortSignal) => Promise<string[]>} */
    const withTicket = (source) => async (signal) => {
      const one = await source(signal);
      isAnnounced = one !== null;
      return one === null ? forms : [...forms, TICKET_PROTOCOL_PREFIX + one];
    };
    /** @type {Protocol<ClientMessageInput, ServerMessage & Stamped>} */
    const protocol = {
      ...OPERATOR_PROTOCOL,
      parse: (text) => {
        const message = parseTyped(text);
        return message && outbox.heard(message);
      },
      offers: () => [CLIENT_PROTOCOL_PREFIX + outbox.client, ...view.offers],
      // Without a ticket the session's id has to do. A server that wants more says so to the first message; without any
      // it would wait a while for a token [W27].
      hello: () => (isAnnounced ? null : OPERATOR_PROTOCOL.ping()),
    };
    const protocols = ticket === undefined ? forms : withTicket(ticket);
    super(protocol, { ...options, url, protocols }, outbox);
    this.#outbox = outbox;
    this.#view = view;
  }

  /** @override @param {ClientMessageInput} message */
  send(message) {
    if (message.type === "view") this.#view.wished(message);
    return super.send(this.#outbox.stamp(message));
  }
}

/** What was asked to be seen last: each further socket offers it, so that its first picture is of that [W14]. */
class LastView {
  /** @type {{ mode: string, scale: number } | null} */
  #wish = null;

  /** @param {{ mode?: string | undefined, scale?: number | undefined }} wish what is left out stays as it is */
  wished({ mode = this.#wish?.mode ?? "challenge", scale = this.#wish?.scale ?? 1 }) {
    // A WebSocket throws for a name that is none.
    if (mode === "challenge" || mode === "page") this.#wish = { mode, scale };
  }

  get offers() {
    return this.#wish === null ? [] : [`${VIEW_PROTOCOL_PREFIX}${this.#wish.mode}-${this.#wish.scale}`];
  }
}
