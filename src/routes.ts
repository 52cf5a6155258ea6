/** All routes of a service, wherever it is served: our own server (app.ts) or a bot's (plugin.ts). */
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { auditRoutes } from "./http/audit.ts";
import { guardRoutes } from "./http/auth.ts";
import { claimRoutes } from "./http/claims.ts";
import { consoleRoutes } from "./http/console.ts";
import { createRateLimiter } from "./http/create-rate.ts";
import { refuseUnknownRoutes } from "./http/error-handler.ts";
import { eventRoutes } from "./http/events.ts";
import { feedRoutes } from "./http/feed.ts";
import { type HealthOptions, healthRoutes } from "./http/health.ts";
import { historyRoutes } from "./http/history.ts";
import { linkRoutes } from "./http/links.ts";
import { liveRoute } from "./http/live.ts";
import { metricsRoute } from "./http/metrics.ts";
import { noticeRoutes } from "./http/notices.ts";
import { letSitesRead } from "./http/origin.ts";
import { sessionRoutes } from "./http/sessions.ts";
import type { Service } from "./service.ts";

export const API_PREFIX = "/api/captcha";
const PUBLIC_DIR = fileURLToPath(new URL("../public/", import.meta.url));

/** REST, the operator socket and the console below API_PREFIX. */
export async function serveSessions(
  app: FastifyInstance,
  service: Service,
  health: HealthOptions,
  more: (api: FastifyInstance) => Promise<void> = async () => {},
): Promise<void> {
  const { config, controller, audit, sockets, streams, guard, connections, refusals } = service;
  await app.register(
    async (api) => {
      // First, as the question of a browser whether it may ask comes without a key.
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
      await api.register(noticeRoutes, { feed: service.events, audit });
      await api.register(historyRoutes, { history: service.history, authenticator });
      await api.register(linkRoutes, { controller, audit });
      await api.register(liveRoute, { controller, audit, sockets, guard, connections, refusals, limits: config });
      await api.register(auditRoutes, { audit });
      await api.register(consoleRoutes, { publicDir: PUBLIC_DIR, isOpenToAll: !config.auth });
      await more(api);
    },
    { prefix: API_PREFIX },
  );
}
