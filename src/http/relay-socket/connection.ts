/** [W55] One bot's socket: says which relay it carries, and hands its frames on. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { AuditTrail } from "../../audit/trail.ts";
import { type Caller, nameOf, ownerOf } from "../../auth/caller.ts";
import { AppError } from "../../errors.ts";
import { type RelayClientMessage, type RelayHello, relayClientMessageSchema } from "../../protocol/relay.ts";
import { type RelayWelcome, relayName } from "../../protocol/relay-terms.ts";
import type { RelaySeat, RelaySocket, Relays } from "../../session/ports/relays.ts";
import type { AuthenticationResult, Credentials } from "../sockets/authenticate-socket.ts";
import type { OpenSocket, Receiver, SocketRoute } from "../sockets/guarded-socket.ts";
import { OPERATOR_HEARTBEAT } from "../sockets/heartbeat.ts";
import { parseJsonMessage } from "../sockets/parse-message.ts";

const MESSAGE_TYPES = relayClientMessageSchema.options.map(({ shape }) => shape.type.value);
/** A bot that does not read what is sent is on a line that is dead. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Marks the pings that measure the line. */
const PING_DATA = "line";

export interface BotPrincipal {
  readonly caller: Caller;
}

export interface RelayConnectionOptions {
  readonly relays: Relays;
  readonly audit: Pick<AuditTrail, "record">;
  /** How long a bot may take for its `hello`, s. */
  readonly helloSeconds: number;
}

/** Until `hello` or `resume` has come, nothing is carried. */
type Carrying =
  | { readonly kind: "waiting" }
  | { readonly kind: "seated"; readonly seat: RelaySeat }
  | { readonly kind: "refused" };

export class RelayConnection implements SocketRoute<RelayClientMessage, BotPrincipal> {
  readonly name = "relay socket";
  readonly heartbeat = OPERATOR_HEARTBEAT;
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #options: RelayConnectionOptions;
  #carrying: Carrying = { kind: "waiting" };
  /** When the ping was sent that is not answered yet. */
  #pingedAt: number | null = null;

  constructor(socket: WebSocket, request: FastifyRequest, options: RelayConnectionOptions) {
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
  }

  parse(text: string): RelayClientMessage {
    return parseJsonMessage(text, relayClientMessageSchema, MESSAGE_TYPES);
  }

  credentialsOf(message: RelayClientMessage): Credentials | null {
    return message.type === "authenticate" ? { token: message.token } : null;
  }

  sendAuthenticationResult(result: AuthenticationResult): void {
    this.#send({ type: "authentication_result", ...result });
  }

  sendError(error: AppError): void {
    this.#send({ type: "error", ...error.toWire() });
  }

  sendRefusal(error: AppError): void {
    this.sendError(error);
  }

  async open({ caller }: BotPrincipal, socket: OpenSocket): Promise<Receiver<RelayClientMessage>> {
    const late = setTimeout(() => {
      const error = new AppError("relay_violation", { why: "hello comes first" });
      this.sendError(error);
      socket.closeWith(error.code);
    }, this.#options.helloSeconds * 1_000);
    socket.whenClosed(() => clearTimeout(late));
    return (message) => {
      clearTimeout(late);
      this.#begin(message, caller, socket);
    };
  }

  /** The heartbeat's own pings have no data. */
  onPong(data: Buffer): void {
    if (this.#carrying.kind !== "seated" || this.#pingedAt === null || data.toString() !== PING_DATA) return;
    this.#carrying.seat.roundTrip(performance.now() - this.#pingedAt);
    this.#pingedAt = null;
  }

  takeBinary(frame: Buffer): void {
    if (this.#carrying.kind === "seated") this.#carrying.seat.take(frame);
    else if (this.#carrying.kind === "waiting") throw new AppError("relay_violation", { why: "hello comes first" });
  }

  #begin(message: RelayClientMessage, caller: Caller, socket: OpenSocket): void {
    // A server with AUTH=off needs no key, and a bot may show one all the same.
    if (message.type === "authenticate") return;
    if (this.#carrying.kind !== "waiting") throw new AppError("relay_violation", { why: "hello comes once" });
    this.#carrying = { kind: "refused" };
    const { relays } = this.#options;
    const own = this.#relaySocket(socket);
    const seat =
      message.type === "hello" ? this.#lend(message, caller, own) : relays.resume(message, ownerOf(caller), own);
    this.#carrying = { kind: "seated", seat };
    socket.whenClosed(() => seat.left());
    this.#send(seat.welcome);
    seat.begin();
    const { client } = message.type === "hello" ? message : { client: undefined };
    this.#request.log.info({ relay_client: client, resumed: message.type === "resume" }, "a relay has a line");
  }

  #lend(hello: RelayHello, caller: Caller, own: RelaySocket): RelaySeat {
    const { relays, audit } = this.#options;
    const who = nameOf(caller);
    const seat = relays.begin(
      hello,
      {
        owner: ownerOf(caller),
        onEnd: (reason) => audit.record({ who, address: null, action: "relay.close", detail: { relay, reason } }),
      },
      own,
    );
    const relay = relayName(seat.welcome.relay);
    audit.record({ who, address: this.#request.ip, action: "relay.open", detail: { relay } });
    return seat;
  }

  #relaySocket(socket: OpenSocket): RelaySocket {
    return {
      send: (frame, isDense) => {
        this.#socket.send(frame, { binary: true, compress: !isDense });
        if (this.#socket.bufferedAmount > MAX_UNREAD_BYTES) socket.cutOff();
      },
      ping: () => {
        if (this.#pingedAt !== null || this.#socket.readyState !== this.#socket.OPEN) return;
        this.#pingedAt = performance.now();
        this.#socket.ping(PING_DATA);
      },
      close: (code) => {
        if (code === null) this.#socket.close(1000);
        else {
          this.sendError(new AppError(code));
          socket.closeWith(code);
        }
      },
    };
  }

  #send(message: { readonly type: string } | RelayWelcome): void {
    this.#socket.send(JSON.stringify(message));
  }
}
