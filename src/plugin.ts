/**
 * Captcha Remote inside a bot's own Fastify server: the console and its sockets beside the bot's routes, and one call
 * that hands a page to a person. The plugin starts no server, and leaves open what the bot has opened.
 */
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
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

/** The longest `url` of a session, in characters. */
const MAX_URL_LENGTH = 8_192;

/** The configuration variables that make sense in a bot's server, in camelCase, and options that only code can set. */
export interface CaptchaRemoteOptions {
  /** Path in front of every route of this service. */
  readonly prefix?: string;
  /** Origin plus prefix under which operators reach the service. Left out: the address that the server listens on. */
  readonly publicUrl?: string;
  /** Folder of the database. Left out: a temporary folder, removed when the server closes. */
  readonly dataDir?: string;
  readonly maxSessions?: number;
  readonly defaultTimeoutSeconds?: number;
  readonly maxTimeoutSeconds?: number;
  readonly retentionSeconds?: number;
  /** off: anyone on this machine may do everything. On when left out. */
  readonly auth?: "on" | "off";
  /** Keys for bots and ops that use the REST routes beside `handOff`. Left out: no key is valid there. */
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
  readonly maxMcpCallsPerMinute?: number;
  readonly mcpCodes?: "on" | "off";
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
  /** Left out: nothing is logged. */
  readonly log?: Logger;
}

type SessionFields = Pick<
  CreateSessionInput,
  "completion" | "label" | "instructions" | "metadata" | "session_id" | "callback_url" | "callback_secret"
>;

export interface HandOffOptions extends Partial<SessionFields> {
  /** The longest life of the session, in ms; the server counts whole seconds, rounded up. */
  readonly timeoutMs?: number;
  /** An abort cancels the session, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with the session when its link can be opened, and awaited. An error that it throws cancels the session; the call rejects with that error. */
  readonly onReady?: (session: SessionAnswer) => unknown;
}

export interface HandOff {
  /**
   * Hands a Playwright page of a Chromium to a person and resolves with the result when the session ends; `outcome` says
   * how. The bot must not act on the page meanwhile, and goes on in it afterwards.
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
    // These checks come before anything is created.
    const problem = problemOfNode(process.versions.node) ?? problemOfSystem(process.platform);
    if (problem !== null) throw new ConfigError([problem]);
    const checked = configFromOptions(options);
    const temporary = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), "captcha-remote-")) : null;
    if (temporary) app.addHook("onClose", () => rm(temporary, { recursive: true, force: true }));
    const config = { ...checked, dataDir: temporary ?? checked.dataDir };
    const publicUrl = () => config.publicUrl ?? addressOf(app) + app.prefix + prefix;
    // Imported after the checks, as an older Node cannot load node:sqlite.
    const { openService, portsOf, prepareInstance } = await import("./server/compose.ts");
    const { serveSessions } = await import("./server/routes.ts");
    const pageOpener = { serverPorts: () => portsOf(app), demoOrigin: () => undefined };
    const service = await openService(config, { log, publicUrl, pageOpener });
    const handOff: HandOff["handOff"] = (page, wanted) => handOffPage(service, publicUrl, page, wanted);
    app.decorate("captchaRemote", { handOff });
    const upgrades = ownUpgrades(app, `${app.prefix}${prefix}${API_PREFIX}/`);
    // A context of its own, so that the bot's routes keep their own errors, headers and checks.
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
  // Throws if there is no address yet: without one there is no link, so the page is not taken.
  publicUrl();
  const timeout_seconds = timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1_000);
  // The page is already open. A body needs a `url`, so it gets the page's.
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
    // Waits for the end, so that the bot has its page back when this rejects.
    await controller.result(session.session_id).catch(() => {});
    throw error;
  }
}

/**
 * Emits `upgrade` for requests below `path`. The bot's server may have sockets of any other library. A request that no
 * listener claims is ended, as Node does without an upgrade listener.
 */
function ownUpgrades(app: FastifyInstance, path: string): EventEmitter {
  const ours = new EventEmitter();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // If the bot has registered @fastify/websocket since, that plugin gets all upgrades, these too.
    if (app.hasDecorator("websocketServer")) return;
    if (request.url?.startsWith(path)) ours.emit("upgrade", request, socket, head);
    else if (app.server.listenerCount("upgrade") === 1) socket.destroy();
  };
  app.server.on("upgrade", onUpgrade);
  app.addHook("onClose", async () => void app.server.off("upgrade", onUpgrade));
  return ours;
}

/** Refuses requests of other machines, wherever the bot's server listens: without keys and links everything is open. */
function keepLocal(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ raw }) => {
    // A request of this process to itself has no socket: an MCP tool's, whose caller was let in by its own address.
    if (!(raw.socket instanceof Socket)) return;
    const { remoteAddress = "", localAddress } = raw.socket;
    // A client whose own address is the one that it connected to is on this machine.
    if (!isLoopback(remoteAddress.replace(/^::ffff:/, "")) && remoteAddress !== localAddress)
      throw new AppError("forbidden", { why: "AUTH=off serves this machine only" });
  });
}

/** Origin of the address that the server listens on. Throws ConfigError if it does not listen on a port. */
function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (typeof address !== "object" || address === null) {
    throw new ConfigError(["publicUrl: needed where the server does not listen on a port (yet)"]);
  }
  const scheme = app.initialConfig.https ? "https" : "http";
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `${scheme}://${host === "0.0.0.0" || host === "[::]" ? "127.0.0.1" : host}:${address.port}`;
}
