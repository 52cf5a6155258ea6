/**
 * What every socket of ours goes through before its route gets a message: heartbeat, bounds of size and rate,
 * authentication, messages that come too early, errors, and a close that does not wait for the client for ever.
 */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../../auth/caller.ts";
import type { Config } from "../../config.ts";
import { AppError, type Code, codeEntry, toAppError } from "../../errors.ts";
import { MAX_FIRST_MESSAGE_BYTES } from "../../protocol/live.ts";
import { isInput, isMove } from "../../protocol/moves.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";
import {
  type AuthenticationResult,
  authenticateFirst,
  type Credentials,
  type MessageId,
  type SocketAuthentication,
} from "./authenticate-socket.ts";
import { EarlyMessages } from "./early-messages.ts";
import { BEAT_MS, Heartbeat, type HeartbeatTiming } from "./heartbeat.ts";
import { type MessageBounds, MessageLimits } from "./message-limits.ts";
import { MoveCoalescer } from "./move-coalescer.ts";
import { idOf } from "./parse-message.ts";
import { closeWithin } from "./refuse-socket.ts";

/** How long a socket with too many bytes is not read. */
const READ_PAUSE_MS = 50;

interface SocketMessage {
  readonly type: string;
  readonly id?: MessageId | undefined;
}

/** Acts on one message. An error that it throws is answered with `sendError`. */
export type Receiver<Message> = (message: Message) => void | Promise<void>;

/** As much of the guarded socket as its route uses. */
export interface OpenSocket {
  /** Calls `stop` once, when the socket is closed; at once if it is closed already. */
  whenClosed(stop: () => void): void;
  /** Closes with the code's own close code. `reason` travels in the close frame, at most 123 bytes. */
  closeWith(code: Code, reason?: string): void;
  /** Ends the connection without a close frame. */
  cutOff(): void;
}

/** What is different from route to route. */
export interface SocketRoute<Message extends SocketMessage, Principal> {
  /** For the log. */
  readonly name: string;
  readonly heartbeat: HeartbeatTiming;
  /** The message that this text is. Throws AppError: invalid_message, unknown_type. */
  parse(text: string): Message;
  /** What an `authenticate` message shows; null for every other message. */
  credentialsOf(message: Message): Credentials | null;
  sendAuthenticationResult(result: AuthenticationResult, replyTo: MessageId | undefined): void;
  /** Answers a message that was refused or dropped; the socket stays open, or is closed by what is called next. */
  sendError(error: AppError, replyTo: MessageId | undefined): void;
  /** Sends the error that the socket is closed for. */
  sendRefusal(error: AppError): void;
  /**
   * Called once, when it is known who opened the socket; resolves to what receives its messages. `offered` is what the
   * first message has in place of subprotocols [W59]. Throws: refused.
   */
  open(principal: Principal, socket: OpenSocket, offered: readonly string[] | undefined): Promise<Receiver<Message>>;
  /**
   * Takes a binary message of a socket that is open; left out: the route takes text only. There are bytes, not messages,
   * to bound: a client that sends too many is read more slowly. An error that it throws is answered with `sendError`.
   */
  takeBinary?(data: Buffer): void;
  /** A ping was sent, as the heartbeat is due. */
  onPing?(): void;
  /** A pong came, with the data of the ping that it answers. */
  onPong?(data: Buffer): void;
}

export interface GuardedSocketDeps {
  readonly refusals: RefusalCounter;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes">;
}

/** `refused`: its error was sent and its close has begun. */
type State<Message extends SocketMessage> =
  | { readonly kind: "authenticating" | "opening"; readonly early: EarlyMessages<Message> }
  | { readonly kind: "open"; readonly receive: Receiver<Message> }
  | { readonly kind: "refused" | "closed" };

