/** Registers all routes of the service, for the standalone server (standalone.ts) and for a bot's (plugin.ts). */
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { feedRoutes } from "../http/event-feed/route.ts";
import { eventRoutes } from "../http/event-feed/session-events-route.ts";
import { guardRoutes } from "../http/guards/authorization.ts";
import { createRateLimiter } from "../http/guards/create-rate.ts";
import { refuseUnknownRoutes } from "../http/guards/error-handler.ts";
import { letSitesRead } from "../http/guards/origin.ts";
import { mcpRoutes } from "../http/mcp/route.ts";
import { operatorSocketRoute } from "../http/operator-socket/route.ts";
import { cropSocketRoute } from "../http/relay-socket/crop-route.ts";
import { relaySocketRoute } from "../http/relay-socket/route.ts";
import { auditRoutes } from "../http/rest/audit.ts";
import { claimRoutes } from "../http/rest/claims.ts";
import { codeAnswerRoutes } from "../http/rest/code-answers.ts";
import { consoleRoutes } from "../http/rest/console.ts";
import { fileRoutes } from "../http/rest/files.ts";
import { type HealthOptions, healthRoutes } from "../http/rest/health.ts";
import { historyRoutes } from "../http/rest/history.ts";
import { invitationRoutes } from "../http/rest/invitations.ts";
import { linkRoutes } from "../http/rest/links.ts";
import { metricsRoute } from "../http/rest/metrics.ts";
import { noticeRoutes } from "../http/rest/notices.ts";
import { reportRoutes } from "../http/rest/reports.ts";
import { sessionRoutes } from "../http/rest/sessions.ts";
import { soundRoutes } from "../http/rest/sounds.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { Service } from "./compose.ts";

/** The console bundle that the build puts into the package; a checkout has none. */
const BUNDLE_DIR = fileURLToPath(new URL("../console/", import.meta.url));
const BUNDLE_CACHE = fileURLToPath(new URL("../../.cache/console.json", import.meta.url));
const PUBLIC_DIR = fileURLToPath(new URL("../../public/", import.meta.url));

/** Serves REST, both sockets and the console below API_PREFIX. `more` registers further routes there. */
export async function serveSessions(
  app: FastifyInstance,
  service: Service,
  health: HealthOptions,
  more: (api: FastifyInstance) => Promise<void> = async () => {},
): Promise<void> {
  const { config, controller, audit, sockets, streams, guard, connections, refusals } = service;
  await app.register(
    async (api) => {
      // Before the guard, as a browser's preflight request has no key.
      await letSitesRead(api, config);
      guardRoutes(api, guard);
      refuseUnknownRoutes(api);
      const limitCreates = await createRateLimiter(api, config.maxCreatesPerMinute);
      await api.register(healthRoutes, health);
      await api.register(metricsRoute, { refusals });
      const { maxBodyBytes } = config;
      const { authenticator } = guard;
      await api.register(sessionRoutes, { controller, authenticator, audit, maxBodyBytes, limitCreates });
      await api.register(eventRoutes, { controller, authenticator, connections, streams });
      await api.register(feedRoutes, {
        feed: service.events,
        acknowledgements: service.acknowledgements,
        guard,
        sockets: service.eventSockets,
        streams,
        connections,
        refusals,
        limits: config,
      });
      await api.register(claimRoutes, { controller, audit });
      await api.register(codeAnswerRoutes, { controller, audit });
      await api.register(reportRoutes, { controller, audit });
      await api.register(noticeRoutes, { feed: service.events, audit });
      await api.register(historyRoutes, { history: service.history, authenticator });
      await api.register(linkRoutes, { controller, audit });
      await api.register(invitationRoutes, { controller, audit, failures: guard.failures });
      await api.register(soundRoutes, { controller });
      await api.register(fileRoutes, { controller, authenticator, audit });
      await api.register(operatorSocketRoute, {
        controller,
        audit,
        sockets,
        guard,
        connections,
        refusals,
        limits: config,
      });
      await api.register(relaySocketRoute, {
        relays: service.browsers.relays,
        audit,
        sockets: service.relaySockets,
        guard,
        connections,
        refusals,
        limits: config,
      });
      await api.register(cropSocketRoute, {
        crops: controller,
        sockets: service.relaySockets,
        guard,
        connections,
        refusals,
        limits: config,
      });
      const limitCalls = await createRateLimiter(api, config.maxMcpCallsPerMinute, {
        limit: "mcp_calls_per_minute",
        message: "Too many MCP requests in a minute.",
      });
      await api.register(mcpRoutes, { authenticator, limitCalls, stateKeys: service.stateKeys });
      await api.register(auditRoutes, { audit });
      await api.register(consoleRoutes, {
        publicDir: PUBLIC_DIR,
        bundleDir: BUNDLE_DIR,
        cacheFile: BUNDLE_CACHE,
        isOpenToAll: !config.auth,
        allowedOrigins: config.allowedOrigins,
      });
      await more(api);
    },
    { prefix: API_PREFIX },
  );
}
