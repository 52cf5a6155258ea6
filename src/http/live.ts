/** The operator socket: bounds and checks what comes in, and hands it on. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { AuditTrail } from "../audit/trail.ts";
import type { Config } from "../config.ts";
import { AppError, codeEntry, toAppError } from "../errors.ts";
import {
  BINARY_SUBPROTOCOL,
  type ClientMessage,
  JSON_SUBPROTOCOL,
  MAX_CLIENT_MESSAGE_BYTES,
  MAX_FIRST_MESSAGE_BYTES,
  type ServerMessage,
} from "../protocol/live.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";
import type { ViewerForm, ViewerLine } from "../session/viewer.ts";
import { type Recorder, recorderOf } from "./audited.ts";
import type { GuardDeps } from "./auth.ts";
import { idOf, parseMessage } from "./client-message.ts";
import { EarlyMessages } from "./early-messages.ts";
import { AUTHENTICATED, handleMessage, type RecordedSeat } from "./live-handlers.ts";
import { type Entrant, PendingSockets, SocketEntry } from "./socket-entry.ts";

/** [W8] */
const PING_EVERY_MS = 15_000;
const SILENCE_LIMIT_MS = 30_000;
const HEARTBEAT_TICK_MS = 1_000;
/** Text that waits for a reader who does not read; above it the line is given up. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** A fast mouse sends 60 to 250 a second. */
const MAX_MESSAGES_PER_SECOND = 1_000;

export interface LiveRouteOptions {
  readonly guard: GuardDeps;
  readonly limits: Pick<Config, "authenticateSeconds" | "maxPendingConnections">;
  readonly controller: CaptchaRemoteController;
  readonly audit: AuditTrail;
  /** Holds the operators' sockets for as long as they are open. */
  readonly sockets: Set<WebSocket>;
}

export const liveRoute: FastifyPluginAsync<LiveRouteOptions> = async (app, options) => {
  const { controller, audit, sockets, guard, limits } = options;
  const pending = new PendingSockets(limits);
  app.get<{ Params: { id: string } }>(
    "/ws/:id",
    { websocket: true, schema: { hide: true }, config: { access: "socket" } },
    (socket, request) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      const { id } = request.params;
      // Listeners are attached before anything is awaited, or the first messages would be lost.
      const entry = new SocketEntry(guard, request, id);
      new LiveConnection({ socket, request, controller, entry, pending, record: recorderOf(audit, request) }).start(id);
    },
  );
};

/** ws answers the first offered subprotocol whatever it is; only ours is answered. */
export function chooseSubprotocol(offered: Set<string>): string | false {
  return [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL].find((ours) => offered.has(ours)) ?? false;
}

interface ConnectionParts {
  readonly socket: WebSocket;
  readonly request: FastifyRequest;
  readonly controller: CaptchaRemoteController;
  readonly entry: SocketEntry;
  readonly pending: PendingSockets;
  readonly record: Recorder;
}

class LiveConnection {
  readonly #entry: SocketEntry;
  readonly #pending: PendingSockets;
  readonly #socket: WebSocket;
  readonly #line: ViewerLine;
  readonly #log: FastifyBaseLogger;
  readonly #controller: CaptchaRemoteController;
  #isKnown = false;
  #seat: RecordedSeat | null = null;
  #stopWatching = () => {};
  readonly #early = new EarlyMessages();
  readonly #record: Recorder;
  readonly #request: FastifyRequest;
  /** The newest picture that arrived before the session had finished its welcome; 0 is the ping before the first. */
  #earlyArrival = -1;
  #aliveAt = performance.now();
  #second = { startedAt: 0, count: 0 };
  #heart: NodeJS.Timeout | undefined;
  #pingedAt = performance.now();

  constructor({ socket, request, controller, entry, pending, record }: ConnectionParts) {
    this.#entry = entry;
    this.#pending = pending;
    this.#record = record;
    this.#request = request;
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
    this.#guard(() => this.#enter(sessionId));
  }

