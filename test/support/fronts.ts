/**
 * Stand-ins of what lies between a server and a bot's browser: proxies, tunnels and browser services. Each answers as its
 * documents say, and passes the WebSocket on to a real browser or plays one that was started for the connection.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

const BLANK_TAB = { targetId: "F".repeat(32), type: "page", title: "", url: "about:blank", attached: false };

export interface FrontOptions {
  /** The browser's own ws: address. "fresh": a browser of its own for each connection, which only lists its pages. */
  readonly browser: string | "fresh";
  /** The pages of fresh browsers; left out: a blank tab. */
  readonly targets?: readonly object[];
  /** The path where the WebSocket is; left out: the one where the browser has it. */
  readonly path?: string;
  /** The ws: address that `/json/version` answers; left out: the front has no such path. */
  readonly names?: string;
  /** The sub-path that it serves, and hides from what is behind it. */
  readonly base?: string;
  /** What each request must have in its query, or in place of a name and password; else it is answered 401. */
  readonly query?: Readonly<Record<string, string>>;
  readonly basic?: string;
  /** The only Host that it serves; every other is answered 404. */
  readonly host?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Where it listens; left out: 127.0.0.1. */
  readonly address?: string;
}

export interface Front {
  readonly port: number;
  /** Path, query and Host of each request. */
  readonly asked: { readonly url: string; readonly host: string }[];
  /** The names in TLS, of each connection. */
  readonly serverNames: unknown[];
  /** The commands that fresh browsers got. */
  readonly commands: string[];
  /** How many connections are open. */
  readonly open: () => number;
  close(): Promise<void>;
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const { browser, names, tls, address = "127.0.0.1" } = options;
  const front = new FrontState(options);
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const refused = front.refusalOf(request);
    if (refused !== null) response.writeHead(refused).end("refused");
    else if (names !== undefined && front.pathOf(request) === "/json/version") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ Browser: "Chrome/156.0.0.0", webSocketDebuggerUrl: names }));
    } else response.writeHead(404).end("not found");
  };
  const server = tls ? createHttpsServer({ key: tls.key, cert: tls.cert }, onRequest) : createHttpServer(onRequest);
  const sockets = new Set<Duplex>();
  server.on(tls ? "secureConnection" : "connection", (socket: Socket & { servername?: unknown }) => {
    front.serverNames.push(socket.servername);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  const fresh = new WebSocketServer({ noServer: true });
  fresh.on("connection", (socket: WebSocket) => playFresh(socket, front.commands, options.targets ?? [BLANK_TAB]));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = options.path ?? (browser === "fresh" ? "/" : new URL(browser).pathname);
    const refused = front.refusalOf(request) ?? (front.pathOf(request) === path ? null : 404);
    if (refused !== null) socket.end(`HTTP/1.1 ${refused} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    else if (browser === "fresh") fresh.handleUpgrade(request, socket, head, (own) => fresh.emit("connection", own));
    else passOn(new URL(browser), request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked: front.asked,
    serverNames: front.serverNames,
    commands: front.commands,
    open: () => sockets.size,
    close: () => closeServer(server, sockets),
  };
}

class FrontState {
  readonly asked: { url: string; host: string }[] = [];
  readonly serverNames: unknown[] = [];
  readonly commands: string[] = [];
  readonly #options: FrontOptions;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** The status that refuses a request; null: it is served. */
  refusalOf({ url = "/", headers }: IncomingMessage): number | null {
    const { query = {}, basic, host, base = "" } = this.#options;
    this.asked.push({ url, host: headers.host ?? "" });
    const { pathname, searchParams } = new URL(url, "http://front");
    if (host !== undefined && headers.host?.split(":")[0] !== host) return 404;
    if (!pathname.startsWith(base)) return 404;
    if (Object.entries(query).some(([name, value]) => searchParams.get(name) !== value)) return 401;
    const authorization = basic === undefined ? undefined : `Basic ${Buffer.from(basic).toString("base64")}`;
    return authorization === headers.authorization ? null : 401;
  }

  /** The path as what is behind the front sees it. */
  pathOf({ url = "/" }: IncomingMessage): string {
    const { pathname } = new URL(url, "http://front");
    return pathname.slice((this.#options.base ?? "").length) || "/";
  }
}

/** As a service that starts a browser for the connection. */
function playFresh(socket: WebSocket, commands: string[], targetInfos: readonly object[]): void {
  socket.on("message", (data) => {
    const { id, method } = JSON.parse(String(data));
    commands.push(method);
    const answer = method === "Target.getTargets" ? { result: { targetInfos } } : { error: { message: "no" } };
    socket.send(JSON.stringify({ id, ...answer }));
  });
}

/** Passes the upgrade on, and then every byte. */
function passOn(browser: URL, request: IncomingMessage, near: Duplex, head: Buffer): void {
  const far = connect(Number(browser.port), browser.hostname);
  const { rawHeaders } = request;
  const lines = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() !== "host" ? [`${name}: ${rawHeaders[at + 1]}`] : [],
  );
  far.write([`GET ${browser.pathname} HTTP/1.1`, `Host: ${browser.host}`, ...lines, "", ""].join("\r\n"));
  far.write(head);
  far.pipe(near).pipe(far);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => {});
    one.once("close", () => other.destroy());
  }
}

async function closeServer(server: Server, sockets: ReadonlySet<Duplex>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** Passes TCP on to a port of 127.0.0.1, from another address or port. */
export async function startForwarder(port: number, address: string): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Duplex>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    sockets.add(near).add(far);
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
