/** [W61] One bot's socket to crop its own page: asks it for the part that people see, and hears when it is shown. */
import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import { AppError, type Code, toAppError } from "../../errors.ts";
import { type CropClientMessage, type CropHello, cropClientMessageSchema } from "../../protocol/relay.ts";
import type { Clip, CropWanted } from "../../protocol/relay-terms.ts";
import type { CropHelper, Crops } from "../../session/ports/crops.ts";
import type { AuthenticationResult, Credentials } from "../sockets/authenticate-socket.ts";
import type { OpenSocket, Receiver, SocketRoute } from "../sockets/guarded-socket.ts";
import { OPERATOR_HEARTBEAT } from "../sockets/heartbeat.ts";
import { parseJsonMessage } from "../sockets/parse-message.ts";
import type { BotPrincipal } from "./connection.ts";

const MESSAGE_TYPES = cropClientMessageSchema.options.map(({ shape }) => shape.type.value);
/** A bot that takes longer is busy or gone: a person sees the whole page meanwhile. */
const CROP_DEADLINE_MS = 2_000;

export interface CropConnectionOptions {
  readonly crops: Crops;
  /** How long a bot may take for its `hello`, s. */
  readonly helloSeconds: number;
}

interface Asked {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class CropConnection implements SocketRoute<CropClientMessage, BotPrincipal> {
  readonly name = "crop socket";
  readonly heartbeat = OPERATOR_HEARTBEAT;
  readonly #sessionId: string;
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #options: CropConnectionOptions;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #isGreeted = false;
  #renewed = (): void => {};

  constructor(sessionId: string, socket: WebSocket, request: FastifyRequest, options: CropConnectionOptions) {
    this.#sessionId = sessionId;
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
  }

  parse(text: string): CropClientMessage {
    return parseJsonMessage(text, cropClientMessageSchema, MESSAGE_TYPES);
  }

  credentialsOf(message: CropClientMessage): Credentials | null {
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

  async open(_principal: BotPrincipal, socket: OpenSocket): Promise<Receiver<CropClientMessage>> {
    const late = setTimeout(() => {
      const error = new AppError("relay_violation", { why: "hello comes first" });
      this.sendError(error);
      socket.closeWith(error.code);
    }, this.#options.helloSeconds * 1_000);
    socket.whenClosed(() => {
      clearTimeout(late);
      for (const id of [...this.#asked.keys()]) this.#answered(id, "the bot is gone");
    });
    return async (message) => {
      switch (message.type) {
        case "hello":
          clearTimeout(late);
          return this.#begin(message, socket);
        case "cropped":
          return this.#answered(message.id, message.error);
        case "renewed":
          return this.#renewed();
        default:
        // A server with AUTH=off needs no key, and a bot may show one all the same.
      }
    };
  }

  async #begin(hello: CropHello, socket: OpenSocket): Promise<void> {
    if (this.#isGreeted) throw new AppError("relay_violation", { why: "hello comes once" });
    this.#isGreeted = true;
    const { crops } = this.#options;
    try {
      socket.whenClosed(await crops.takeCropHelper(this.#sessionId, this.#helper(hello, socket)));
      this.#send({ type: "welcome" });
      this.#request.log.info({ session_id: this.#sessionId }, "a bot crops its page");
    } catch (error) {
      const known = toAppError(error);
      if (known.code === "internal") throw error;
      // A bot that tries again has another socket.
      this.sendError(known);
      socket.closeWith(known.code);
    }
  }

  #helper({ target_id: targetId, crop: { density, touch } }: CropHello, socket: OpenSocket): CropHelper {
    return {
      targetId,
      density,
      touch,
      set: (clip, again) => this.#ask(clip, again),
      onRenewed: (listener) => {
        this.#renewed = listener;
      },
      close: (code: Code | null) => {
        if (code === null) this.#socket.close(1000);
        else socket.closeWith(code);
      },
    };
  }

  #ask(clip: Clip | null, again: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#lastId += 1;
    const id = this.#lastId;
    const timer = setTimeout(() => this.#answered(id, "no answer in time"), CROP_DEADLINE_MS);
    this.#asked.set(id, { resolve, reject, timer });
    const isOpen = this.#socket.readyState === this.#socket.OPEN;
    const wanted: CropWanted = { type: "crop", id, clip, again };
    if (isOpen) this.#send(wanted);
    else this.#answered(id, "the bot is gone");
    return promise;
  }

  /** An answer that nobody waits for any more comes of a bot that was slow. */
  #answered(id: number, error: string | undefined): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    clearTimeout(asked?.timer);
    if (error === undefined) asked?.resolve();
    else asked?.reject(new Error(error));
  }

  #send(message: { readonly type: string }): void {
    this.#socket.send(JSON.stringify(message));
  }
}
