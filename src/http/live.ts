/** The operator socket: bounds and checks what comes in, and hands it on. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import { AppError, codeEntry, toAppError } from "../errors.ts";
import {
  BINARY_SUBPROTOCOL,
  CLIENT_MESSAGE_TYPES,
  type ClientMessage,
  clientMessageSchema,
  JSON_SUBPROTOCOL,
  messageIdSchema,
  type ServerMessage,
} from "../protocol/live.ts";
import type { CaptchaRemoteController, Seat } from "../session/controller.ts";
import type { ViewerLine } from "../session/viewer.ts";
import type { Connections } from "./connections.ts";
import { HeldMove, isInput, isMove, type Move } from "./held-move.ts";
import { handleMessage } from "./live-handlers.ts";
import { type MessageBounds, MessageLimits } from "./message-limits.ts";
import type { Refusals } from "./refusals.ts";
import { closeWithin, MAX_BEING_TOLD, refuseSocket } from "./refused-socket.ts";
import { formOf, lineOf } from "./socket-line.ts";

/** [W8] */
const PING_EVERY_MS = 15_000;
const SILENCE_LIMIT_MS = 30_000;
const HEARTBEAT_TICK_MS = 1_000;
/** Before the session has welcomed the socket. */
const MAX_EARLY_MESSAGES = 200;

export interface LiveRouteOptions {
  readonly controller: CaptchaRemoteController;
  /** Holds the operators' sockets for as long as they are open. */
  readonly sockets: Set<WebSocket>;
  readonly connections: Connections;
  readonly refusals: Refusals;
  readonly limits: MessageBounds & Pick<Config, "maxMessageBytes">;
}

export const liveRoute: FastifyPluginAsync<LiveRouteOptions> = async (app, options) => {
  const { sockets, connections } = options;
  const beingTold = new Set<WebSocket>();
  /** Before the upgrade, where so many are being told already that one more would cost too much. */
  const preHandler = async ({ ip }: FastifyRequest) => {
    if (beingTold.size >= MAX_BEING_TOLD) connections.check(ip);
  };
  const route = { websocket: true, preHandler, schema: { hide: true } } as const;
  app.get<{ Params: { id: string } }>("/ws/:id", route, (socket, request) => {
    let release: () => void;
    try {
      release = connections.take(request.ip);
    } catch (error) {
      refuseSocket(socket, toAppError(error), options.refusals, beingTold);
      return;
    }
    sockets.add(socket);
    socket.once("close", () => {
      release();
      sockets.delete(socket);
    });
    // Listeners are attached before anything is awaited, or the first messages would be lost.
    new LiveConnection(socket, request, options).start(request.params.id);
  });
};

/** ws answers the first offered subprotocol whatever it is; only ours is answered. */
export function chooseSubprotocol(offered: Set<string>): string | false {
  return [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL].find((ours) => offered.has(ours)) ?? false;
}

class LiveConnection {
  readonly #socket: WebSocket;
  readonly #line: ViewerLine;
  readonly #log: FastifyBaseLogger;
  readonly #controller: CaptchaRemoteController;
  readonly #refusals: Refusals;
  readonly #maxMessageBytes: number;
  readonly #limits: MessageLimits;
  readonly #heldMove = new HeldMove((move) => this.#onMove(move));
  #seat: Seat | null = null;
  #early: ClientMessage[] = [];
  /** The newest picture that arrived before the session had finished its welcome; 0 is the ping before the first. */
  #earlyArrival = -1;
  #aliveAt = performance.now();
  #heart: NodeJS.Timeout | undefined;
  #pingedAt = performance.now();

  constructor(socket: WebSocket, request: FastifyRequest, { controller, refusals, limits }: LiveRouteOptions) {
    this.#socket = socket;
    this.#line = lineOf(socket);
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
    this.#heart = setInterval(() => this.#heartbeat(), HEARTBEAT_TICK_MS);
    this.#guard(() => this.#join(sessionId));
  }

