/** Whether the process is up, and whether it can open sessions [R20]. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { mayCall } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import type { ReadGauges } from "../../metrics/gauges.ts";
import { gaugesSchema } from "../../protocol/health.ts";
import { type GuardDeps, knownCaller } from "../guards/authorization.ts";

export interface HealthOptions {
  /** Why the process is not healthy yet; null if it is. */
  readonly unhealthy: () => string | null;
  /** Whether a browser start worked within the last minute. */
  readonly canStartBrowser: () => Promise<boolean>;
  readonly guard: Pick<GuardDeps, "authenticator" | "failures">;
  readonly gauges: ReadGauges;
}

const ok = z.object({ status: z.literal("ok") });
const healthy = ok.extend({ gauges: gaugesSchema.optional() });
const TO_OPS = { scopes: ["ops"] } as const;

export const healthRoutes: FastifyPluginAsyncZod<HealthOptions> = async (app, options) => {
  app.get(
    "/healthz",
    {
      config: { access: "public" },
      schema: { summary: "Process up, stored sessions listed", tags: ["health"], response: { 200: healthy } },
    },
    async (request, reply) => {
      const why = options.unhealthy();
      if (why !== null) throw new AppError("shutting_down", { why }, { message: "The server is still starting." });
      void reply.header("cache-control", "no-store");
      const caller = await knownCaller(request, options.guard);
      if (!caller || !mayCall(caller, TO_OPS)) return { status: "ok" as const };
      return { status: "ok" as const, gauges: await options.gauges() };
    },
  );
  app.get(
    "/readyz",
    {
      config: { access: "public" },
      schema: { summary: "A browser can be started", tags: ["health"], response: { 200: ok } },
    },
    async () => {
      if (!(await options.canStartBrowser())) throw new AppError("browser_unavailable");
      return { status: "ok" as const };
    },
  );
};
