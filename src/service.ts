/** What serves sessions on a Fastify instance, whosever that is: our own (app.ts) or a bot's (plugin.ts). */
import type { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { fileURLToPath } from "node:url";
import helmet from "@fastify/helmet";
import websocket, { type WebSocket } from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { type BrowserRoom, openBrowserRoom } from "./browser/open-page.ts";
import type { Config } from "./config.ts";
import { Connections } from "./http/connections.ts";
import { consoleRoutes } from "./http/console.ts";
import { createRateLimiter } from "./http/create-rate.ts";
import { errorSender, refuseUnknownRoutes } from "./http/error-handler.ts";
import { eventRoutes } from "./http/events.ts";
import { type HealthOptions, healthRoutes } from "./http/health.ts";
import { chooseSubprotocol, liveRoute } from "./http/live.ts";
import { metricsRoute } from "./http/metrics.ts";
import { keepOtherSitesOut, letSitesRead } from "./http/origin.ts";
import { Refusals } from "./http/refusals.ts";
import { sessionRoutes } from "./http/sessions.ts";
import { goesToWebhook } from "./protocol/events.ts";
import { CaptchaRemoteController } from "./session/controller.ts";
import { EventFeed } from "./session/event-feed.ts";
import { openSqliteStore } from "./session/sqlite-store.ts";
import { Outbox } from "./webhooks/outbox.ts";
import { HOURLY_SCHEDULE, type Schedule } from "./webhooks/schedule.ts";

export const API_PREFIX = "/api/captcha";
const PUBLIC_DIR = fileURLToPath(new URL("../public/", import.meta.url));
/** A client that never answers a close must not hold up the server's. */
const CLOSE_PATIENCE_MS = 500;
/** No body but that of a creation has anything large in it. */
const SMALL_BODY_BYTES = 64 * 1024;
const HSTS_SECONDS = 365 * 86_400;

/** Without `blob:` and `data:`: pictures are decoded from bytes. */
const CONTENT_POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "connect-src": ["'self'"],
  "img-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "require-trusted-types-for": ["'script'"],
};

export interface ServiceDeps {
  readonly log: Logger;
  /** Origin plus base path that links are built from; known once the server listens. */
  readonly publicUrl: () => string;
  /** When webhooks are tried again; left out: for an hour. */
  readonly webhookSchedule?: Schedule | undefined;
  /** Counts what this server refuses; left out: a new one. */
  readonly refusals?: Refusals;
}

export interface Service {
  readonly config: Config;
  readonly controller: CaptchaRemoteController;
  /** The operators'. */
  readonly sockets: Set<WebSocket>;
  readonly connections: Connections;
  readonly refusals: Refusals;
  readonly browsers: BrowserRoom;
  /** Ends all sessions, tells of their ends, and closes the store. */
  close(): Promise<void>;
}

/** Opens what sessions need; the caller closes it. Throws when DATA_DIR cannot be used. */
export async function openService(config: Config, deps: ServiceDeps): Promise<Service> {
  const { log, publicUrl, webhookSchedule: schedule = HOURLY_SCHEDULE, refusals = new Refusals() } = deps;
  const store = openSqliteStore(config.dataDir);
  const browsers = await openBrowserRoom(config, log);
  const events = new EventFeed(store.events, log);
  const outbox = new Outbox({ queue: store.deliveries, config, log, schedule });
  events.onEvent((event) => goesToWebhook(event) && outbox.wake());
  const { openPage } = browsers;
  const controller = new CaptchaRemoteController({ config, store, events, openPage, log, publicUrl });
  // What the last server left to be told.
  outbox.wake();
  return {
    config,
    controller,
    sockets: new Set(),
    connections: new Connections(config),
    refusals,
    browsers,
    async close() {
      await Promise.all([controller.close(), browsers.close()]);
      // The ends of those sessions are the last events.
      await Promise.all([events.close(), outbox.stop()]);
      store.close();
    },
  };
}

/**
 * Guards, sockets and error answers for this instance and what is registered in it, and the end of it all. `upgrades`
 * tells of the connections that want to become sockets of ours.
 */
export async function prepareInstance(
  app: FastifyInstance,
  { close, config, sockets, refusals }: Service,
  publicUrl: () => string,
  upgrades: EventEmitter = app.server,
): Promise<void> {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON only: a form on another site cannot post that without a preflight, which is never granted.
  app.removeContentTypeParser(["text/plain", "application/json"]);
  // Whatever a bot's own server thinks of prototypes in bodies.
  app.addContentTypeParser("application/json", { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
  app.addHook("onRoute", (route) => {
    route.bodyLimit ??= Math.min(SMALL_BODY_BYTES, config.maxBodyBytes);
  });
  app.setErrorHandler(errorSender(refusals));
  keepOtherSitesOut(app, publicUrl, config);
  app.addHook("preClose", close);
  app.addHook("preClose", async () => endSockets(sockets));
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { ...CONTENT_POLICY, "frame-ancestors": ["'self'", ...config.allowedOrigins] },
    },
    // The older header knows no list, so where there is one it would say something else.
    xFrameOptions: config.allowedOrigins.length > 0 ? false : { action: "sameorigin" },
    strictTransportSecurity: config.publicUrl?.startsWith("https:")
      ? { maxAge: HSTS_SECONDS, includeSubDomains: false }
      : false,
  });
  // A bot's own server may have sockets already.
  if (app.hasDecorator("websocketServer")) return;
  await app.register(websocket, {
    options: {
      server: upgrades as Server,
      maxPayload: config.maxMessageBytes,
      handleProtocols: chooseSubprotocol,
      perMessageDeflate: false,
    },
    // Sockets are ended by the hook above, with a bound.
    preClose: (done) => done(),
  });
}

/** REST, the operator socket and the console below API_PREFIX. */
export async function serveSessions(
  app: FastifyInstance,
  { config, controller, sockets, connections, refusals }: Service,
  health: HealthOptions,
  more: (api: FastifyInstance) => Promise<void> = async () => {},
): Promise<void> {
  await app.register(
    async (api) => {
      // First, as the question of a browser whether it may ask comes without a key.
      await letSitesRead(api, config);
      refuseUnknownRoutes(api);
      const limitCreates = await createRateLimiter(api, config.maxCreatesPerMinute);
      await api.register(healthRoutes, health);
      await api.register(metricsRoute, { refusals });
      await api.register(sessionRoutes, { controller, maxBodyBytes: config.maxBodyBytes, limitCreates });
      await api.register(eventRoutes, { controller, connections });
      await api.register(liveRoute, { controller, sockets, connections, refusals, limits: config });
      await api.register(consoleRoutes, { publicDir: PUBLIC_DIR });
      await more(api);
    },
    { prefix: API_PREFIX },
  );
}

async function endSockets(clients: ReadonlySet<WebSocket>): Promise<void> {
  for (const client of clients) client.close(1001, "shutting_down");
  const closed = [...clients].map((client) => new Promise((resolve) => client.once("close", resolve)));
  await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, CLOSE_PATIENCE_MS))]);
  for (const client of clients) client.terminate();
}
