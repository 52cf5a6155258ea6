/**
 * A client as they were before this server: JSON without a subprotocol, no acks, no taking of control. It draws the
 * pictures on a canvas of their size, and adds the corner of the last `session_info` to the points of that canvas.
 */
import { expect } from "@playwright/test";
import { WebSocket } from "ws";
import { readScreenshot } from "./jpeg.ts";

/** The fields these clients know; they ignore all others. The last two are for the tests' own checks. */
export interface PlainMessage {
  readonly type: string;
  readonly screenshot?: string | null;
  readonly captcha_info?: PlainBox | null;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly message?: string;
  readonly completed?: boolean;
  readonly timestamp: number;
  readonly view?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

export interface PlainBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly in_iframe: boolean;
  readonly selector: string;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const MARGIN = 10;
const STEP_PX = 8;

export class PlainClient {
  readonly received: PlainMessage[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #box: PlainBox | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("These clients read text only.");
      const message = JSON.parse(data.toString()) as PlainMessage;
      this.received.push(message);
      if (message.type === "session_info") this.#box = message.captcha_info ?? null;
    });
  }

  static async connect(wsUrl: string): Promise<PlainClient> {
    const client = new PlainClient(new WebSocket(wsUrl));
    await new Promise<void>((resolve, reject) => {
      client.#socket.once("open", resolve);
      client.#socket.once("error", reject);
    });
    return client;
  }

  /** The box of the last `session_info`. */
  get box(): PlainBox {
    if (!this.#box) throw new Error("No session_info with a challenge has come.");
    return this.#box;
  }

  all(type: string): PlainMessage[] {
    return this.received.filter((message) => message.type === type);
  }

  /** The first message of this type after the first `from` ones that fits. */
  async next(type: string, from = 0, fits: (message: PlainMessage) => boolean = () => true): Promise<PlainMessage> {
    const find = () => this.received.slice(from).find((message) => message.type === type && fits(message));
    await expect.poll(() => find() !== undefined, { message: `${type} comes`, intervals: [10] }).toBe(true);
    return find() as PlainMessage;
  }

  /** The size of the canvas: that of the newest picture. */
  get canvas(): { width: number; height: number } {
    const { width, height } = readScreenshot(this.received.findLast(({ screenshot }) => screenshot)?.screenshot);
    return { width, height };
  }

  /** Where a point of the challenge's box is on the canvas. */
  onCanvas(inBox: Point): Point {
    const { x, y } = this.box;
    return { x: inBox.x + Math.min(MARGIN, x), y: inBox.y + Math.min(MARGIN, y) };
  }

  mouse(eventType: "down" | "move" | "up", { x, y }: Point): void {
    const offset = { x: Math.max(0, this.box.x - MARGIN), y: Math.max(0, this.box.y - MARGIN) };
    this.send({ type: "mouse_event", event_type: eventType, x: x + offset.x, y: y + offset.y });
  }

  /** A straight line from one point of the canvas to another; answers how many messages had come before the `up`. */
  async drag(from: Point, to: Point): Promise<number> {
    this.mouse("down", from);
    const steps = Math.max(2, Math.ceil(Math.abs(to.x - from.x) / STEP_PX));
    for (let step = 1; step <= steps; step += 1) {
      const part = step / steps;
      this.mouse("move", { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
      await this.ping();
    }
    this.mouse("up", to);
    // Messages are answered in order: what comes after this pong was sent after the server had the `up`.
    return this.ping();
  }

  /** Waits for the answer; tells how many messages had come by then. */
  async ping(): Promise<number> {
    const from = this.received.length;
    this.send({ type: "ping" });
    await this.next("pong", from);
    return this.received.findIndex((message, index) => index >= from && message.type === "pong") + 1;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
