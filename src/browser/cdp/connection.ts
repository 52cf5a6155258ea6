/**
 * A CDP (Chrome DevTools Protocol) connection of our own. On Playwright's connection the browser compresses every picture
 * and Playwright checks it field by field: three times the work, and 2 ms more on the way. Playwright also attaches to
 * every tab and remembers what it has seen; this connection attaches to the tabs it is asked for, and keeps nothing.
 */
import type { LookupFunction } from "node:net";
import type { CDPSession } from "playwright";
import { WebSocket } from "ws";
import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";

const CONNECT_DEADLINE_MS = 5_000;
/** The deadline of one call for a picture, or for the region it shows. */
export const CALL_DEADLINE_MS = 3_000;
/** Pictures of the largest page stay below this size. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Takes CDP commands: a session of this connection, one of Playwright's, or a connection itself. */
export type CdpSender = Pick<CDPSession, "send">;

/** What pictures need of a session. */
export interface PageSession extends CdpSender {
  on(event: "Page.screencastFrame", listener: (event: ScreencastFrame) => void): unknown;
}

/** What input needs of a page's own session. */
export interface InputSession extends CdpSender {
  on(event: "Input.dragIntercepted", listener: (event: { readonly data: DragData }) => void): unknown;
}

/** What is dragged, as Input.dispatchDragEvent takes it. */
export interface DragData {
  readonly items: { readonly mimeType: string; readonly data: string }[];
  readonly dragOperationsMask: number;
}

export interface ScreencastFrame {
  /** Base64 JPEG. */
  readonly data: string;
  /** The number of the screencast, not a CDP session. */
  readonly sessionId: number;
  readonly metadata: { readonly scrollOffsetX: number; readonly scrollOffsetY: number };
}

/** How the connection is made, where it is not simply to what the address resolves to. */
export interface DialOptions {
  readonly lookup?: LookupFunction;
  /** How long one address of several is tried before the next, ms. */
  readonly autoSelectFamilyAttemptTimeout?: number;
  /** In place of the address' own Host; TLS keeps the name of the address. */
  readonly headers?: { readonly host: string };
}

/** Carries DevTools messages to one browser and back; order is kept. */
export interface CdpChannel {
  readonly isOpen: boolean;
  /** Settles when the channel is gone, whichever side closed it. */
  readonly closed: Promise<void>;
  /** Sends a command. */
  send(command: CdpCommand): void;
  /** Calls `listener` with each message, parsed. The channel is closed if the listener throws. */
  onMessage(listener: (message: unknown) => void): void;
  /** Closes it at once; what was not answered stays so. */
  close(): void;
}

export interface CdpCommand {
  readonly id: number;
  readonly method: string;
  readonly params: object;
  readonly sessionId: string | undefined;
}

/** A browser's own DevTools socket. */
class SocketChannel implements CdpChannel {
  readonly #socket: WebSocket;
  readonly closed: Promise<void>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    // A close follows each error, and the close is handled.
    socket.on("error", () => {});
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(command: CdpCommand): void {
    this.#socket.send(JSON.stringify(command));
  }

  /** The other side need not be a browser: the first message that cannot be read ends the connection. */
  onMessage(listener: (message: unknown) => void): void {
    this.#socket.on("message", (data: Buffer) => {
      try {
        listener(JSON.parse(data.toString()));
      } catch {
        this.close();
      }
    });
  }

  close(): void {
    this.#socket.terminate();
  }
}

interface Message {
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

/** One target's session on a connection. */
export class CdpSession implements PageSession {
  readonly id: string;
  readonly #listeners = new Map<string, ((event: never) => void)[]>();
  #settleGone: () => void = () => {};
  /** Settles when the target is gone, or the connection. */
  readonly gone = new Promise<void>((resolve) => {
    this.#settleGone = resolve;
  });
  /**
   * Sends a command; order is kept. Rejects when the browser refuses it or the target is gone. There is no deadline: the
   * caller sets one.
   */
  readonly send: CDPSession["send"];

  constructor(id: string, send: CDPSession["send"]) {
    this.id = id;
    this.send = send;
  }

