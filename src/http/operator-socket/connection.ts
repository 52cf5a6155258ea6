/** One operator socket: joins its session as a viewer, and hands on what the operator sends. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import type { AuditTrail } from "../../audit/trail.ts";
import { type Caller, whoIs } from "../../auth/caller.ts";
import type { AppError } from "../../errors.ts";
import type { Role } from "../../protocol/common.ts";
import type { ClientMessage, ServerMessage } from "../../protocol/live.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import type { ViewerSocket } from "../../session/pictures/viewer.ts";
import type { RecordOperatorAct } from "../../session/ports/operator-acts.ts";
import { recorderOf } from "../guards/audit-recorder.ts";
import type { AuthenticationResult, Credentials, MessageId } from "../sockets/authenticate-socket.ts";
import type { OpenSocket, Receiver, SocketRoute } from "../sockets/guarded-socket.ts";
import { OPERATOR_HEARTBEAT } from "../sockets/heartbeat.ts";
import { parseMessage } from "../sockets/parse-message.ts";
import { chooseSubprotocol, offeredSubprotocols } from "../sockets/subprotocols.ts";
import { handleMessage, type RecordedSeat } from "./handlers.ts";
import type { OneSocketPerClient } from "./one-socket-per-client.ts";
import { clientOf, formOf, lensOf, viewerSocketOf } from "./viewer-socket.ts";

/** Who operates a session by a socket, and in which role. */
export interface SessionPrincipal {
  readonly caller: Caller;
  readonly role: Role;
}

export interface OperatorConnectionOptions {
  readonly controller: CaptchaRemoteController;
  readonly audit: AuditTrail;
  readonly clients: OneSocketPerClient;
}

export class OperatorConnection implements SocketRoute<ClientMessage, SessionPrincipal> {
  readonly name = "operator socket";
  readonly heartbeat = OPERATOR_HEARTBEAT;
  readonly #sessionId: string;
  readonly #request: FastifyRequest;
  readonly #options: OperatorConnectionOptions;
  readonly #socket: WebSocket;
  readonly #viewerSocket: ViewerSocket;
  /** Null until it has joined. */
  #seat: RecordedSeat | null = null;

  constructor(sessionId: string, socket: WebSocket, request: FastifyRequest, options: OperatorConnectionOptions) {
    this.#sessionId = sessionId;
    this.#request = request;
    this.#options = options;
    this.#socket = socket;
    this.#viewerSocket = viewerSocketOf(socket);
  }

  parse(text: string): ClientMessage {
    return parseMessage(text);
  }

  credentialsOf(message: ClientMessage): Credentials | null {
    return message.type === "authenticate" ? message : null;
  }

  sendAuthenticationResult(result: AuthenticationResult, replyTo: MessageId | undefined): void {
    this.#send({ type: "authentication_result", ...result }, replyTo);
  }

  sendError(error: AppError, replyTo: MessageId | undefined): void {
    this.#send({ type: "error", ...error.toWire() }, replyTo);
  }

  sendRefusal(error: AppError): void {
    this.sendError(error, undefined);
  }

  /** Throws AppError as `CaptchaRemoteController.join` does. */
  async open(
    { caller, role }: SessionPrincipal,
    socket: OpenSocket,
    said: readonly string[] | undefined,
  ): Promise<Receiver<ClientMessage>> {
    const { controller, audit, clients } = this.#options;
    const offered = said ?? offeredSubprotocols(this.#request.headers);
    const form = formOf(said ? chooseSubprotocol(new Set(said)) : this.#socket.protocol);
    const sessionId = this.#sessionId;
    const record = recorderOf(audit, this.#request);
    const recordAct: RecordOperatorAct = (action, operator) => record(action, sessionId, { operator });
    const client = clientOf(offered);
    // Before the session is joined: the control that the client's last socket had is free then.
    if (client) socket.whenClosed(clients.begin(`${sessionId} ${client}`, () => socket.cutOff()));
    const rights = { role, who: whoIs(caller), recordAct };
    const { session, viewer, welcomed } = controller.join(sessionId, this.#viewerSocket, form, rights, lensOf(offered));
    const seat: RecordedSeat = { session, viewer, record: (action, detail) => record(action, sessionId, detail) };
    this.#seat = seat;
    // Before the welcome, whose picture may take a while: who has gone meanwhile must not keep control.
    socket.whenClosed(() => session.operators.leave(viewer));
    await welcomed;
    return (message) => handleMessage(seat, message);
  }

  /** The pong of a ping that was sent behind a picture carries the picture's number. */
  onPong(data: Buffer): void {
    const seq = Number(data.toString());
    if (data.length === 0 || !Number.isInteger(seq)) return;
    this.#seat?.session.operators.arrived(this.#seat.viewer, seq);
  }

  #send(message: ServerMessage, replyTo: MessageId | undefined): void {
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    this.#viewerSocket.sendText(JSON.stringify({ ...message, timestamp: Date.now(), ...extra }));
  }
}