export class GuardedSocket<Message extends SocketMessage, Principal extends { readonly caller: Caller }>
  implements OpenSocket
{
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #route: SocketRoute<Message, Principal>;
  readonly #deps: GuardedSocketDeps;
  readonly #limits: MessageLimits;
  readonly #moves: MoveCoalescer<Message>;
  readonly #heartbeat: Heartbeat;
  #state: State<Message> = { kind: "authenticating", early: new EarlyMessages() };
  #beats: NodeJS.Timeout | undefined;
  #stops: (() => void)[] = [];

  constructor(
    socket: WebSocket,
    request: FastifyRequest,
    route: SocketRoute<Message, Principal>,
    deps: GuardedSocketDeps,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#route = route;
    this.#deps = deps;
    this.#limits = new MessageLimits(deps.limits);
    this.#moves = new MoveCoalescer(this.#limits, (move) => this.#receive(move));
    this.#heartbeat = new Heartbeat(performance.now(), route.heartbeat);
  }

  /** Attaches every listener before anything is awaited: otherwise the first messages would be lost. */
  start(authentication: SocketAuthentication<Principal>): void {
    const socket = this.#socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#guard(() => this.#onMessage(data, isBinary)));
    socket.on("ping", () => this.#guard(() => this.#onControlFrame()));
    socket.on("pong", (data: Buffer) => this.#guard(() => this.#onPong(data)));
    socket.on("error", (error: Error) => this.#onSocketError(error));
    socket.on("close", () => this.#onClosed());
    this.#beats = setInterval(() => this.#guard(() => this.#beat()), BEAT_MS);
    void this.#open(authentication);
  }

  whenClosed(stop: () => void): void {
    if (this.#state.kind === "closed") stop();
    else this.#stops.push(stop);
  }

  closeWith(code: Code, reason?: string): void {
    this.#deps.refusals.count(code, "socket");
    closeWithin(this.#socket, code, reason);
  }

  cutOff(): void {
    this.#onClosed();
    this.#socket.terminate();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Nothing is sent before it is known who opened the socket [W27]. */
  async #open(authentication: SocketAuthentication<Principal>): Promise<void> {
    if (this.#state.kind !== "authenticating") return;
    const { early } = this.#state;
    let offered: readonly string[] | undefined;
    try {
      const principal = await authentication.authenticate(
        async () => {
          const first = await early.first();
          if (first === null) return null;
          const credentials = this.#route.credentialsOf(first);
          offered = credentials?.protocols;
          return { id: first.id, credentials };
        },
        (result, replyTo) => this.#route.sendAuthenticationResult(result, replyTo),
      );
      // If the client has gone meanwhile, nobody would end what begins now.
      if (!this.#isOpen) return;
      this.#request.caller = principal.caller;
      early.allowMore();
      this.#state = { kind: "opening", early };
      // Before the route opens, which may take a while: the key or link may be revoked meanwhile.
      this.whenClosed(authentication.whenOver(principal.caller, () => this.#refuse(new AppError("unauthorized"))));
      const receive = await this.#route.open(principal, this, offered);
      if (!this.#isOpen) return this.#onClosed();
      this.#state = { kind: "open", receive };
      // All at once, without waiting for each answer: messages that come meanwhile must stay behind them [W24].
      for (const message of early.takeAll()) this.#receive(message);
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#heartbeat.heard(performance.now());
    if (!this.#isOpen) return;
    // A bot's server that has brought its own WebSocket server has its own bound, so ours is checked here.
    const maxBytes =
      this.#state.kind === "authenticating" ? MAX_FIRST_MESSAGE_BYTES : this.#deps.limits.maxMessageBytes;
    if (data.length > maxBytes) this.#refuse(new AppError("payload_too_large"));
    else if (isBinary && this.#route.takeBinary && this.#state.kind === "open") this.#onBinary(data);
    else if (this.#limits.mayRead(data.length)) this.#onText(data.toString("utf8"), isBinary);
    else this.#onExcess();
  }

  /** None may be dropped, as the next would make no sense. */
  #onBinary(data: Buffer): void {
    const isTooMuch = !this.#limits.mayRead(data.length);
    this.#route.takeBinary?.(data);
    if (!isTooMuch || this.#socket.isPaused) return;
    if (this.#limits.exceed() === "close") {
      this.#sendError(new AppError("rate_limited"));
      closeWithin(this.#socket, "rate_limited");
      return;
    }
    this.#socket.pause();
    setTimeout(() => this.#isOpen && this.#socket.resume(), READ_PAUSE_MS);
  }

  #onText(text: string, isBinary: boolean): void {
    let message: Message;
    try {
      if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
      message = this.#route.parse(text);
    } catch (error) {
      if (this.#state.kind === "authenticating") this.#refuse(authenticateFirst());
      else if (this.#limits.mayAct(undefined)) this.#fail(error, isBinary ? undefined : idOf(text));
      else this.#onExcess();
      return;
    }
    if (isMove(message)) {
      this.#moves.add(message);
    } else if (this.#limits.mayAct(message.type)) {
      if (isInput(message)) this.#moves.flush();
      this.#receive(message);
    } else {
      this.#onExcess(message.id);
    }
  }

  #receive(message: Message): void {
    const state = this.#state;
    if (state.kind === "open") void this.#act(state.receive, message);
    else if ("early" in state && !state.early.keep(message)) this.#onExcess(message.id);
  }

  async #act(receive: Receiver<Message>, message: Message): Promise<void> {
    try {
      await receive(message);
    } catch (error) {
      this.#fail(error, message.id);
    }
  }

  /** A message was dropped, as there are too many: answered once a second, and the socket is closed after 10 s of it. */
  #onExcess(replyTo?: MessageId): void {
    const excess = this.#limits.exceed();
    if (excess === "drop") this.#deps.refusals.count("rate_limited", "socket");
    else this.#sendError(new AppError("rate_limited"), replyTo);
    if (excess === "close") closeWithin(this.#socket, "rate_limited");
  }

  /** A throw inside a listener would end the process. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown, replyTo?: MessageId): void {
    const known = toAppError(error);
    if (known.code === "rate_limited") {
      // A browser that is behind takes no more input: the same to the client as if it were too fast itself.
      this.#onExcess(replyTo);
      return;
    }
    if (known.code === "internal") this.#request.log.error({ err: error }, `${this.#route.name} message failed`);
    this.#sendError(known, replyTo);
    // The end of a session is sent to everybody by the session itself, and a watcher may go on watching.
    const stays = known.code === "session_ended" || known.code === "forbidden";
    if (!stays && codeEntry(known.code).close !== undefined) closeWithin(this.#socket, known.code);
  }

  #sendError(error: AppError, replyTo?: MessageId): void {
    this.#deps.refusals.count(error.code, "socket");
    this.#route.sendError(error, replyTo);
  }

  #refuse(error: AppError): void {
    if (this.#state.kind === "refused") return;
    if (error.code === "internal") this.#request.log.error({ err: error }, `${this.#route.name} could not be opened`);
    this.#deps.refusals.count(error.code, "socket");
    if (this.#state.kind === "closed") return;
    if ("early" in this.#state) this.#state.early.end();
    this.#state = { kind: "refused" };
    this.#route.sendRefusal(error);
    closeWithin(this.#socket, error.code);
  }

  /** What the WebSocket library refuses: too large, not UTF-8, reserved bits. It closes the socket itself. */
  #onSocketError(error: Error & { readonly code?: string }): void {
    this.#request.log.debug({ err: error }, `${this.#route.name} error`);
    if (!error.code?.startsWith("WS_ERR_")) return;
    const isTooLarge = error.code.startsWith("WS_ERR_UNSUPPORTED_");
    this.#deps.refusals.count(isTooLarge ? "payload_too_large" : "invalid_message", "socket");
  }

  /** A frame that is no message. The library has answered a ping already. */
  #onControlFrame(): void {
    this.#heartbeat.heard(performance.now());
    if (!this.#limits.mayRead(0)) this.#onExcess();
  }

  #onPong(data: Buffer): void {
    this.#onControlFrame();
    this.#route.onPong?.(data);
  }

  #beat(): void {
    const due = this.#heartbeat.beat(performance.now());
    if (due === "give up") this.#socket.terminate();
    if (due !== "ping") return;
    this.#socket.ping();
    this.#route.onPing?.();
  }

  #onClosed(): void {
    if (this.#state.kind === "closed") return;
    clearInterval(this.#beats);
    this.#moves.drop();
    if ("early" in this.#state) this.#state.early.end();
    this.#state = { kind: "closed" };
    for (const stop of this.#stops.splice(0)) stop();
  }
}
