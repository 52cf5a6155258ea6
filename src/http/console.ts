/** The operator console: one static page for any id, and its assets beside both of its addresses. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsync } from "fastify";

export interface ConsoleOptions {
  readonly publicDir: string;
}

export const consoleRoutes: FastifyPluginAsync<ConsoleOptions> = async (app, { publicDir }) => {
  const page = await readFile(join(publicDir, "index.html"));
  for (const path of ["/control", "/control/:id"]) {
    app.get(path, { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(page),
    );
  }
  // The page names its assets relatively, so that it works below any prefix a proxy may add: from /control they are
  // found in the first place, from /control/{id} in the second.
  for (const prefix of ["/console/", "/control/console/"]) {
    await app.register(fastifyStatic, {
      root: publicDir,
      prefix,
      decorateReply: false,
      allowedPath: (path) => !path.startsWith("/demo/") && !path.endsWith(".json"),
    });
  }
};