  on<Event>(event: string, listener: (event: Event) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  off(event: string, listener: (event: never) => void): void {
    const left = (this.#listeners.get(event) ?? []).filter((each) => each !== listener);
    this.#listeners.set(event, left);
  }

  emit(event: string, params: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(params as never);
  }

  end(): void {
    this.#settleGone();
    this.#listeners.clear();
  }
}

export class CdpConnection implements CdpSender {
  readonly #channel: CdpChannel;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sessions = new Map<string, CdpSession>();
  readonly #listeners = new Map<string, ((event: never) => void)[]>();
  #lastId = 0;
  /** Settles when the connection is gone, whichever side closed it. */
  readonly closed: Promise<void>;
  /** Sends a command to the browser itself. */
  readonly send = ((method: string, params: object = {}) =>
    this.#call(undefined, method, params)) as CDPSession["send"];

  private constructor(channel: CdpChannel, open: Set<CdpConnection> | undefined) {
    this.#channel = channel;
    open?.add(this);
    this.closed = channel.closed.then(() => {
      open?.delete(this);
      this.#onClose();
    });
    channel.onMessage((message) => this.#onMessage(message as Message));
  }

  /** A connection over this channel. It is in `open` until it is gone. */
  static over(channel: CdpChannel, open?: Set<CdpConnection>): CdpConnection {
    return new CdpConnection(channel, open);
  }

  /**
   * Connects to a browser's WebSocket endpoint; `signal` stops the attempt. The connection is in `open` until it is gone.
   * Throws AppError `timeout`, or the socket's error.
   */
  static async connect(
    endpoint: string,
    signal?: AbortSignal,
    open?: Set<CdpConnection>,
    dial: DialOptions = {},
  ): Promise<CdpConnection> {
    signal?.throwIfAborted();
    const socket = new WebSocket(endpoint, {
      ...dial,
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_DEADLINE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
    });
    const connection = new CdpConnection(new SocketChannel(socket), open);
    const opening = new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    const giveUp = () => connection.close();
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      await withDeadline(opening, CONNECT_DEADLINE_MS, "devtools connection");
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Attaches to one target. Throws AppError `timeout`, or the browser's refusal. */
  async attach(targetId: string): Promise<CdpSession> {
    const attaching = this.send("Target.attachToTarget", { targetId, flatten: true });
    const { sessionId } = await withDeadline(attaching, CALL_DEADLINE_MS, "devtools session");
    return this.session(sessionId);
  }

  /** Listens to an event of the browser itself. */
  on<Event>(event: string, listener: (event: Event) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /** The session with this id, which the browser has named in an event or an answer. */
  session(id: string): CdpSession {
    const known = this.#sessions.get(id);
    if (known) return known;
    const send = ((method: string, params: object = {}) => this.#call(id, method, params)) as CDPSession["send"];
    const session = new CdpSession(id, send);
    this.#sessions.set(id, session);
    return session;
  }

  /** How many targets this connection is attached to. */
  get openSessions(): number {
    return this.#sessions.size;
  }

  close(): void {
    this.#channel.close();
  }

  #call<Result>(sessionId: string | undefined, method: string, params: object): Promise<Result> {
    if (!this.#channel.isOpen) return Promise.reject(new AppError("browser_lost"));
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Result>((resolve, reject) => this.#waiting.set(id, { sessionId, resolve, reject }));
    this.#channel.send({ id, method, params, sessionId });
    return answered;
  }

  #onMessage({ id, sessionId, method, params, result, error }: Message): void {
    if (method !== undefined) {
      if (sessionId !== undefined) this.#sessions.get(sessionId)?.emit(method, params);
      else for (const listener of this.#listeners.get(method) ?? []) listener(params as never);
      if (method === "Target.detachedFromTarget") this.#onDetached((params as { sessionId: string }).sessionId);
      return;
    }
    if (id === undefined) return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result as never);
  }

  /** Rejects the commands that the gone target has not answered. */
  #onDetached(sessionId: string): void {
    for (const [id, { sessionId: asked, reject }] of this.#waiting) {
      if (asked !== sessionId) continue;
      this.#waiting.delete(id);
      reject(new AppError("page_closed"));
    }
    this.#sessions.get(sessionId)?.end();
    this.#sessions.delete(sessionId);
  }

  #onClose(): void {
    for (const { reject } of this.#waiting.values()) reject(new AppError("browser_lost"));
    this.#waiting.clear();
    for (const session of this.#sessions.values()) session.end();
    this.#sessions.clear();
  }
}
