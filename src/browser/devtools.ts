/**
 * A DevTools connection of its own for pictures and hands. Playwright's has every picture compressed by the browser and
 * checked field by field here: three times the work, and 2 ms more on the way.
 */
import type { CDPSession } from "playwright";
import { WebSocket } from "ws";
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";

const CONNECT_DEADLINE_MS = 5_000;
/** One call for a picture, or for what it is to show. */
export const CALL_DEADLINE_MS = 3_000;

/** What pictures and hands need of a DevTools session, be it this one or Playwright's. */
export interface PageSession {
  readonly send: CDPSession["send"];
  on(event: "Page.screencastFrame", listener: (event: ScreencastFrame) => void): unknown;
}

export interface ScreencastFrame {
  /** Base64 JPEG. */
  readonly data: string;
  /** The number of the cast, not of a DevTools session. */
  readonly sessionId: number;
  readonly metadata: { readonly scrollOffsetX: number; readonly scrollOffsetY: number };
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class DevTools implements PageSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (event: never) => void>();
  #sessionId: string | undefined;
  #lastId = 0;
  /** Settles when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#onMessage(data));
    this.closed = new Promise((resolve) => socket.once("close", () => resolve(this.#onClose())));
    // A close follows, and that is enough to know.
    socket.on("error", () => {});
  }

  /** A connection to a browser's endpoint, attached to one of its targets. Throws AppError `timeout`, or what failed. */
  static async attach(endpoint: string, targetId: string): Promise<DevTools> {
    const socket = new WebSocket(endpoint, { perMessageDeflate: false, handshakeTimeout: CONNECT_DEADLINE_MS });
    const devtools = new DevTools(socket);
    const attached = (async () => {
      await new Promise((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      const { sessionId } = await devtools.send("Target.attachToTarget", { targetId, flatten: true });
      devtools.#sessionId = sessionId;
      return devtools;
    })();
    return withDeadline(attached, CONNECT_DEADLINE_MS, "devtools connection").catch((error: unknown) => {
      devtools.close();
      throw error;
    });
  }

  /** Order is kept; rejects when the browser refuses or the connection is gone. No deadline: that is the caller's. */
  readonly send = ((method: string, params: object = {}) => {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new AppError("browser_lost"));
    this.#lastId += 1;
    const id = this.#lastId;
    const session = this.#sessionId === undefined ? {} : { sessionId: this.#sessionId };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    return new Promise<never>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }) as CDPSession["send"];

  /** One listener an event. */
  on(event: "Page.screencastFrame", listener: (event: ScreencastFrame) => void): void {
    this.#listeners.set(event, listener);
  }

  close(): void {
    this.#socket.terminate();
  }

  #onMessage(data: Buffer): void {
    const { id, method, params, result, error } = JSON.parse(data.toString()) as Answer;
    if (id === undefined) {
      this.#listeners.get(method ?? "")?.(params as never);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result as never);
  }

  #onClose(): void {
    for (const { reject } of this.#waiting.values()) reject(new AppError("browser_lost"));
    this.#waiting.clear();
  }
}
