/** The wiring, in reading order: what the server is made of. It does not listen. */
import { fileURLToPath } from "node:url";
import helmet from "@fastify/helmet";
import websocket from "@fastify/websocket";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { openBrowserRoom } from "./browser/open-page.ts";
import type { Config } from "./config.ts";
import { DemoSession } from "./demo/demo-session.ts";
import { describeApi, serveApiDocs } from "./http/api-docs.ts";
import { consoleRoutes } from "./http/console.ts";
import { demoRoute } from "./http/demo.ts";
import { registerErrorHandler, sendError } from "./http/error-handler.ts";
import { eventRoutes } from "./http/events.ts";
import { healthRoutes } from "./http/health.ts";
import { chooseSubprotocol, liveRoute } from "./http/live.ts";
import { keepOtherSitesOut } from "./http/origin.ts";
import { sessionRoutes } from "./http/sessions.ts";
import { goesToWebhook } from "./protocol/events.ts";
import { MAX_CLIENT_MESSAGE_BYTES } from "./protocol/live.ts";
import { CaptchaRemoteController } from "./session/controller.ts";
import { EventFeed } from "./session/event-feed.ts";
import { openSqliteStore } from "./session/sqlite-store.ts";
import { Outbox } from "./webhooks/outbox.ts";
import { HOURLY_SCHEDULE, type Schedule } from "./webhooks/schedule.ts";

const API_PREFIX = "/api/captcha";
const PUBLIC_DIR = fileURLToPath(new URL("../public/", import.meta.url));
const REQUEST_TIMEOUT_MS = 15_000;
/** A client that never answers a close must not hold up the server's. */
const CLOSE_PATIENCE_MS = 500;

/** Without `blob:` and `data:`: pictures are decoded from bytes. */
const CONTENT_POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "connect-src": ["'self'"],
  "img-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'self'"],
  "require-trusted-types-for": ["'script'"],
};

export interface CaptchaRemote {
  readonly app: FastifyInstance;
  readonly controller: CaptchaRemoteController;
  readonly demo: DemoSession;
  /** Origin plus base path; the real port once the server listens. */
  readonly publicUrl: () => string;
  /** The same at the address it listens on. */
  readonly localUrl: () => string;
  /** Ends every browser at once, for a process that cannot wait for app.close(). */
  readonly kill: () => void;
}

export interface AppDeps {
  readonly log: Logger;
  /** Where the demo challenges are served; undefined while they are not. */
  readonly demoOrigin?: () => string | undefined;
  /** When webhooks are tried again; left out: for an hour. */
  readonly webhookSchedule?: Schedule;
}

/** Builds the server. Throws when DATA_DIR cannot be used. The caller listens, and closes `app` to end everything. */
export async function buildApp(config: Config, deps: AppDeps): Promise<CaptchaRemote> {
  const { log, demoOrigin = () => undefined, webhookSchedule: schedule = HOURLY_SCHEDULE } = deps;
  const store = openSqliteStore(config.dataDir);
  const browsers = await openBrowserRoom(config, log);
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 100 },
    frameworkErrors: sendError,
    rewriteUrl: (request) => withoutBasePath(request.url ?? "/", config.basePath),
  }) as unknown as FastifyInstance;
  const publicUrl = () => config.publicUrl ?? listeningUrl(app, config);
  const events = new EventFeed(store.events, log);
  const outbox = new Outbox({ queue: store.deliveries, config, log, schedule });
  events.onEvent((event) => goesToWebhook(event) && outbox.wake());
  const { openPage } = browsers;
  const controller = new CaptchaRemoteController({ config, store, events, openPage, log, publicUrl });
  const demo = new DemoSession(controller, { timeoutSeconds: config.maxTimeoutSeconds, demoOrigin });

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON only: a form on another site cannot post that without a preflight, which is never granted.
  app.removeContentTypeParser("text/plain");
  registerErrorHandler(app);
  keepOtherSitesOut(app, publicUrl);
  app.addHook("preClose", async () => {
    await Promise.all([controller.close(), browsers.close()]);
    // The ends of those sessions are the last events.
    await Promise.all([events.close(), outbox.stop()]);
    store.close();
  });
  app.addHook("preClose", async () => endSockets(app));

  await describeApi(app);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
    strictTransportSecurity: false,
  });
  await app.register(websocket, {
    options: { maxPayload: MAX_CLIENT_MESSAGE_BYTES, handleProtocols: chooseSubprotocol, perMessageDeflate: false },
    // Sockets are ended by the hook above, with a bound.
    preClose: (done) => done(),
  });

  const health = {
    unhealthy: () => (config.demo && !demo.tried ? "the demo session is not open yet" : null),
    canStartBrowser: browsers.canStart,
  };
  await app.register(healthRoutes, health);
  await app.register(
    async (api) => {
      await api.register(healthRoutes, health);
      await api.register(sessionRoutes, { controller });
      await api.register(eventRoutes, { controller });
      await api.register(liveRoute, { controller });
      await api.register(consoleRoutes, { publicDir: PUBLIC_DIR });
      if (config.demo) await api.register(demoRoute, { demo });
    },
    { prefix: API_PREFIX },
  );
  await serveApiDocs(app);
  // What the last server left to be told.
  outbox.wake();
  app.get("/", { schema: { hide: true } }, (_request, reply) =>
    reply.redirect(`${config.basePath}${API_PREFIX}/control`),
  );
  return { app, controller, demo, publicUrl, localUrl: () => listeningUrl(app, config), kill: browsers.kill };
}

/** Requests come with the base path (straight) or without it (behind a proxy that takes it off). */
function withoutBasePath(url: string, basePath: string): string {
  if (basePath === "" || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}

function listeningUrl(app: FastifyInstance, config: Config): string {
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : config.port;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return `http://${host}:${port}${config.basePath}`;
}

async function endSockets(app: FastifyInstance): Promise<void> {
  const { clients } = app.websocketServer;
  for (const client of clients) client.close(1001, "shutting_down");
  const closed = [...clients].map((client) => new Promise((resolve) => client.once("close", resolve)));
  await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, CLOSE_PATIENCE_MS))]);
  for (const client of clients) client.terminate();
}
