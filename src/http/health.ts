/** Whether the process is up, and whether it can open sessions [R20]. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../errors.ts";

export interface HealthOptions {
  /** Why the process is not healthy yet; null when it is. */
  readonly unhealthy: () => string | null;
  /** Whether a browser start worked within the last minute. */
  readonly canStartBrowser: () => Promise<boolean>;
}

const ok = z.object({ status: z.literal("ok") });

export const healthRoutes: FastifyPluginAsyncZod<HealthOptions> = async (app, options) => {
  app.get(
    "/healthz",
    {
      config: { access: "public" },
      schema: { summary: "Process up, stored sessions listed", tags: ["health"], response: { 200: ok } },
    },
    async () => {
      const why = options.unhealthy();
      if (why !== null) throw new AppError("shutting_down", { why }, { message: "The server is still starting." });
      return { status: "ok" as const };
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
