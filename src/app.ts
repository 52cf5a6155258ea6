/** The wiring of the server of our own, in reading order. It does not listen. */
import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { DemoSession } from "./demo/demo-session.ts";
import { describeApi, serveApiDocs } from "./http/api-docs.ts";
import { demoRoute } from "./http/demo.ts";
import { refuseUnknownRoutes, sendError } from "./http/error-handler.ts";
import { healthRoutes } from "./http/health.ts";
import { API_PREFIX, openService, portsOf, prepareInstance, serveSessions } from "./service.ts";
import type { CaptchaRemoteController } from "./session/controller.ts";
import type { Schedule } from "./webhooks/schedule.ts";

const REQUEST_TIMEOUT_MS = 15_000;

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
  readonly webhookSchedule?: Schedule | undefined;
}

/** Builds the server. Throws when DATA_DIR cannot be used. The caller listens, and closes `app` to end everything. */
export async function buildApp(
  config: Config,
  { log, demoOrigin = () => undefined, webhookSchedule }: AppDeps,
): Promise<CaptchaRemote> {
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
  const surroundings = { serverPorts: () => portsOf(app), demoOrigin };
  const service = await openService(config, { log, publicUrl, surroundings, webhookSchedule });
  const { controller, browsers } = service;
  const demo = new DemoSession(controller, { timeoutSeconds: config.maxTimeoutSeconds, demoOrigin });
  const health = {
    unhealthy: () => (config.demo && !demo.tried ? "the demo session is not open yet" : null),
    canStartBrowser: browsers.canStart,
  };

  await describeApi(app);
  await prepareInstance(app, service, publicUrl);
  refuseUnknownRoutes(app);
  await app.register(healthRoutes, health);
  await serveSessions(app, service, health, async (api) => {
    if (config.demo) await api.register(demoRoute, { demo });
  });
  await serveApiDocs(app);
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
