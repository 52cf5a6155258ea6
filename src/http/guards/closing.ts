/** A server that is being closed begins nothing new: it says so, instead of what its closing parts would say. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../errors.ts";

/** The next server is most often there at once. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Refuses what comes once this instance closes, requests and sockets alike, with `shutting_down`; what is under way is
 * answered. To be called before all other hooks.
 */
export function refuseWhileClosing(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  // A body may have been on its way when the closing began.
  for (const hook of ["onRequest", "preHandler"] as const) {
    app.addHook(hook, async (_request, reply) => {
      if (!isClosing) return;
      reply.header("retry-after", RETRY_AFTER_SECONDS);
      throw new AppError("shutting_down");
    });
  }
}
