/** A client of the operator socket, JSON or binary, or with what has changed alone. It keeps the pictures and acknowledges them like a console. */
import { WebSocket } from "ws";
import type { Rect } from "../../src/protocol/common.ts";
import { damageHeaderSchema, pictureFactsSchema } from "../../src/protocol/frame.ts";
import {
  BINARY_SUBPROTOCOL,
  type ClientMessage,
  DAMAGE_SUBPROTOCOL,
  JSON_SUBPROTOCOL,
} from "../../src/protocol/live.ts";
import { BEARER } from "../key.ts";
import type { Point } from "../moves.ts";
import { originOf, type PageKind } from "../page.ts";
import { PictureLog } from "../pictures.ts";

export type Form = "json" | "binary" | "damage";

const SUBPROTOCOLS: Readonly<Record<Form, string>> = {
  json: JSON_SUBPROTOCOL,
  binary: BINARY_SUBPROTOCOL,
  damage: DAMAGE_SUBPROTOCOL,
};

const OPEN_DEADLINE_MS = 10_000;
const HEADER_LENGTH_BYTES = 4;

/** The facts of a picture in either form. An older server leaves some out. */
const factsSchema = pictureFactsSchema.partial().required({ view: true });
const frameSchema = factsSchema.extend(damageHeaderSchema.pick({ base: true, rects: true }).partial().shape);

interface Message {
  readonly type: string;
  readonly timestamp: number;
  readonly screenshot?: string | null;
  readonly seq?: number;
  readonly view?: Rect;
  readonly code?: string;
}

export class ViewerSocket {
  readonly log: PictureLog;
  readonly #socket: WebSocket;
  readonly #form: Form;
  /** Codes of the error messages received. */
  readonly errors: string[] = [];
  #sessionInfo = false;
  #lastSeq: number | undefined;

  private constructor(socket: WebSocket, form: Form, kind: PageKind, origin: Point) {
    this.#socket = socket;
    this.#form = form;
    this.log = new PictureLog(kind, origin);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      const at = performance.now();
      if (isBinary) this.#onBinary(data, at);
      else this.#onText(data, at);
    });
    socket.on("error", () => {});
  }

  /** Resolves when the socket is connected and has its session_info. `origin`: as PictureLog's. */
  static async connect(url: string, form: Form, kind: PageKind, origin = originOf("mouse")): Promise<ViewerSocket> {
    const protocol = SUBPROTOCOLS[form];
    const socket = new WebSocket(url, [protocol], { perMessageDeflate: false, headers: BEARER });
    const viewer = new ViewerSocket(socket, form, kind, origin);
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        socket.terminate();
        reject(new Error(`${protocol}: ${why}`));
      };
      const timer = setTimeout(() => fail("no session_info"), OPEN_DEADLINE_MS);
      socket.once("error", (error) => fail(String(error)));
      socket.on("message", () => {
        if (!viewer.#sessionInfo) return;
        clearTimeout(timer);
        resolve();
      });
    });
    return viewer;
  }

  send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Stops reading, like a tab whose thread hangs. The kernel's buffers still fill. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.terminate();
  }

  #onBinary(data: Buffer, at: number): void {
    const headerEnd = HEADER_LENGTH_BYTES + data.readUInt32BE(0);
    const facts = frameSchema.parse(JSON.parse(data.toString("utf8", HEADER_LENGTH_BYTES, headerEnd)));
    if (facts.seq !== undefined) this.send({ type: "ack", seq: facts.seq });
    if (facts.rects && facts.base !== this.#lastSeq) this.errors.push("damage of another picture");
    this.#lastSeq = facts.seq;
    this.log.add({
      at,
      jpeg: data.subarray(headerEnd),
      rects: facts.rects,
      wireBytes: data.length,
      view: facts.view,
      scale: facts.scale ?? 1,
      capturedAt: facts.captured_at ?? null,
    });
  }

  #onText(data: Buffer, at: number): void {
    const message = JSON.parse(data.toString()) as Message;
    if (message.type === "error") this.errors.push(message.code ?? "");
    if (message.type === "session_info") this.#sessionInfo = true;
    if (this.#form !== "json" || typeof message.screenshot !== "string") return;
    const facts = factsSchema.parse(message);
    this.log.add({
      at,
      jpeg: Buffer.from(message.screenshot, "base64"),
      wireBytes: data.length,
      view: facts.view,
      scale: facts.scale ?? 1,
      // An older server's pictures have no capture time; the time of sending stands for it.
      capturedAt: facts.captured_at ?? message.timestamp,
    });
  }
}
