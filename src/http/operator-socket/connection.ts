/** One operator socket: bounds and checks what comes in, and hands it on. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyBaseLogger, FastifyRequest } from "fastify";
import { whoIs } from "../../auth/caller.ts";
import { AppError, codeEntry, toAppError } from "../../errors.ts";
import { type ClientMessage, MAX_FIRST_MESSAGE_BYTES, type ServerMessage } from "../../protocol/live.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import type { Witness } from "../../session/operators/control-lease.ts";
import type { ViewerSocket } from "../../session/pictures/viewer.ts";
import { type Recorder, recorderOf } from "../guards/audit-recorder.ts";
import type { RefusalCounter } from "../guards/refusal-counter.ts";
import type { SessionPrincipal, SocketAuthentication } from "../sockets/authenticate-socket.ts";
import { EarlyMessages } from "../sockets/early-messages.ts";
import { BEAT_MS, Heartbeat } from "../sockets/heartbeat.ts";
import { MessageLimits } from "../sockets/message-limits.ts";
import { isInput, isMove, type Move, MoveCoalescer } from "../sockets/move-coalescer.ts";
import { idOf, parseMessage } from "../sockets/parse-message.ts";
import { closeWithin } from "../sockets/refuse-socket.ts";
import { handleMessage, type RecordedSeat } from "./handlers.ts";
import type { OneSocketPerClient } from "./one-socket-per-client.ts";
import type { OperatorSocketOptions } from "./route.ts";
import { clientOf, formOf, lensOf, viewerSocketOf } from "./viewer-socket.ts";

export type OperatorConnectionOptions = OperatorSocketOptions & { readonly lines: OneSocketPerClient };

export class OperatorConnection {
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #entry: SocketAuthentication<SessionPrincipal>;
  readonly #lines: OneSocketPerClient;
  readonly #record: Recorder;
  readonly #line: ViewerSocket;
  readonly #log: FastifyBaseLogger;
  readonly #controller: CaptchaRemoteController;
  readonly #refusals: RefusalCounter;
  readonly #maxMessageBytes: number;
  readonly #limits: MessageLimits;
  readonly #heldMove = new MoveCoalescer((move) => this.#onMove(move));
  readonly #early = new EarlyMessages();
  #seat: RecordedSeat | null = null;
  #stopWatching = () => {};
  #forgetLine = () => {};
  /** The newest picture that arrived before the session had finished its welcome; 0 is the ping before the first. */
  #earlyArrival = -1;
  readonly #heartbeat = new Heartbeat(performance.now());
  #beats: NodeJS.Timeout | undefined;

  constructor(
    socket: WebSocket,
    request: FastifyRequest,
    entry: SocketAuthentication<SessionPrincipal>,
    options: OperatorConnectionOptions,
  ) {
    const { controller, audit, refusals, limits, lines } = options;
    this.#request = request;
    this.#entry = entry;
    this.#lines = lines;
    this.#record = recorderOf(audit, request);
    this.#socket = socket;
    this.#line = viewerSocketOf(socket);
    this.#log = request.log;
    this.#controller = controller;
    this.#refusals = refusals;
    this.#maxMessageBytes = limits.maxMessageBytes;
    this.#limits = new MessageLimits(limits);
  }

  start(sessionId: string): void {
    const socket = this.#socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#guard(() => this.#onMessage(data, isBinary)));
    socket.on("pong", (data: Buffer) => this.#onPong(data));
    socket.on("ping", () => this.#guard(() => this.#onControlFrame()));
    socket.on("error", (error: Error) => this.#onError(error));
    socket.on("close", () => this.#onClose());
    this.#beats = setInterval(() => this.#beat(), BEAT_MS);
    this.#guard(() => this.#enter(sessionId));
  }

  /** Nothing is sent before it is known who this is [W27]. */
  async #enter(sessionId: string): Promise<void> {
    try {
      const principal = await this.#entry.enter(
        () => this.#early.introduction(),
        (introduced, id) => this.#send({ type: "authentication_result", ...introduced }, id),
      );
      this.#early.allowMore();
      await this.#join(sessionId, principal);
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  async #join(sessionId: string, { caller, role }: SessionPrincipal): Promise<void> {
    const socket = this.#socket;
    // Gone meanwhile: what is begun now nobody would end.
    if (socket.readyState !== socket.OPEN) return;
    this.#request.caller = caller;
    // Before it joins, which may take a while: what let it in may be taken back meanwhile.
    this.#stopWatching = this.#entry.whenOver(caller, () => this.#refuse(new AppError("unauthorized")));
    const witness: Witness = (action, operator) => this.#record(action, sessionId, { operator });
    const client = clientOf(this.#request.headers);
    // Before it joins: what its last line held is free then.
    if (client) this.#forgetLine = this.#lines.begin(`${sessionId} ${client}`, () => this.#onReplaced());
    const rights = { role, who: whoIs(caller), witness };
    const seat = await this.#controller.join(
      sessionId,
      this.#line,
      formOf(socket),
      rights,
      lensOf(this.#request.headers),
    );
    this.#seat = { ...seat, record: (action, detail) => this.#record(action, sessionId, detail) };
    seat.viewer.arrived(this.#earlyArrival);
    if (socket.readyState !== socket.OPEN) return this.#onClose();
    // Not one after the other's answer: what comes meanwhile must stay behind them [W24].
    for (const message of this.#early.takeAll()) void this.#handle(this.#seat, message);
  }

  #refuse(error: AppError): void {
    if (error.code === "internal") this.#log.error({ err: error }, "operator could not join");
    this.#sendError(error);
    closeWithin(this.#socket, error.code);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#heartbeat.heard(performance.now());
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    // Where a bot's server has brought its own sockets, so has it their bound.
    const most = this.#early.isKnown ? this.#maxMessageBytes : MAX_FIRST_MESSAGE_BYTES;
    if (data.length > most) this.#fail(new AppError("payload_too_large"));
    else if (this.#limits.mayRead(data.length)) this.#onText(data.toString("utf8"), isBinary);
    else this.#onExcess();
  }

  #onText(text: string, isBinary: boolean): void {
    let message: ClientMessage;
    try {
      if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
      message = parseMessage(text);
    } catch (error) {
      if (!this.#early.isKnown) this.#refuse(new AppError("unauthorized", { why: "authenticate comes first" }));
      else if (this.#limits.mayAct(undefined)) this.#fail(error, isBinary ? undefined : idOf(text));
      else this.#onExcess();
      return;
    }
    if (isMove(message)) this.#onMove(message);
    else if (this.#limits.mayAct(message.type)) this.#act(message);
    else this.#onExcess(message.id);
  }

  /** Never an error: of moves that come too fast the newest is enough. */
  #onMove(move: Move): void {
    if (this.#limits.mayMove()) {
      // What is held is older than this one.
      this.#heldMove.take();
      this.#receive(move);
    } else {
      this.#heldMove.hold(move, this.#limits.msUntilMove());
    }
  }

  #act(message: ClientMessage): void {
    const held = isInput(message) ? this.#heldMove.take() : null;
    if (held) this.#receive(held);
    this.#receive(message);
  }

  #receive(message: ClientMessage): void {
    if (this.#seat) void this.#handle(this.#seat, message);
    else if (!this.#early.keep(message)) this.#onExcess(message.id);
  }

  /** A message was dropped as there are too many; told once a second, and no longer borne after ten of them. */
  #onExcess(replyTo?: string | number): void {
    const excess = this.#limits.exceed();
    if (excess === "silence") this.#refusals.count("rate_limited", "socket");
    else this.#sendError(new AppError("rate_limited"), replyTo);
    if (excess === "close") closeWithin(this.#socket, "rate_limited");
  }

  async #handle(seat: RecordedSeat, message: ClientMessage): Promise<void> {
    try {
      await handleMessage(seat, message);
    } catch (error) {
      this.#fail(error, message.id);
    }
  }

  /** A throw inside a listener would end the process. */
  #guard(work: () => void | Promise<void>): void {
    try {
      Promise.resolve(work()).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown, replyTo?: string | number): void {
    const known = toAppError(error);
    if (known.code === "rate_limited") {
      // A browser that is behind has no room: the same as a client that is too fast.
      this.#onExcess(replyTo);
      return;
    }
    if (known.code === "internal") this.#log.error({ err: error }, "operator message failed");
    this.#sendError(known, replyTo);
    const { close } = codeEntry(known.code);
    // The end is told to all by itself, and a watcher may go on watching.
    if (close !== undefined && known.code !== "session_ended" && known.code !== "forbidden")
      this.#socket.close(close, known.code);
  }

  /** What the socket's own rules refuse: too large, not UTF-8, reserved bits. It closes itself then. */
  #onError(error: Error & { readonly code?: string }): void {
    this.#log.debug({ err: error }, "operator socket error");
    if (!error.code?.startsWith("WS_ERR_")) return;
    this.#refusals.count(
      error.code.startsWith("WS_ERR_UNSUPPORTED_") ? "payload_too_large" : "invalid_message",
      "socket",
    );
  }

  #sendError(error: AppError, replyTo?: string | number): void {
    this.#refusals.count(error.code, "socket");
    this.#send({ type: "error", ...error.toWire() }, replyTo);
  }

  #send(message: ServerMessage, replyTo?: string | number): void {
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    this.#line.sendText(JSON.stringify({ ...message, timestamp: Date.now(), ...extra }));
  }

  /** A frame that is no message; a ping was answered already, by the socket itself. */
  #onControlFrame(): void {
    this.#heartbeat.heard(performance.now());
    if (!this.#limits.mayRead(0)) this.#onExcess();
  }

  #onPong(data: Buffer): void {
    this.#onControlFrame();
    const seq = Number(data.toString());
    if (data.length === 0 || !Number.isInteger(seq)) return;
    if (this.#seat) this.#seat.viewer.arrived(seq);
    else this.#earlyArrival = seq;
  }

  #beat(): void {
    const due = this.#heartbeat.beat(performance.now());
    if (due === "give up") this.#socket.terminate();
    else if (due === "ping") this.#socket.ping();
  }

  #onReplaced(): void {
    this.#onClose();
    this.#socket.terminate();
  }

  #onClose(): void {
    clearInterval(this.#beats);
    this.#heldMove.take();
    this.#early.end();
    this.#stopWatching();
    this.#forgetLine();
    if (this.#seat) this.#seat.session.crowd.leave(this.#seat.viewer);
  }
}
