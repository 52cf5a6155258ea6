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

/** The same, and sessions of the frames that have a process of their own. */
export interface LiveSession extends PageSession {
  /** Throws AppError `timeout`, or what failed. */
  attachFrame(targetId: string): Promise<Hands>;
}

/** Where input goes. */
export type Hands = Pick<PageSession, "send">;

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly sessionId: string | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class DevTools implements LiveSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (event: never) => void>();
  readonly #frames = new Map<string, Promise<string>>();
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
      devtools.#sessionId = await devtools.#attach(targetId);
      return devtools;
    })();
    return withDeadline(attached, CONNECT_DEADLINE_MS, "devtools connection").catch((error: unknown) => {
      devtools.close();
      throw error;
    });
  }

  /** Order is kept; rejects when the browser refuses or the connection is gone. No deadline: that is the caller's. */
  readonly send = ((method: string, params: object = {}) =>
    this.#call(this.#sessionId, method, params)) as CDPSession["send"];

  /** Attached once a target, for as long as the target lives. */
  async attachFrame(targetId: string): Promise<Hands> {
    const attaching = this.#frames.get(targetId) ?? this.#attach(targetId);
    this.#frames.set(targetId, attaching);
    const attached = withDeadline(attaching, CALL_DEADLINE_MS, "frame's devtools session");
    const sessionId = await attached.catch((error: unknown) => {
      this.#frames.delete(targetId);
      throw error;
    });
    return {
      send: ((method: string, params: object = {}) => this.#call(sessionId, method, params)) as CDPSession["send"],
    };
  }

  /** One listener an event. */
  on(event: "Page.screencastFrame", listener: (event: ScreencastFrame) => void): void {
    this.#listeners.set(event, listener);
  }

  close(): void {
    this.#socket.terminate();
  }

  async #attach(targetId: string): Promise<string> {
    const params = { targetId, flatten: true };
    const { sessionId } = await this.#call<{ sessionId: string }>(undefined, "Target.attachToTarget", params);
    return sessionId;
  }

  #call<Result>(sessionId: string | undefined, method: string, params: object): Promise<Result> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new AppError("browser_lost"));
    this.#lastId += 1;
    const id = this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { sessionId, resolve, reject }));
  }

  #onMessage(data: Buffer): void {
    const { id, sessionId, method, params, result, error } = JSON.parse(data.toString()) as Answer;
    if (method === "Target.detachedFromTarget") this.#onDetached(params as { sessionId: string; targetId?: string });
    if (id === undefined) {
      if (sessionId === this.#sessionId) this.#listeners.get(method ?? "")?.(params as never);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result as never);
  }

  /** A target that goes leaves what it was asked unanswered. */
  #onDetached({ sessionId, targetId }: { sessionId: string; targetId?: string }): void {
    if (targetId !== undefined) this.#frames.delete(targetId);
    for (const [id, { sessionId: asked, reject }] of this.#waiting) {
      if (asked !== sessionId) continue;
      this.#waiting.delete(id);
      reject(new Error("The target is gone."));
    }
  }

  #onClose(): void {
    for (const { reject } of this.#waiting.values()) reject(new AppError("browser_lost"));
    this.#waiting.clear();
  }
}
