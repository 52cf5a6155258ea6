/**
 * Captcha Remote inside a bot's own Fastify server: the console and its sockets beside the bot's routes, and one call
 * that hands a page to a person. Starts no server, and closes nothing that it was handed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import plugin from "fastify-plugin";
import { type Logger, pino } from "pino";
import type { HandedPage } from "./browser/handed-page.ts";
import { ConfigError, configFromOptions, isLoopback } from "./config.ts";
import { AppError } from "./errors.ts";
import {
  type CreateSessionInput,
  createSessionSchema,
  type SessionAnswer,
  type SessionResult,
} from "./protocol/rest.ts";
import { openService, prepareInstance, type Service, serveSessions } from "./service.ts";

/** The variables of the configuration that make sense in a bot's server, in camelCase, and what only code can give. */
export interface CaptchaRemoteOptions {
  /** Origin plus the prefix this is registered under, as the operator reaches it. Left out: where the server listens. */
  readonly publicUrl?: string;
  /** Holds the data base. Left out: a temporary folder that goes with the server. */
  readonly dataDir?: string;
  readonly maxSessions?: number;
  readonly defaultTimeoutSeconds?: number;
  readonly maxTimeoutSeconds?: number;
  readonly retentionSeconds?: number;
  readonly challengeKindsFile?: string;
  readonly chromiumPath?: string;
  readonly cdpAllow?: string;
  readonly webhookSecret?: string;
  readonly urlAllowPrivate?: "on" | "off";
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
  /** The link is there for a person to open. */
  readonly onReady?: (session: SessionAnswer) => void;
}

export interface HandOff {
  /**
   * Hands a Playwright page of a Chromium to a person and answers at the end of the session, whatever that is: see
   * `outcome`. Meanwhile keep the bot's hands off the page; then go on in it.
   * AppError: invalid_message (an option, or no page of a Chromium), page_in_use, capacity, timeout (the page hangs).
   */
  handOff(page: HandedPage, options?: HandOffOptions): Promise<SessionResult>;
}

declare module "fastify" {
  interface FastifyInstance {
    captchaRemote: HandOff;
  }
}

export const captchaRemote = plugin(
  async (app: FastifyInstance, { log = pino({ level: "silent" }), ...options }: CaptchaRemoteOptions) => {
    const temporary = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), "captcha-remote-")) : null;
    const config = configFromOptions({ ...options, dataDir: options.dataDir ?? temporary ?? "" });
    const publicUrl = () => config.publicUrl ?? addressOf(app);
    const service = await openService(config, { log, publicUrl });
    app.decorate("captchaRemote", { handOff: (page, given) => handOff(service, page, given) });
    // In a context of its own: the bot's routes keep their own errors, headers and checks.
    await app.register(async (scope) => {
      keepLocal(scope);
      await prepareInstance(scope, service, publicUrl);
      await serveSessions(scope, service, { unhealthy: () => null, canStartBrowser: service.browsers.canStart });
    });
    if (temporary) app.addHook("onClose", () => rm(temporary, { recursive: true, force: true }));
  },
  { name: "captcha-remote", fastify: "5.x" },
);

async function handOff(
  { controller, browsers }: Service,
  page: HandedPage,
  { timeoutMs, signal, onReady, ...fields }: HandOffOptions = {},
): Promise<SessionResult> {
  signal?.throwIfAborted();
  const timeout_seconds = timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1_000);
  // The page is in hand: its address stands for the one that would have been opened.
  const body = createSessionSchema.safeParse({ ...fields, timeout_seconds, url: page.url() });
  if (!body.success) {
    const issue = body.error.issues[0];
    throw new AppError("invalid_message", { field: issue?.path.join(".") ?? "options", why: issue?.message });
  }
  const session = await controller.create(body.data, { openPage: browsers.holding(page) });
  onReady?.(session);
  const ended = controller.resultAtEnd(session.session_id, signal ?? new AbortController().signal);
  return ended.catch((error: unknown) => {
    controller.cancel(session.session_id);
    throw error;
  });
}

/** Until there are keys, nobody but this machine may reach the service, wherever the bot's server listens. */
function keepLocal(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ socket }) => {
    const address = socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
    if (!isLoopback(address)) throw new AppError("forbidden", { why: "AUTH=off serves this machine only" });
  });
}

function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (typeof address !== "object" || address === null)
    throw new ConfigError(["publicUrl: needed where nothing listens"]);
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host === "0.0.0.0" || host === "[::]" ? "127.0.0.1" : host}:${address.port}${app.prefix}`;
}
