/** Composes the service on a Fastify instance: the standalone server's (standalone.ts) or a bot's (plugin.ts). */
import type { EventEmitter } from "node:events";
import type { Server, ServerResponse } from "node:http";
import helmet from "@fastify/helmet";
import websocket, { type WebSocket } from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { recordEnds } from "../audit/ends.ts";
import { AuditTrail } from "../audit/trail.ts";
import { Authenticator } from "../auth/authenticator.ts";
import { Codes } from "../auth/codes.ts";
import { type DerivedKeys, derivedKeys } from "../auth/derived-keys.ts";
import { KeyRing } from "../auth/key-ring.ts";
import type { KeyRecord } from "../auth/key-spec.ts";
import { Keys } from "../auth/keys.ts";
import { Links } from "../auth/links.ts";
import { Tickets } from "../auth/tickets.ts";
import { KNOWN_KINDS } from "../browser/challenge/kinds.ts";
import { type BrowserPool, openBrowserPool, type PageOpenerOptions } from "../browser/open/browser-pool.ts";
import type { Config } from "../config.ts";
import type { Acknowledgements } from "../events/event-log.ts";
import { EventPublisher } from "../events/event-publisher.ts";
import { systemNotice } from "../events/system-notice.ts";
import { DEFLATE } from "../http/event-feed/route.ts";
import type { GuardDeps } from "../http/guards/authorization.ts";
import { refuseWhileClosing } from "../http/guards/closing.ts";
import { ConnectionLimits } from "../http/guards/connection-limits.ts";
import { errorSender } from "../http/guards/error-handler.ts";
import { FailedAuthentications } from "../http/guards/failed-authentications.ts";
import { keepOtherSitesOut } from "../http/guards/origin.ts";
import { RefusalCounter } from "../http/guards/refusal-counter.ts";
import type { HistoryRoutesOptions } from "../http/rest/history.ts";
import { chooseSubprotocol } from "../http/sockets/subprotocols.ts";
import { exposeGauges, gaugesOf, type ReadGauges } from "../metrics/gauges.ts";
import { startMetrics } from "../metrics/metrics.ts";
import { startVerdictCounter } from "../metrics/verdicts.ts";
import { ArrivalNotifier } from "../notifications/arrival-notifier.ts";
import { goesToWebhook, NO_SESSION } from "../protocol/events.ts";
import { CaptchaRemoteController } from "../session/controller.ts";
import { historyOf } from "../session/history.ts";
import { browsersToKeep, resumableSessions } from "../session/lifecycle/resume.ts";
import { OperatorLinks } from "../session/operators/operator-links.ts";
import { verdictLabels } from "../session/verdict-labels.ts";
import { DiskUploads } from "../storage/disk-uploads.ts";
import { openStorage } from "../storage/storage.ts";
import type { TracingDeps } from "../tracing/tracing.ts";
import { redactingLogger } from "../util/redacting-logger.ts";
import { Outbox } from "../webhooks/outbox.ts";
import { HOURLY_SCHEDULE, type Schedule } from "../webhooks/schedule.ts";
import { publicUrlsAt } from "./public-urls.ts";

/** The longest wait for clients to answer the close of their sockets, so that none delays the server's own close. */
const CLOSE_PATIENCE_MS = 500;
/** The limit for all bodies except that of a creation. */
const SMALL_BODY_BYTES = 64 * 1024;
const HSTS_SECONDS = 365 * 86_400;
/** The use of the secrets that sign an MCP call's state. */
const REQUEST_STATE_USE = "captcha-remote mcp requestState";

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
  readonly pageOpener: PageOpenerOptions;
  /** When failed webhooks are retried; left out: for an hour. */
  readonly webhookSchedule?: Schedule | undefined;
  /** [S11] How long a page may work by itself before a person is asked for; left out: 8 s. */
  readonly workingPatienceMs?: number | undefined;
  /** Keys that the server itself uses and no person has. */
  readonly ownKeys?: readonly KeyRecord[] | undefined;
  /** Counts refused requests and sockets; left out: a new counter. */
  readonly refusals?: RefusalCounter;
}

