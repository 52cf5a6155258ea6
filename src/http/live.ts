/** The operator socket: bounds and checks what comes in, and hands it on. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { AuditTrail } from "../audit/trail.ts";
import { AppError, codeEntry, toAppError } from "../errors.ts";
import {
  BINARY_SUBPROTOCOL,
  CLIENT_MESSAGE_TYPES,
  type ClientMessage,
  clientMessageSchema,
  JSON_SUBPROTOCOL,
  MAX_CLIENT_MESSAGE_BYTES,
  messageIdSchema,
  type ServerMessage,
} from "../protocol/live.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";
import type { ViewerForm, ViewerLine } from "../session/viewer.ts";
import { type Recorder, recorderOf } from "./audited.ts";
import { handleMessage, type RecordedSeat } from "./live-handlers.ts";

/** [W8] */
const PING_EVERY_MS = 15_000;
const SILENCE_LIMIT_MS = 30_000;
const HEARTBEAT_TICK_MS = 1_000;
/** Text that waits for a reader who does not read; above it the line is given up. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Messages that may come before the session has welcomed the socket. */
const MAX_EARLY_MESSAGES = 200;
/** A fast mouse sends 60 to 250 a second. */
const MAX_MESSAGES_PER_SECOND = 1_000;

export interface LiveRouteOptions {
  readonly controller: CaptchaRemoteController;
  readonly audit: AuditTrail;
  /** Holds the operators' sockets for as long as they are open. */
  readonly sockets: Set<WebSocket>;
}

export const liveRoute: FastifyPluginAsync<LiveRouteOptions> = async (app, { controller, audit, sockets }) => {
  app.get<{ Params: { id: string } }>("/ws/:id", { websocket: true, schema: { hide: true } }, (socket, request) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Listeners are attached before anything is awaited, or the first messages would be lost.
    new LiveConnection(socket, request, controller, recorderOf(audit, request)).start(request.params.id);
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
  readonly #record: Recorder;
  #seat: RecordedSeat | null = null;
  #early: ClientMessage[] = [];
  /** The newest picture that arrived before the session had finished its welcome; 0 is the ping before the first. */
  #earlyArrival = -1;
  #aliveAt = performance.now();
  #second = { startedAt: 0, count: 0 };
  #heart: NodeJS.Timeout | undefined;
  #pingedAt = performance.now();

  constructor(socket: WebSocket, request: FastifyRequest, controller: CaptchaRemoteController, record: Recorder) {
    this.#socket = socket;
    this.#line = lineOf(socket);
    this.#log = request.log;
    this.#controller = controller;
    this.#record = record;
  }

  start(sessionId: string): void {
    const socket = this.#socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#guard(() => this.#onMessage(data, isBinary)));
    socket.on("pong", (data: Buffer) => this.#onPong(data));
    socket.on("ping", () => this.#alive());
    socket.on("error", (error: Error) => this.#log.debug({ err: error }, "operator socket error"));
    socket.on("close", () => this.#onClose());
    this.#heart = setInterval(() => this.#heartbeat(), HEARTBEAT_TICK_MS);
    this.#guard(() => this.#join(sessionId));
  }

  async #join(sessionId: string): Promise<void> {
    const socket = this.#socket;
    try {
      const seat = await this.#controller.join(sessionId, this.#line, formOf(socket), (action, operator) =>
        this.#record(action, sessionId, { operator }),
      );
      this.#seat = { ...seat, record: (action, detail) => this.#record(action, sessionId, detail) };
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

  #onMessage(data: Buffer, isBinary: boolean): Promise<void> | void {
    this.#alive();
    this.#count();
    if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
    // Where a bot's server has brought its own sockets, so has it their bound.
    if (data.length > MAX_CLIENT_MESSAGE_BYTES) return this.#socket.close(1009, "payload_too_large");
    const text = data.toString("utf8");
    let message: ClientMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      this.#fail(error, idOf(text));
      return;
    }
    if (this.#seat) return this.#handle(this.#seat, message);
    this.#keepEarly(message);
  }

  /** Until the welcome. A mouse moves on meanwhile: of moves in a row the last is enough. */
  #keepEarly(message: ClientMessage): void {
    const last = this.#early.at(-1);
    if (last && isMove(last) && isMove(message)) this.#early.pop();
    if (this.#early.length >= MAX_EARLY_MESSAGES) throw new AppError("rate_limited");
    this.#early.push(message);
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
    if (known.code === "internal") this.#log.error({ err: error }, "operator message failed");
    this.#sendError(known, replyTo);
    const { close } = codeEntry(known.code);
    if (close !== undefined && known.code !== "session_ended") this.#socket.close(close, known.code);
  }

  #sendError(error: AppError, replyTo?: string | number): void {
    const message: ServerMessage = { type: "error", ...error.toWire() };
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    this.#line.sendText(JSON.stringify({ ...message, timestamp: Date.now(), ...extra }));
  }

  #count(): void {
    const now = performance.now();
    if (now - this.#second.startedAt > 1_000) this.#second = { startedAt: now, count: 0 };
    this.#second.count += 1;
    if (this.#second.count > MAX_MESSAGES_PER_SECOND) throw new AppError("rate_limited");
  }

  #alive(): void {
    this.#aliveAt = performance.now();
  }

  #onPong(data: Buffer): void {
    this.#alive();
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
    if (this.#seat) this.#seat.session.crowd.leave(this.#seat.viewer);
  }
}

function formOf({ protocol }: WebSocket): ViewerForm {
  if (protocol === "") return "plain";
  return protocol === BINARY_SUBPROTOCOL ? "binary" : "json";
}

function isMove(message: ClientMessage): boolean {
  return message.type === "mouse_event" && message.event_type === "move";
}

/** The socket as a viewer needs it. */
function lineOf(socket: WebSocket): ViewerLine {
  const isOpen = () => socket.readyState === socket.OPEN;
  const send = (message: string | Uint8Array) => {
    if (!isOpen()) return;
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else socket.send(message);
  };
  return {
    sendText: send,
    sendBinary: send,
    pingBehind: (seq) => {
      if (isOpen()) socket.ping(String(seq));
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: (code, reason) => socket.close(code, reason),
  };
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
