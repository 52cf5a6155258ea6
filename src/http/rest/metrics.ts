/** [R20] GET /metrics: counters and gauges for a Prometheus server. */
import type { FastifyPluginAsync } from "fastify";
import type { RefusalCounter } from "../guards/refusal-counter.ts";

export interface MetricsOptions {
  readonly refusals: RefusalCounter;
}

const FOR_OPS = { access: { scopes: ["ops"] } } as const;

export const metricsRoute: FastifyPluginAsync<MetricsOptions> = async (app, { refusals }) => {
  app.get("/metrics", { config: FOR_OPS, schema: { hide: true } }, async (_request, reply) =>
    reply
      .type(refusals.contentType)
      .header("cache-control", "no-store")
      .send(await refusals.text()),
  );
};