  /** Finds out who this is, then joins. Nothing is sent before that is known [W27]. */
  async #enter(sessionId: string): Promise<void> {
    try {
      const entrant = (await this.#entry.fromUpgrade()) ?? (await this.#introduction());
      this.#isKnown = true;
      this.#early.allowMore();
      await this.#join(sessionId, entrant);
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  /** The first message says who this is. Throws unauthorized, also when none comes in time. */
  async #introduction(): Promise<Entrant> {
    const late = Promise.withResolvers<null>();
    const stopWaiting = this.#pending.wait(() => late.resolve(null));
    const message = await Promise.race([this.#early.next(), late.promise]).finally(stopWaiting);
    if (message?.type !== "authenticate") throw new AppError("unauthorized", { why: "authenticate comes first" });
    try {
      const entrant = await this.#entry.fromMessage(message.token);
      this.#send(AUTHENTICATED, message.id);
      return entrant;
    } catch (error) {
      const { code, message: text } = toAppError(error);
      this.#send({ type: "authentication_result", success: false, code, message: text }, message.id);
      throw error;
    }
  }

  async #join(sessionId: string, { caller, role }: Entrant): Promise<void> {
    const socket = this.#socket;
    // Whoever looks at this request later, the audit trail for one, learns who it was.
    this.#request.caller = caller;
    const seat = await this.#controller.join(sessionId, this.#line, formOf(socket), {
      role,
      witness: (action, operator) => this.#record(action, sessionId, { operator }),
    });
    this.#seat = { ...seat, record: (action, detail) => this.#record(action, sessionId, detail) };
    this.#stopWatching = this.#entry.whenOver(caller, () => this.#refuse(new AppError("unauthorized")));
    seat.viewer.arrived(this.#earlyArrival);
    if (socket.readyState !== socket.OPEN) return this.#onClose();
    // Not one after the other's answer: what comes meanwhile must stay behind them [W24].
    for (const message of this.#early.takeAll()) void this.#handle(this.#seat, message);
  }

  #onMessage(data: Buffer, isBinary: boolean): Promise<void> | void {
    this.#alive();
    this.#count();
    if (isBinary) throw new AppError("invalid_message", { field: "message", why: "text is due, not binary" });
    // Where a bot's server has brought its own sockets, so has it their bound.
    const most = this.#isKnown ? MAX_CLIENT_MESSAGE_BYTES : MAX_FIRST_MESSAGE_BYTES;
    if (data.length > most) return this.#socket.close(1009, "payload_too_large");
    const text = data.toString("utf8");
    let message: ClientMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      if (this.#isKnown) this.#fail(error, idOf(text));
      else this.#refuse(new AppError("unauthorized", { why: "authenticate comes first" }));
      return;
    }
    if (this.#seat) return this.#handle(this.#seat, message);
    this.#early.keep(message);
  }

  #refuse(error: AppError): void {
    if (error.code === "internal") this.#log.error({ err: error }, "operator could not join");
    this.#sendError(error);
    this.#socket.close(codeEntry(error.code).close ?? 1011, error.code);
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
    // The end is told to all, and a watcher may go on watching.
    const isLeftOpen = known.code === "session_ended" || known.code === "forbidden";
    if (close !== undefined && !isLeftOpen) this.#socket.close(close, known.code);
  }

  #sendError(error: AppError, replyTo?: string | number): void {
    this.#send({ type: "error", ...error.toWire() }, replyTo);
  }

  #send(message: ServerMessage, replyTo?: string | number): void {
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
    this.#early.end();
    this.#stopWatching();
    if (this.#seat) this.#seat.session.crowd.leave(this.#seat.viewer);
  }
}

function formOf({ protocol }: WebSocket): ViewerForm {
  if (protocol === "") return "plain";
  return protocol === BINARY_SUBPROTOCOL ? "binary" : "json";
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