export interface Service {
  readonly config: Config;
  readonly controller: CaptchaRemoteController;
  readonly keys: Keys;
  readonly guard: GuardDeps;
  /** Sign the `requestState` of MCP calls [M3]. */
  readonly stateKeys: DerivedKeys;
  readonly audit: AuditTrail;
  readonly events: EventPublisher;
  readonly acknowledgements: Acknowledgements;
  /** Open operator sockets. */
  readonly sockets: Set<WebSocket>;
  /** Open events sockets. */
  readonly eventSockets: Set<WebSocket>;
  /** Open sockets of bots that lend a page over a relay, or crop their own. */
  readonly relaySockets: Set<WebSocket>;
  readonly streams: Set<ServerResponse>;
  readonly history: HistoryRoutesOptions["history"];
  readonly gauges: ReadGauges;
  readonly connections: ConnectionLimits;
  readonly refusals: RefusalCounter;
  readonly browsers: BrowserPool;
  /** Ends all sessions, publishes their ends and closes all sockets. Requests under way may still read the storage. */
  close(): Promise<void>;
  /** Closes the storage. The caller waits until no request is under way. */
  closeStorage(): void;
}

/** Opens everything that sessions need. The caller closes it. Rejects if DATA_DIR cannot be used. */
export async function openService(config: Config, deps: ServiceDeps): Promise<Service> {
  const { publicUrl, pageOpener, webhookSchedule: schedule = HOURLY_SCHEDULE, refusals = new RefusalCounter() } = deps;
  const log = redactingLogger(deps.log);
  const storage = openStorage(config.dataDir);
  const { sessions: store } = storage;
  const resumable = resumableSessions(store);
  const browsers = await openBrowserPool(config, pageOpener, log, browsersToKeep(resumable)).catch((error) => {
    storage.close();
    throw error;
  });
  const events = new EventPublisher(storage.events, log);
  // Starts before the first event: the controller begins by publishing missed ends.
  const stopTracing = await traced(config, { events, traceparentOf: (id) => store.find(id)?.traceparent ?? null, log });
  const outbox = new Outbox({ queue: storage.deliveries, config, log, schedule, neverPorts: browsers.neverPorts });
  events.onEvent(({ event }) => goesToWebhook(event) && outbox.wake());
  const uidOf = (id: string) => store.find(id)?.uid ?? null;
  const audit = new AuditTrail({ entries: storage.audit, uidOf, log });
  recordEnds(events, audit);
  for (const { record } of resumable) {
    const { session_id, uid } = record;
    audit.record({ who: "server", address: null, action: "session.resume", session_id, uid });
  }
  const { openPage, resumePage, neverPorts } = browsers;
  const keys = new Keys(config.apiKeys, storage.keys, deps.ownKeys);
  const ring = new KeyRing(config.dataDir);
  const operatorLinks = new Links(storage.links, ring);
  const tickets = new Tickets();
  const urls = publicUrlsAt(publicUrl);
  const links = new OperatorLinks({
    links: operatorLinks,
    tickets,
    codes: new Codes(),
    agentsGetCodes: config.mcpCodes,
    areNeeded: config.auth,
    urls,
  });
  const kinds = new Set(KNOWN_KINDS.map(({ kind }) => kind));
  const countVerdict = startVerdictCounter({
    registry: refusals.registry,
    events,
    labelsOf: (id) => {
      const record = store.find(id);
      return record ? verdictLabels(record, kinds) : null;
    },
  });
  const uploads = new DiskUploads(config.dataDir, config, new Set(resumable.map(({ record }) => record.uid)), (error) =>
    log.error({ err: error }, "uploaded files could not be removed"),
  );
  const controller = new CaptchaRemoteController({
    config,
    store,
    uploads,
    events,
    openPage,
    resumePage,
    resumable,
    neverPorts,
    links,
    log,
    urls,
    workingPatienceMs: deps.workingPatienceMs,
    onReported: (record, correct) => countVerdict(verdictLabels(record, kinds), correct),
  });
  const arrivals = new ArrivalNotifier({
    channels: config.arrivalChannels,
    notified: resumable.filter(({ record }) => record.needs_person).map(({ record }) => record.uid),
    events,
    find: (id) => store.find(id),
    linkTo: async (id) => (await controller.makeLink(id, { role: "control" })).url,
    log,
  });
  const authenticator = new Authenticator({
    isOn: config.auth,
    keys,
    links: operatorLinks,
    tickets,
    onError: (error) => log.error({ err: error }, "keys and links could not be looked up"),
  });
  const sockets = new Set<WebSocket>();
  const eventSockets = new Set<WebSocket>();
  const relaySockets = new Set<WebSocket>();
  const streams = new Set<ServerResponse>();
  const gauges = gaugesOf({ controller, sockets, eventSockets, relaySockets, streams, browsers });
  exposeGauges(refusals.registry, gauges);
  const stopMetrics = startMetrics({
    registry: refusals.registry,
    events,
    states: () => controller.open.states,
    browserMemory: browsers.memory,
  });
  // The last server may have left webhooks to deliver.
  outbox.wake();
  return {
    config,
    controller,
    keys,
    guard: {
      authenticator,
      sessions: controller,
      failures: new FailedAuthentications(config.maxFailedAuthenticationsPerMinute),
    },
    stateKeys: derivedKeys(ring, REQUEST_STATE_USE),
    audit,
    events,
    acknowledgements: storage.acknowledgements,
    sockets,
    eventSockets,
    relaySockets,
    streams,
    history: (query, caller) => historyOf(store, query, caller),
    gauges,
    connections: new ConnectionLimits(config),
    refusals,
    browsers,
    async close() {
      events.publish(NO_SESSION, systemNotice("warning", "shutting_down", "The server is shutting down."));
      await Promise.all([controller.close().finally(() => browsers.relays.close()), browsers.close()]);
      // The ends of those sessions are the last events.
      await Promise.all([events.close(), outbox.stop(), arrivals.close()]);
      await endSockets(new Set([...sockets, ...eventSockets, ...relaySockets]));
      authenticator.close();
      stopMetrics();
      await stopTracing();
    },
    closeStorage() {
      audit.close();
      storage.close();
    },
  };
}

