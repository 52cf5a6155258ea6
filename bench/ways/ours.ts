/**
 * The real server: a session, its operator socket, and pictures as JSON or as binary messages. The page is the server's
 * own, or a guest: a page that is open in a browser of the bench.
 */

import type { CreateSessionInput, SessionAnswer } from "../../src/protocol/rest.ts";
import { startBenchBrowser } from "../browser.ts";
import type { Measured } from "../cpu.ts";
import { originOf, VIEWPORT } from "../page.ts";
import type { BenchServer } from "../server.ts";
import { actsByMessages } from "./hands.ts";
import { type Form, ViewerSocket } from "./viewer.ts";
import { type Line, type OpenOptions, type OursName, USUAL_PATIENCE_MS } from "./way.ts";

export interface OursOptions extends OpenOptions {
  readonly server: BenchServer;
  readonly form: Form;
  readonly guest?: boolean;
  /** Number of further operators, who only watch. */
  readonly watchers?: number;
  /** The page never comes to rest, so nothing waits for that. */
  readonly moving?: boolean;
  /** Another address for the socket, such as a slow line's. */
  readonly route?: (wsUrl: string) => string;
}

export interface OursLine extends Line {
  readonly operator: ViewerSocket;
  readonly watchers: readonly ViewerSocket[];
}

export function formOf(way: OursName): Form {
  return way === "ours json" ? "json" : "binary";
}

export async function openOurs(options: OursOptions): Promise<OursLine> {
  const { site, asked, view, server, form, route = (url) => url } = options;
  const opened = site.page(asked);
  const { hand = "mouse" } = asked;
  const origin = originOf(hand);
  const { session, measured, close } = options.guest
    ? await openGuest(server, opened.url)
    : await openOwned(server, { url: opened.url, ...(hand === "finger" ? { device: "phone" } : {}) });
  const connect = () => ViewerSocket.connect(route(session.ws_url), form, asked.kind, origin);
  const operator = await connect();
  const watchers: ViewerSocket[] = [];
  for (let index = 0; index < (options.watchers ?? 0); index += 1) watchers.push(await connect());
  if (view === "page") operator.send({ type: "view", mode: "page", scale: 1 });
  const { log } = operator;
  if (options.moving !== true) await log.untilRest();
  if (operator.errors.length > 0) throw new Error(`The server refused: ${operator.errors.join(" ")}`);

  return {
    operator,
    watchers,
    measured,
    page: opened,
    patienceMs: USUAL_PATIENCE_MS,
    ...actsByMessages(
      hand,
      (message) => operator.send(message),
      ({ x, y }) => ({ x: x - origin.x, y: y - origin.y }),
    ),
    begin: async () => {
      for (const viewer of [operator, ...watchers]) viewer.log.clear();
    },
    lastShown: () => log.lastShown(),
    record: async () => ({ sent: null, ...(await log.read()) }),
    close: async () => {
      for (const viewer of [operator, ...watchers]) viewer.close();
      await close();
    },
  };
}

interface OpenedSession {
  readonly session: SessionAnswer;
  readonly measured: Measured;
  readonly close: () => Promise<void>;
}

async function openOwned(server: BenchServer, body: CreateSessionInput): Promise<OpenedSession> {
  const session = await server.createSession(body);
  return {
    session,
    measured: { browserFolder: server.dataDir, serverPid: server.pid },
    close: () => server.endSession(session.session_id),
  };
}

async function openGuest(server: BenchServer, url: string): Promise<OpenedSession> {
  const browser = await startBenchBrowser(VIEWPORT);
  await browser.page.open(url);
  const session = await server.createSession({ cdp: { endpoint: browser.endpoint } });
  return {
    session,
    measured: { browserFolder: browser.folder, serverPid: server.pid },
    close: async () => {
      await server.endSession(session.session_id);
      await browser.close();
    },
  };
}
