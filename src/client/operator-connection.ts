// The operator socket: the line to a session, with what the console and the server say on it. The console runs it, and
// the SDK exports it.
import type { ClientMessageInput } from "../protocol/live.ts";
import { OperatorResendQueue, type StampedMessage } from "./operator-resend-queue.ts";
import {
  type Protocol,
  parseTyped,
  ReconnectingSocket,
  type ReconnectingSocketEvents,
  type ReconnectingSocketOptions,
} from "./reconnecting-socket.ts";
import { type Destination, socketAt, type TicketSource } from "./session-address.ts";
import { TICKET_PROTOCOL_PREFIX } from "./ticket.ts";

/** @import { ClientMessageInput, ServerMessage } from "../protocol/live.ts" */
/** @import { Destination, TicketSource } from "./session-address.js" */
/** @import { LineEvents, LineOptions, Protocol } from "./reconnecting-socket-types.js" */
export type { ConnectionState } from "./reconnecting-socket.ts";

/** Pictures as binary messages; a server that cannot answers with the JSON form. */
export const BINARY_PROTOCOL = "captcha.binary.v1";
export const JSON_PROTOCOL = "captcha.json.v1";
/** What follows is a name, so that the server knows a new line for one of the same client [W31]. */
const CLIENT_PROTOCOL_PREFIX = "captcha.client.";
/** What follows is a mode and a scale. */
const VIEW_PROTOCOL_PREFIX = "captcha.view.";

const ENDS: ReadonlySet<string> = new Set(["solved", "failed", "expired", "cancelled"]);

/** @typedef {import("./reconnecting-socket-types.js").ConnectionState} ConnectionState */
/** @typedef {{ timestamp?: number, reply_to?: string | number }} Stamped `timestamp` on the server's clock, ms since 1970 */
/** @typedef {LineEvents<ServerMessage & Stamped>} ConnectionEvents a `message` may be of a type that a newer server has added; a `binary` is a picture, for `decodeFrame` */
/** @typedef {Omit<LineOptions, "url" | "protocols"> & { protocols?: string[], fetch?: typeof globalThis.fetch }} OperatorOptions
 *   `protocols` left out: binary pictures, else JSON; `fetch` asks for tickets */
/** @typedef {OperatorOptions & Destination} ConnectionOptions */
export type ConnectionEvents = ReconnectingSocketEvents<StampedMessage>;

/** @type {Protocol<ClientMessageInput, ServerMessage & Stamped>} */
export interface OperatorOptions extends Omit<ReconnectingSocketOptions, "url" | "protocols"> {
  readonly protocols?: string[];
  readonly fetch?: typeof globalThis.fetch;
}

export type ConnectionOptions = OperatorOptions & Destination;

const OPERATOR_PROTOCOL: Protocol<ClientMessageInput, StampedMessage> = {
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
export class OperatorConnection extends ReconnectingSocket<ClientMessageInput, StampedMessage> {
  readonly #resendQueue: OperatorResendQueue;
  readonly #view: LastView;

  /** @param {ConnectionOptions} options TypeError without any WebSocket, and for an address or a link that is none */
  constructor(options: ConnectionOptions) {
    const { url, ticket } = socketAt(options, options.fetch);
    const formats = options.protocols ?? [BINARY_PROTOCOL, JSON_PROTOCOL];
    const resendQueue = new OperatorResendQueue(options.mostQueued);
    const view = new LastView();
    let isAnnounced = ticket === undefined;
    /** @param {TicketSource} source @returns {(signal: AbortSignal) => Promise<string[]>} */
    const withTicket = (source: TicketSource) => async (signal: AbortSignal) => {
      const one = await source(signal);
      isAnnounced = one !== null;
      return one === null ? formats : [...formats, TICKET_PROTOCOL_PREFIX + one];
    };
    /** @type {Protocol<ClientMessageInput, ServerMessage & Stamped>} */
    const protocol: Protocol<ClientMessageInput, StampedMessage> = {
      ...OPERATOR_PROTOCOL,
      parse: (text) => {
        const message = parseTyped<StampedMessage>(text);
        return message && resendQueue.heard(message);
      },
      offers: () => [CLIENT_PROTOCOL_PREFIX + resendQueue.client, ...view.offers],
      // Without a ticket the session's id has to do. A server that wants more says so to the first message; without any
      // it would wait a while for a token [W27].
      hello: () => (isAnnounced ? null : OPERATOR_PROTOCOL.ping()),
    };
    const protocols = ticket === undefined ? formats : withTicket(ticket);
    super(protocol, { ...options, url, protocols }, resendQueue);
    this.#resendQueue = resendQueue;
    this.#view = view;
  }

  /** @override @param {ClientMessageInput} message */
  override send(message: ClientMessageInput): "sent" | "queued" | "dropped" {
    if (message.type === "view") this.#view.request(message);
    return super.send(this.#resendQueue.stamp(message));
  }
}

/** What was asked to be seen last: each further socket offers it, so that its first picture is of that [W14]. */
class LastView {
  /** @type {{ mode: string, scale: number } | null} */
  #request: { readonly mode: string; readonly scale: number } | null = null;

  /** @param {{ mode?: string | undefined, scale?: number | undefined }} wish what is left out stays as it is */
  // A WebSocket throws for a name that is none.
  request({
    mode = this.#request?.mode ?? "challenge",
    scale = this.#request?.scale ?? 1,
  }: {
    readonly mode?: string | undefined;
    readonly scale?: number | undefined;
  }): void {
    if (mode === "challenge" || mode === "page") this.#request = { mode, scale };
  }

  get offers(): string[] {
    return this.#request === null ? [] : [`${VIEW_PROTOCOL_PREFIX}${this.#request.mode}-${this.#request.scale}`];
  }
}
