/**
 * Captcha Remote inside a bot's own Fastify server: the console and its sockets beside the bot's routes, and one call
 * that hands a page to a person. Starts no server, and closes nothing that it was handed.
 */
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import plugin from "fastify-plugin";
import { type Logger, pino } from "pino";
import type { HandedPage } from "./browser/open/handed-page.ts";
import { ConfigError, configFromOptions } from "./config.ts";
import { isLoopback } from "./environment.ts";
import { AppError, toAppError } from "./errors.ts";
import { API_PREFIX } from "./protocol/api-prefix.ts";
import {
  type CreateSessionInput,
  createSessionSchema,
  type SessionAnswer,
  type SessionResult,
} from "./protocol/rest.ts";
import type { Service } from "./server/compose.ts";
import { problemOfNode, problemOfSystem } from "./server/requirements.ts";
import { redactingLogOptions } from "./util/redacting-logger.ts";
import { unlessAborted } from "./util/with-deadline.ts";

/** As much of an address as a session takes. */
const MAX_URL_LENGTH = 8_192;

/** The variables of the configuration that make sense in a bot's server, in camelCase, and what only code can give. */
export interface CaptchaRemoteOptions {
  /** In front of every route of this service. */
  readonly prefix?: string;
  /** Origin plus prefix, as the operator reaches them. Left out: where the server listens. */
  readonly publicUrl?: string;
  /** Holds the data base. Left out: a temporary folder that goes with the server. */
  readonly dataDir?: string;
  readonly maxSessions?: number;
  readonly defaultTimeoutSeconds?: number;
  readonly maxTimeoutSeconds?: number;
  readonly retentionSeconds?: number;
  /** off: whoever reaches the service from this machine may do everything. On when left out. */
  readonly auth?: "on" | "off";
  /** For bots and ops that use the REST routes beside `handOff`. Left out: nobody does. */
  readonly apiKeys?: string;
  readonly apiKeysFile?: string;
  readonly challengeKindsFile?: string;
  readonly chromiumPath?: string;
  readonly cdpAllow?: string;
  readonly webhookSecret?: string;
  readonly urlAllowPrivate?: "on" | "off";
  readonly allowedOrigins?: string;
  readonly allowedHosts?: string;
  readonly maxCreatesPerMinute?: number;
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
  /** Left out: silent. */
  readonly log?: Logger;
}

type SessionFields = Pick<
  CreateSessionInput,
  "completion" | "label" | "instructions" | "metadata" | "session_id" | "callback_url" | "callback_secret"
>;

export interface HandOffOptions extends Partial<SessionFields> {
  /** How long a person may take, ms. */
  readonly timeoutMs?: number;
  /** Aborted: the session is cancelled, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The link is there for a person to open. Awaited; what it throws cancels the session, and the call rejects with it. */
  readonly onReady?: (session: SessionAnswer) => unknown;
}

export interface HandOff {
  /**
   * Hands a Playwright page of a Chromium to a person and answers at the end of the session, whatever that is: see
   * `outcome`. Meanwhile keep the bot's hands off the page; then go on in it.
   * AppError: invalid_message (an option, or no page of a Chromium), page_in_use, session_exists, capacity,
   * storage_unavailable, shutting_down, timeout (the page hangs). ConfigError: nothing listens yet, and there is no
   * `publicUrl`.
   */
  handOff(page: HandedPage, options?: HandOffOptions): Promise<SessionResult>;
}

declare module "fastify" {
  interface FastifyInstance {
    captchaRemote: HandOff;
  }
}