/** Starts tracing and returns a function that stops it. Without a collector the tracing code is not loaded. */
async function traced(
  { otelExporterOtlpEndpoint: endpoint, otelServiceName }: Config,
  deps: Pick<TracingDeps, "events" | "traceparentOf" | "log">,
): Promise<() => Promise<void>> {
  if (endpoint === undefined) return async () => {};
  const { startTracing } = await import("../tracing/tracing.ts");
  return startTracing({ ...deps, endpoint, serviceName: otelServiceName });
}

/**
 * Adds guards, sockets, error answers and the orderly close to this instance and its children. `upgrades` emits
 * `upgrade` for each connection that is to become a socket of this service.
 */
export async function prepareInstance(
  app: FastifyInstance,
  { close, closeStorage, config, refusals }: Service,
  publicUrl: () => string,
  upgrades: EventEmitter = app.server,
): Promise<void> {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON only: a form on another site cannot post that without a preflight, which is never granted.
  app.removeContentTypeParser(["text/plain", "application/json"]);
  // Bodies with __proto__ are refused, whatever a bot's own server has configured.
  app.addContentTypeParser("application/json", { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
  app.addHook("onRoute", (route) => {
    route.bodyLimit ??= Math.min(SMALL_BODY_BYTES, config.maxBodyBytes);
  });
  app.setErrorHandler(errorSender(refusals));
  refuseWhileClosing(app);
  app.addHook("preClose", close);
  // By then the server has answered all requests under way.
  app.addHook("onClose", async () => closeStorage());
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { ...CONTENT_POLICY, "frame-ancestors": ["'self'", ...config.allowedOrigins] },
    },
    // The older header has no list of origins, so with allowed origins it would contradict the policy.
    xFrameOptions: config.allowedOrigins.length > 0 ? false : { action: "sameorigin" },
    strictTransportSecurity: config.publicUrl?.startsWith("https:")
      ? { maxAge: HSTS_SECONDS, includeSubDomains: false }
      : false,
  });
  keepOtherSitesOut(app, publicUrl, config);
  // A bot's own server may have sockets already.
  if (app.hasDecorator("websocketServer")) return;
  await app.register(websocket, {
    options: {
      server: upgrades as Server,
      maxPayload: config.maxMessageBytes,
      handleProtocols: chooseSubprotocol,
      perMessageDeflate: DEFLATE,
    },
    // The route handles its sockets' errors. The library would log each as if it were a defect.
    errorHandler: (error, socket, request) => {
      if ("code" in error && String(error.code).startsWith("WS_ERR_")) return;
      request.log.error({ err: error }, "operator socket failed");
      socket.terminate();
    },
    // The service closes the sockets itself, within a bound.
    preClose: (done) => done(),
  });
}

/** The ports that a server listens on, one for each address: `localhost` may have several. */
export function portsOf(app: FastifyInstance): number[] {
  return app.addresses().flatMap((address) => (typeof address === "string" ? [] : address.port));
}

/** Closes the sockets with 1001, and terminates those that do not answer in time. */
async function endSockets(clients: ReadonlySet<WebSocket>): Promise<void> {
  for (const client of clients) client.close(1001, "shutting_down");
  const closed = [...clients].map((client) => new Promise((resolve) => client.once("close", resolve)));
  await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, CLOSE_PATIENCE_MS))]);
  for (const client of clients) client.terminate();
}
