/**
 * The real server: a session, its operator socket, and pictures as JSON or as binary messages, or what has changed. The page is the server's
 * own, or a guest: a page that is open in a browser of the bench.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CreateSessionInput, SessionAnswer } from "../../src/protocol/rest.ts";
import { startBenchBrowser } from "../browser.ts";
import { atEnd } from "../cleanup.ts";
import type { Measured } from "../cpu.ts";
import { BENCH_KEY } from "../key.ts";
import { originOf, VIEWPORT } from "../page.ts";
import type { BenchServer } from "../server.ts";
import { actsByMessages } from "./hands.ts";
import { type Form, ViewerSocket } from "./viewer.ts";
import { type Line, type OpenOptions, type OursName, USUAL_PATIENCE_MS } from "./way.ts";

const CROP_BOT = fileURLToPath(new URL("../crop-bot.ts", import.meta.url));
const RELAY_BOT = fileURLToPath(new URL("../relay-bot.ts", import.meta.url));

/**
 * How a page of a browser of the bench is reached: directly, also with a bot that crops it, or over a relay that shows its
 * half or a part of it.
 */
export type Guest = "direct" | "helped" | "relay half" | "relay part";

export interface OursOptions extends OpenOptions {
  readonly server: BenchServer;
  readonly form: Form;
  /** Left out: a page of the server's own. */
  readonly guest?: Guest;
  /** Another address for the server, as the bot of a relay dials it. */
  readonly relayRoute?: (url: string) => string;
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
  if (way === "ours damage") return "damage";
  return way === "ours json" ? "json" : "binary";
}

export async function openOurs(options: OursOptions): Promise<OursLine> {
  const { site, asked, view, form, route = (url) => url } = options;
  const opened = site.page(asked);
  const { hand = "mouse" } = asked;
  const origin = originOf(hand);
  const { session, measured, close } = await openSession(options, {
    url: opened.url,
    ...(hand === "finger" ? { device: "phone" } : {}),
  });
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

function openSession({ server, guest, relayRoute }: OursOptions, body: OwnedBody): Promise<OpenedSession> {
  if (guest === undefined) return openOwned(server, body);
  if (guest === "direct") return openGuest(server, body.url);
  if (guest === "helped") return openHelped(server, body.url);
  return openRelayed(server, body.url, { guest, route: relayRoute ?? ((address) => address) });
}

type OwnedBody = CreateSessionInput & { readonly url: string };

async function openOwned(server: BenchServer, body: OwnedBody): Promise<OpenedSession> {
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

async function openHelped(server: BenchServer, url: string): Promise<OpenedSession> {
  const browser = await startBenchBrowser(VIEWPORT);
  const bot = spawn(process.execPath, [CROP_BOT, server.url.href, browser.endpoint, url], {
    env: { ...process.env, CAPTCHA_REMOTE_KEY: BENCH_KEY },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const stop = atEnd(async () => {
    bot.kill();
  });
  const said = async () => String(await once(bot.stdout, "data")).split("\n")[0] ?? "";
  const session = await server.createSession({ cdp: { endpoint: browser.endpoint, target_id: await said() } });
  const isUp = said();
  bot.stdin.write(`${session.session_id}\n`);
  if ((await isUp) !== "up") throw new Error("The bot does not crop its page.");
  return {
    session,
    measured: { browserFolder: browser.folder, serverPid: server.pid },
    close: async () => {
      await server.endSession(session.session_id);
      await stop();
      await browser.close();
    },
  };
}

interface RelayedOptions {
  readonly guest: Exclude<Guest, "direct" | "helped">;
  readonly route: (url: string) => string;
}

async function openRelayed(server: BenchServer, url: string, { guest, route }: RelayedOptions): Promise<OpenedSession> {
  const browser = await startBenchBrowser(VIEWPORT);
  const pictures = guest === "relay part" ? "part" : "half";
  if (pictures === "half") await browser.page.open(url);
  const args = [RELAY_BOT, route(server.url.href), browser.endpoint, url, pictures];
  const bot = spawn(process.execPath, args, {
    env: { ...process.env, CAPTCHA_REMOTE_KEY: BENCH_KEY },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = atEnd(async () => {
    bot.kill();
  });
  const [relay] = String(await once(bot.stdout, "data")).split("\n");
  const session = await server.createSession({ relay: relay ?? "" });
  return {
    session,
    measured: { browserFolder: browser.folder, serverPid: server.pid },
    close: async () => {
      await server.endSession(session.session_id);
      await stop();
      await browser.close();
    },
  };
}
