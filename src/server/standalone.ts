/** Builds the standalone server, in reading order. The caller makes it listen. */
import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { KeyRecord } from "../auth/key-spec.ts";
import type { Keys } from "../auth/keys.ts";
import type { Config } from "../config.ts";
import { DemoSession } from "../demo/demo-session.ts";
import type { Resolve } from "../egress/resolver.ts";
import type { EventPublisher } from "../events/event-publisher.ts";
import { guardRoutes } from "../http/guards/authorization.ts";
import { errorSender, refuseUnknownRoutes } from "../http/guards/error-handler.ts";
import { boundRawConnections, httpOptions, refuseBrokenRequest } from "../http/guards/raw-limits.ts";
import { RefusalCounter } from "../http/guards/refusal-counter.ts";
import { describeApi, serveApiDocs } from "../http/rest/api-docs.ts";
import { demoRoute } from "../http/rest/demo.ts";
import { healthRoutes } from "../http/rest/health.ts";
import { metricsRoute } from "../http/rest/metrics.ts";
import type { ReadGauges } from "../metrics/gauges.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";
import { redactingLogger } from "../util/redacting-logger.ts";
import type { Schedule } from "../webhooks/schedule.ts";
import { openService, portsOf, prepareInstance } from "./compose.ts";
import { serveSessions } from "./routes.ts";

export interface CaptchaRemote {
  readonly app: FastifyInstance;
  readonly controller: CaptchaRemoteController;
  readonly demo: DemoSession;
  readonly keys: Keys;
  /** Origin plus base path; the real port once the server listens. */
  readonly publicUrl: () => string;
  /** Origin of the address that the server listens on, plus base path. */
  readonly localUrl: () => string;
  /** All events pass through it. */
  readonly events: EventPublisher;
  /** Reads the gauges: what is open now. */
  readonly gauges: ReadGauges;
  /** Kills all browsers at once, for a process that cannot wait for app.close(). */
  readonly kill: () => void;
}

export interface AppDeps {
  readonly log: Logger;
  /** Origin of the demo challenges; undefined while they are not served. */
  readonly demoOrigin?: () => string | undefined;
  /** When failed webhooks are retried; left out: for an hour. */
  readonly webhookSchedule?: Schedule | undefined;
  /** How long the challenge is searched for in a page that opens, in ms; left out: 3 s. */
  readonly challengeSearchMs?: number | undefined;
  /** Resolves the names of sites and of bots' browsers; left out: as the system does. */
  readonly resolve?: Resolve | undefined;
  /** [S11] How long a page may work by itself before a person is asked for; left out: 8 s. */
  readonly workingPatienceMs?: number | undefined;
  /** Keys that the server itself uses and no person has. */
  readonly ownKeys?: readonly KeyRecord[] | undefined;
}

/** Builds the server. Rejects if DATA_DIR cannot be used. The caller listens, and closes `app` to end everything. */
export async function buildApp(
  config: Config,
  {
    log,
    demoOrigin = () => undefined,
    webhookSchedule,
    challengeSearchMs,
    resolve,
    workingPatienceMs,
    ownKeys,
  }: AppDeps,
): Promise<CaptchaRemote> {
  const refusals = new RefusalCounter();
  const app = Fastify({
    loggerInstance: redactingLogger(log),
    logController: new LogController({ disableRequestLogging: true }),
    ...httpOptions(config),
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    forceCloseConnections: true,
    // closing.ts answers instead: with our codes, and it closes the connections of upgrades.
    return503OnClosing: false,
    clientErrorHandler: refuseBrokenRequest(refusals),
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 100 },
    frameworkErrors: errorSender(refusals),
    rewriteUrl: (request) => withoutBasePath(request.url ?? "/", config.basePath),
  }) as unknown as FastifyInstance;
  boundRawConnections(app, config, refusals);
  const publicUrl = () => config.publicUrl ?? listeningUrl(app, config);
  const pageOpener = { serverPorts: () => portsOf(app), demoOrigin, challengeSearchMs, resolve };
  const more = { webhookSchedule, workingPatienceMs, ownKeys, refusals };
  const service = await openService(config, { log, publicUrl, pageOpener, ...more });
  const { controller, browsers, audit, guard, gauges } = service;
  const demo = new DemoSession(controller, {
    timeoutSeconds: config.maxTimeoutSeconds,
    demoOrigin,
    onCreated: (session_id) => audit.record({ who: "server", address: null, action: "session.create", session_id }),
  });
  const health = {
    unhealthy: () => (config.demo && !demo.tried ? "the demo session is not open yet" : null),
    canStartBrowser: browsers.canStart,
    guard,
    gauges,
  };

  await describeApi(app, config);
  await prepareInstance(app, service, publicUrl);
  refuseUnknownRoutes(app);
  await serveSessions(app, service, health, async (api) => {
    if (config.demo) await api.register(demoRoute, { demo });
  });
  await app.register(async (root) => {
    guardRoutes(root, guard);
    await root.register(healthRoutes, health);
    await root.register(metricsRoute, { refusals });
    await serveApiDocs(root);
    root.get("/", { schema: { hide: true }, config: { access: "public" } }, (_request, reply) =>
      reply.redirect(`${config.basePath}${API_PREFIX}/control`),
    );
  });
  return {
    app,
    controller,
    demo,
    keys: service.keys,
    events: service.events,
    publicUrl,
    localUrl: () => listeningUrl(app, config),
    gauges,
    kill: browsers.kill,
  };
}

/** Removes the base path from a request's URL. Requests arrive with it, or without it behind a proxy that strips it. */
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
