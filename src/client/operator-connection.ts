/** The operator socket of a session: what console and server send over it. The console runs it, and the SDK exports it. */
import type { ClientFeature, ClientMessageInput } from "../protocol/live.ts";
import { BY_MESSAGE, PROTOCOLS_QUERY } from "../protocol/protocols-by-message.ts";
import { OperatorResendQueue, type StampedMessage } from "./operator-resend-queue.ts";
import {
  type ByMessage,
  type Protocol,
  parseTyped,
  ReconnectingSocket,
  type ReconnectingSocketEvents,
  type ReconnectingSocketOptions,
} from "./reconnecting-socket.ts";
import { type Destination, socketAt, type TicketSource } from "./session-address.ts";
import { TICKET_PROTOCOL_PREFIX } from "./ticket.ts";

export type { ConnectionState } from "./reconnecting-socket.ts";

/** Pictures as binary messages; a server that cannot answers with the JSON form. */
export const BINARY_PROTOCOL = "captcha.binary.v1";
export const JSON_PROTOCOL = "captcha.json.v1";
/** [W63] As `BINARY_PROTOCOL`, and of a picture that has changed in a part only that part. Only for who offers it. */
export const DAMAGE_PROTOCOL = "captcha.binary.v2";
/** A name follows, so that the server knows a new socket for one of the same client [W31]. */
const CLIENT_PROTOCOL_PREFIX = "captcha.client.";
/** A mode and a scale follow. */
const VIEW_PROTOCOL_PREFIX = "captcha.view.";

const ENDS: ReadonlySet<string> = new Set(["solved", "failed", "expired", "cancelled"]);

/** A `message` may be of a type that a newer server has added; a `binary` is a picture, for `decodeFrame`. */
export type ConnectionEvents = ReconnectingSocketEvents<StampedMessage>;

export interface OperatorOptions extends Omit<ReconnectingSocketOptions, "url" | "protocols"> {
  /** Left out: binary pictures, else JSON. */
  readonly protocols?: string[];
  /** What this client can do for its person [W40]; left out: pictures and input alone. */
  readonly features?: readonly ClientFeature[];
  /** Asks for tickets. */
  readonly fetch?: typeof globalThis.fetch;
}

export type ConnectionOptions = OperatorOptions & Destination;

/** [W59] */
const BY_FIRST_MESSAGE: ByMessage<ClientMessageInput> = {
  url(address) {
    const url = new URL(address);
    url.searchParams.set(PROTOCOLS_QUERY, BY_MESSAGE);
    return url.href;
  },
  hello: (offered) => ({ type: "authenticate", protocols: [...offered] }),
};

/** The server has answered over HTTP, and no socket opens: the person hears why nothing comes. */
const BLOCKED: StampedMessage = {
  type: "error",
  code: "sockets_blocked",
  message: "The server answers, but no WebSocket gets through to it.",
  details: null,
};

const OPERATOR_PROTOCOL: Protocol<ClientMessageInput, StampedMessage> = {
  parse: parseTyped,
  ping: () => ({ type: "ping" }),
  reply: (message) => (message.type === "ping" ? { type: "pong" } : null),
  // Only a session that answers is a connection.
  isReady: (message) => message.type === "session_info",
  isEnd: (message) => message.type === "completed" || (message.type === "session_state" && ENDS.has(message.state)),
};

/**
 * What `send` keeps while the connection is down goes out after the next `session_info`: text in its order, moves not, a
 * press only while it is fresh. Messages that a lost socket may not have carried go out first; the server handles each
 * once [W30].
 */
export class OperatorConnection extends ReconnectingSocket<ClientMessageInput, StampedMessage> {
  readonly #resendQueue: OperatorResendQueue;
  readonly #view: LastView;

  /** TypeError without any WebSocket, and for an address or a link that is none. */
  constructor(options: ConnectionOptions) {
    const { url, ticket } = socketAt(options, options.fetch);
    const formats = options.protocols ?? [BINARY_PROTOCOL, JSON_PROTOCOL];
    const resendQueue = new OperatorResendQueue(options.mostQueued);
    const view = new LastView();
    const { features = [] } = options;
    let isAnnounced = ticket === undefined;
    let hasTicket = false;
    const withTicket = (source: TicketSource) => async (signal: AbortSignal) => {
      const one = await source(signal);
      hasTicket = one !== null;
      isAnnounced = hasTicket;
      return one === null ? formats : [...formats, TICKET_PROTOCOL_PREFIX + one];
    };
    const protocol: Protocol<ClientMessageInput, StampedMessage> = {
      ...OPERATOR_PROTOCOL,
      parse: (text) => {
        const message = parseTyped<StampedMessage>(text);
        return message && resendQueue.heard(message);
      },
      offers: () => [CLIENT_PROTOCOL_PREFIX + resendQueue.client, ...view.offers],
      byMessage: BY_FIRST_MESSAGE,
      // Without a ticket nobody knows whether the server can be reached at all.
      blocked: () => (hasTicket ? BLOCKED : null),
      // Without a ticket the session's id has to do. A server that wants more says so to the first message; without any
      // it would wait a while for a token [W27].
      greeting: () => (features.length === 0 ? null : { type: "features", features: [...features] }),
      hello: () => (isAnnounced ? null : OPERATOR_PROTOCOL.ping()),
    };
    const protocols = ticket === undefined ? formats : withTicket(ticket);
    super(protocol, { ...options, url, protocols }, resendQueue);
    this.#resendQueue = resendQueue;
    this.#view = view;
  }

  override send(message: ClientMessageInput): "sent" | "queued" | "dropped" {
    if (message.type === "view") this.#view.request(message);
    return super.send(this.#resendQueue.stamp(message));
  }
}

/** The newest `view` message: each further socket offers it, so that its first picture is of that view [W14]. */
class LastView {
  #request: { readonly mode: string; readonly scale: number } | null = null;

  /** A value that is left out stays as it is. */
  request({
    mode = this.#request?.mode ?? "challenge",
    scale = this.#request?.scale ?? 1,
  }: {
    readonly mode?: string | undefined;
    readonly scale?: number | undefined;
  }): void {
    // A WebSocket throws for a subprotocol whose name is not valid.
    if (mode === "challenge" || mode === "page") this.#request = { mode, scale };
  }

  get offers(): string[] {
    return this.#request === null ? [] : [`${VIEW_PROTOCOL_PREFIX}${this.#request.mode}-${this.#request.scale}`];
  }
}
