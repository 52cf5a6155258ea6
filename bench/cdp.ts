/** A small raw DevTools client: one socket to a browser, and sessions of its pages, with no server between. */
import { WebSocket } from "ws";

const CALL_DEADLINE_MS = 10_000;

type Params = Record<string, unknown>;
type Listener = (params: Params, wireBytes: number) => void;

interface Incoming {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: Params) => void;
  readonly reject: (error: Error) => void;
}

export class Cdp {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, Listener>();
  #ids = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#onMessage(data));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("The browser is gone."));
      this.#waiting.clear();
    });
  }

  static async connect(endpoint: string): Promise<Cdp> {
    const socket = new WebSocket(endpoint, { perMessageDeflate: false });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return new Cdp(socket);
  }

  /** A session of the browser's one page. */
  async page(): Promise<CdpSession> {
    const { targetInfos } = await this.send("", "Target.getTargets");
    const target = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === "page");
    if (!target) throw new Error("The browser has no page.");
    const { sessionId } = await this.send("", "Target.attachToTarget", { targetId: target.targetId, flatten: true });
    return new CdpSession(this, String(sessionId));
  }

  /** An empty `sessionId` stands for the browser itself. */
  async send(sessionId: string, method: string, params: Params = {}): Promise<Params> {
    const id = ++this.#ids;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<Params>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      timer = setTimeout(() => reject(new Error(`${method} was not answered`)), CALL_DEADLINE_MS);
    });
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === "" ? {} : { sessionId }) }));
    return answer.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(id);
    });
  }

  /** One listener for each event and session. */
  on(sessionId: string, method: string, listener: Listener): void {
    this.#listeners.set(`${sessionId} ${method}`, listener);
  }

  close(): void {
    this.#socket.terminate();
  }

  #onMessage(data: Buffer): void {
    const message = JSON.parse(data.toString()) as Incoming;
    if (message.id === undefined) {
      this.#listeners.get(`${message.sessionId ?? ""} ${message.method}`)?.(message.params ?? {}, data.length);
    } else if (message.error) {
      this.#waiting.get(message.id)?.reject(new Error(message.error.message));
    } else {
      this.#waiting.get(message.id)?.resolve(message.result ?? {});
    }
  }
}

export class CdpSession {
  readonly #cdp: Cdp;
  readonly #id: string;

  constructor(cdp: Cdp, id: string) {
    this.#cdp = cdp;
    this.#id = id;
  }

  send(method: string, params: Params = {}): Promise<Params> {
    return this.#cdp.send(this.#id, method, params);
  }

  /** Without waiting for the answer. */
  post(method: string, params: Params = {}): void {
    this.send(method, params).catch(() => {});
  }

  on(method: string, listener: Listener): void {
    this.#cdp.on(this.#id, method, listener);
  }

  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (answer["exceptionDetails"]) throw new Error(JSON.stringify(answer["exceptionDetails"]));
    return (answer["result"] as { value: T }).value;
  }

  /** Opens a URL and waits for its load event. */
  async open(url: string): Promise<void> {
    await this.send("Page.enable");
    const loaded = new Promise<void>((resolve) => this.on("Page.loadEventFired", () => resolve()));
    await this.send("Page.navigate", { url });
    await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, CALL_DEADLINE_MS).unref())]);
  }
}
