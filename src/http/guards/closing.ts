/** A server that is closing refuses everything new with one error, instead of whatever its closing parts would throw. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../errors.ts";

/** Seconds. The next server is most often there at once. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Refuses requests and sockets with `shutting_down` once this instance closes; requests in progress are answered. To be
 * called before all other hooks.
 */
export function refuseWhileClosing(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  // The second hook: the body may still have been arriving when the closing began.
  for (const hook of ["onRequest", "preHandler"] as const) {
    app.addHook(hook, async (_request, reply) => {
      if (!isClosing) return;
      reply.header("retry-after", RETRY_AFTER_SECONDS);
      throw new AppError("shutting_down");
    });
  }
}