  async #join(sessionId: string): Promise<void> {
    const socket = this.#socket;
    try {
      const seat = await this.#controller.join(sessionId, this.#line, formOf(socket));
      this.#seat = seat;
      seat.viewer.arrived(this.#earlyArrival);
    } catch (error) {
      const known = toAppError(error);
      this.#sendError(known);
      socket.close(codeEntry(known.code).close ?? 1011, known.code);
      return;
    }
    if (socket.readyState !== socket.OPEN) return this.#onClose();
    // Not one after the other's answer: what comes meanwhile must stay behind them [W24].
    for (const message of this.#early.splice(0)) void this.#handle(this.#seat, message);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#alive();
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    // Where a bot's server has brought its own sockets, so has it their bound.
    if (data.length > this.#maxMessageBytes) this.#fail(new AppError("payload_too_large"));
    else if (this.#limits.mayRead(data.length)) this.#onText(data.toString("utf8"), isBinary);
    else this.#onExcess();
  }

  #onText(text: string, isBinary: boolean): void {
    let message: ClientMessage;
    try {
      if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
      message = parseMessage(text);
    } catch (error) {
      if (this.#limits.mayAct(undefined)) this.#fail(error, isBinary ? undefined : idOf(text));
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
    else this.#keepEarly(message);
  }

  /** Until the welcome. A mouse moves on meanwhile: of moves in a row the last is enough. */
  #keepEarly(message: ClientMessage): void {
    const last = this.#early.at(-1);
    if (last && isMove(last) && isMove(message)) this.#early.pop();
    if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(message);
    else this.#onExcess(message.id);
  }

  /** A message was dropped as there are too many; told once a second, and no longer borne after ten of them. */
  #onExcess(replyTo?: string | number): void {
    const excess = this.#limits.exceed();
    if (excess === "silence") this.#refusals.count("rate_limited", "socket");
    else this.#sendError(new AppError("rate_limited"), replyTo);
    if (excess === "close") closeWithin(this.#socket, "rate_limited");
  }

  async #handle(seat: Seat, message: ClientMessage): Promise<void> {
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
    if (close !== undefined && known.code !== "session_ended") this.#socket.close(close, known.code);
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
    const message: ServerMessage = { type: "error", ...error.toWire() };
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    this.#line.sendText(JSON.stringify({ ...message, timestamp: Date.now(), ...extra }));
  }

  #alive(): void {
    this.#aliveAt = performance.now();
  }

  /** A frame that is no message; a ping was answered already, by the socket itself. */
  #onControlFrame(): void {
    this.#alive();
    if (!this.#limits.mayRead(0)) this.#onExcess();
  }

  #onPong(data: Buffer): void {
    this.#onControlFrame();
    const seq = Number(data.toString());
    if (data.length === 0 || !Number.isInteger(seq)) return;
    if (this.#seat) this.#seat.viewer.arrived(seq);
    else this.#earlyArrival = seq;
  }

  #heartbeat(): void {
    const now = performance.now();
    if (now - this.#aliveAt > SILENCE_LIMIT_MS) {
      this.#socket.terminate();
    } else if (now - this.#pingedAt >= PING_EVERY_MS) {
      this.#pingedAt = now;
      this.#socket.ping();
    }
  }

  #onClose(): void {
    clearInterval(this.#heart);
    this.#heldMove.take();
    if (this.#seat) this.#seat.session.crowd.leave(this.#seat.viewer);
  }
}

/** The id of a message that was refused, so that its sender learns which one it was [W1]. */
function idOf(text: string): string | number | undefined {
  try {
    return messageIdSchema.safeParse(JSON.parse(text)).data?.id;
  } catch {
    return undefined;
  }
}

/** AppError invalid_message with the field, or unknown_type. */
export function parseMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError("invalid_message", { field: "message", why: "not JSON" });
  }
  const parsed = clientMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type === "string" && !CLIENT_MESSAGE_TYPES.includes(type)) {
    throw new AppError("unknown_type", { type: type.slice(0, 64) });
  }
  const issue = parsed.error.issues[0];
  throw new AppError("invalid_message", {
    field: issue?.path.join(".") || "message",
    why: issue?.message ?? "invalid",
  });
}