export const captchaRemote = plugin(
  async (app: FastifyInstance, given: CaptchaRemoteOptions) => {
    const { log = pino({ level: "silent" }), prefix = "", ...options } = given;
    // Checked before anything is made.
    const problem = problemOfNode(process.versions.node) ?? problemOfSystem(process.platform);
    if (problem !== null) throw new ConfigError([problem]);
    const checked = configFromOptions(options);
    const temporary = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), "captcha-remote-")) : null;
    if (temporary) app.addHook("onClose", () => rm(temporary, { recursive: true, force: true }));
    const config = { ...checked, dataDir: temporary ?? checked.dataDir };
    const publicUrl = () => config.publicUrl ?? addressOf(app) + app.prefix + prefix;
    // Only now: an older Node cannot load node:sqlite.
    const { openService, portsOf, prepareInstance } = await import("./server/compose.ts");
    const { serveSessions } = await import("./server/routes.ts");
    const surroundings = { serverPorts: () => portsOf(app), demoOrigin: () => undefined };
    const service = await openService(config, { log, publicUrl, surroundings });
    const handOff: HandOff["handOff"] = (page, wanted) => handOffPage(service, publicUrl, page, wanted);
    app.decorate("captchaRemote", { handOff });
    const upgrades = ownUpgrades(app, `${app.prefix}${prefix}${API_PREFIX}/`);
    // In a context of its own: the bot's routes keep their own errors, headers and checks.
    await app.register(
      async (scope) => {
        if (!config.auth) keepLocal(scope);
        redactingLogOptions(scope);
        await prepareInstance(scope, service, publicUrl, upgrades);
        const { browsers, guard, gauges } = service;
        const health = { unhealthy: () => null, canStartBrowser: browsers.canStart, guard, gauges };
        await serveSessions(scope, service, health);
      },
      { prefix },
    );
  },
  { name: "captcha-remote", fastify: "5.x" },
);

async function handOffPage(
  { controller, browsers, audit }: Service,
  publicUrl: () => string,
  page: HandedPage,
  { timeoutMs, signal = new AbortController().signal, onReady, ...fields }: HandOffOptions = {},
): Promise<SessionResult> {
  signal.throwIfAborted();
  // Without an address there is no link: known before the page is held.
  publicUrl();
  const timeout_seconds = timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1_000);
  // The page is in hand: its address only stands for the one that would have been opened.
  const body = createSessionSchema.safeParse({ ...fields, timeout_seconds, url: page.url().slice(0, MAX_URL_LENGTH) });
  if (!body.success) {
    const issue = body.error.issues[0];
    throw new AppError("invalid_message", { field: issue?.path.join(".") ?? "options", why: issue?.message });
  }
  const onCreated = (session_id: string) =>
    audit.record({ who: "program", address: null, action: "session.create", session_id });
  const creating = controller.create(body.data, { openPage: browsers.openerFor(page), signal, onCreated });
  const session = await creating.catch((error: unknown) => {
    throw signal.aborted ? signal.reason : toAppError(error);
  });
  try {
    await unlessAborted(onReady?.(session), signal);
    return await controller.resultAtEnd(session.session_id, signal);
  } catch (error) {
    controller.cancel(session.session_id);
    // The page is the bot's again when this rejects.
    await controller.result(session.session_id).catch(() => {});
    throw error;
  }
}

/**
 * The connections that want to become sockets of ours: the bot's server may have others, of whatever library. One that
 * is nobody's is ended, as Node would do without us.
 */
function ownUpgrades(app: FastifyInstance, path: string): EventEmitter {
  const ours = new EventEmitter();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Sockets that the bot has registered since take all of them, ours too.
    if (app.hasDecorator("websocketServer")) return;
    if (request.url?.startsWith(path)) ours.emit("upgrade", request, socket, head);
    else if (app.server.listenerCount("upgrade") === 1) socket.destroy();
  };
  app.server.on("upgrade", onUpgrade);
  app.addHook("onClose", async () => void app.server.off("upgrade", onUpgrade));
  return ours;
}

/** Without keys and links nobody but this machine may reach the service, wherever the bot's server listens. */
function keepLocal(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ socket }) => {
    const { remoteAddress = "", localAddress } = socket;
    // Whoever comes from the very address that it reaches is on this machine.
    if (!isLoopback(remoteAddress.replace(/^::ffff:/, "")) && remoteAddress !== localAddress)
      throw new AppError("forbidden", { why: "AUTH=off serves this machine only" });
  });
}

function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (typeof address !== "object" || address === null) {
    throw new ConfigError(["publicUrl: needed where the server does not listen on a port (yet)"]);
  }
  const scheme = app.initialConfig.https ? "https" : "http";
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `${scheme}://${host === "0.0.0.0" || host === "[::]" ? "127.0.0.1" : host}:${address.port}`;
}
