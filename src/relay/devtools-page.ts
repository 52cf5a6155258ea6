/** A page that is reached by the debugging port of the bot's browser. */
import { WebSocket } from "ws";
import { RelayError } from "./errors.ts";
import type { Command, DevToolsEvent } from "./filter.ts";
import type { GoneReason, LocalPage } from "./local-page.ts";
import { isObject } from "./methods.ts";

type Facts = Readonly<Record<string, unknown>>;

const CONNECT_DEADLINE_MS = 5_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_CANDIDATES = 20;
/** Pages of the browser's own, which no person is asked about. */
const SURFACES = /^(devtools|chrome|chrome-untrusted|chrome-extension|edge|about):/;
const TABS_ONLY = [{ type: "page" }, { exclude: true }];

/** Which page of a browser is lent; nothing: the only one that it has. */
export interface PageChoice {
  readonly targetId?: string | undefined;
  readonly urlContains?: string | undefined;
}

interface Waiting {
  readonly resolve: (result: Facts) => void;
  readonly reject: (error: Error) => void;
}

/** `9222`, `http://host:port`, or the `ws:` address of a browser. RelayError: invalid_message, cdp_unreachable. */
export async function browserAddress(given: string | number): Promise<string> {
  const text = String(given);
  const url = parsed(/^\d{1,5}$/.test(text) ? `http://127.0.0.1:${text}` : text);
  if (!url || !["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    throw new RelayError("invalid_message", "the browser is a port such as 9222, or an http: or ws: address");
  }
  if (url.protocol.startsWith("ws")) return url.href;
  const base = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
  const version = new URL(`${base}json/version${url.search}`, url);
  const signal = AbortSignal.timeout(CONNECT_DEADLINE_MS);
  const answer: unknown = await fetch(version, { signal, redirect: "manual" })
    .then((response) => response.json())
    .catch((cause: unknown) => {
      throw new RelayError("cdp_unreachable", `no browser answers at ${url.host}`, { cause });
    });
  const named = isObject(answer) ? parsed(String(answer["webSocketDebuggerUrl"])) : null;
  if (!named) throw new RelayError("cdp_unreachable", `what answers at ${url.host} is no browser`);
  // A browser may know itself by another name: the one that was given is the one that is dialled.
  const socket = new URL(`${named.pathname}${named.search}`, url);
  socket.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return socket.href;
}

/** URL.parse() is newer than Node 20. */
function parsed(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

export class DevToolsPage implements LocalPage {
  readonly targetId: string;
  readonly crop = null;
  readonly gone: Promise<GoneReason>;
  readonly #browser: BrowserSocket;

  private constructor(browser: BrowserSocket, targetId: string) {
    this.#browser = browser;
    this.targetId = targetId;
    this.gone = new Promise((resolve) => {
      void browser.closed.then(() => resolve("browser_lost"));
      browser.listen(({ method, params }) => {
        if (params["targetId"] !== targetId) return;
        if (method === "Target.targetCrashed") resolve("page_crashed");
        if (method === "Target.targetDestroyed") resolve("page_closed");
      });
    });
  }

  /** Connects to the browser, and finds the page. RelayError: cdp_unreachable, target_not_found, target_ambiguous. */
  static async open(browser: string | number, choice: PageChoice = {}): Promise<DevToolsPage> {
    const socket = await BrowserSocket.connect(await browserAddress(browser));
    try {
      const page = new DevToolsPage(socket, await chosen(socket, choice));
      return page;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  async send({ method, params, sessionId }: Command): Promise<Facts> {
    // The tabs are followed from the begin: the filter knows them.
    if (method === "Target.setDiscoverTargets") return {};
    return this.#browser.send(method, params, sessionId);
  }

  onEvent(listener: (event: DevToolsEvent) => void): void {
    this.#browser.listen(listener);
    this.#browser.send("Target.setDiscoverTargets", { discover: true, filter: TABS_ONLY }).catch(() => {});
  }

  reset(sessions: readonly string[]): void {
    for (const sessionId of sessions) {
      this.#browser.send("Page.stopScreencast", {}, sessionId).catch(() => {});
      this.#browser.send("Target.detachFromTarget", { sessionId }).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#browser.close();
  }
}

/** A browser's DevTools socket. */
class BrowserSocket {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: ((event: DevToolsEvent) => void)[] = [];
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#onMessage(JSON.parse(data.toString())));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const { reject } of this.#waiting.values()) reject(new Error("the browser is gone"));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  static async connect(address: string): Promise<BrowserSocket> {
    const options = { perMessageDeflate: false, handshakeTimeout: CONNECT_DEADLINE_MS, maxPayload: MAX_MESSAGE_BYTES };
    const socket = new WebSocket(address, options);
    const browser = new BrowserSocket(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      // A close follows each error.
      socket.on("error", reject);
    }).catch((cause: unknown) => {
      throw new RelayError("cdp_unreachable", `no browser answers at ${new URL(address).host}`, { cause });
    });
    return browser;
  }

  listen(listener: (event: DevToolsEvent) => void): void {
    this.#listeners.push(listener);
  }

  send(method: string, params: Facts, sessionId?: string): Promise<Facts> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("the browser is gone"));
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Facts>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return answered;
  }

  close(): void {
    this.#socket.terminate();
  }

  #onMessage(message: Facts): void {
    const { id, method, params, sessionId, result, error } = message;
    if (typeof method === "string") {
      const session = typeof sessionId === "string" ? sessionId : undefined;
      for (const listen of this.#listeners) {
        listen({ method, params: isObject(params) ? params : {}, sessionId: session });
      }
      return;
    }
    if (typeof id !== "number") return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (isObject(error)) waiting?.reject(new Error(String(error["message"])));
    else waiting?.resolve(isObject(result) ? result : {});
  }
}

async function chosen(browser: BrowserSocket, { targetId, urlContains }: PageChoice): Promise<string> {
  const { targetInfos } = await browser.send("Target.getTargets", {});
  const all: readonly unknown[] = Array.isArray(targetInfos) ? targetInfos : [];
  const pages = all.filter(isObject).flatMap(({ targetId: id, type, url }) => {
    const isPage = type === "page" && typeof id === "string" && typeof url === "string";
    return isPage && !SURFACES.test(url) ? [{ id, url }] : [];
  });
  const matching = pages.filter(
    ({ id, url }) =>
      (targetId === undefined || id === targetId) && (urlContains === undefined || url.includes(urlContains)),
  );
  const [first] = matching;
  if (first && matching.length === 1) return first.id;
  const shown = (matching.length > 0 ? matching : pages).slice(0, MAX_CANDIDATES);
  const listed = shown.map(({ id, url }) => `  ${id}  ${url.split(/[?#]/)[0]}`);
  const what = matching.length > 0 ? "More than one page of the browser matches" : "No page of the browser matches";
  throw new RelayError(
    matching.length > 0 ? "target_ambiguous" : "target_not_found",
    [`${what}:`, ...listed].join("\n"),
  );
}
