/** The operator console: one static page for any id, and its assets beside both of its addresses. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsync } from "fastify";

export interface ConsoleOptions {
  readonly publicDir: string;
}

/** As the page names them, one a line. */
const STYLE_SHEET = /^\s*<link rel="stylesheet" href="console\/([a-z-]+\.css)">\n/gm;
const JOINED = "styles.css";

export const consoleRoutes: FastifyPluginAsync<ConsoleOptions> = async (app, { publicDir }) => {
  const { page, styles } = await joinStyles(publicDir);
  for (const path of ["/control", "/control/:id"]) {
    app.get(path, { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(page),
    );
  }
  // The page names its assets relatively, so that it works below any prefix a proxy may add: from /control they are
  // found in the first place, from /control/{id} in the second.
  for (const prefix of ["/console/", "/control/console/"]) {
    app.get(prefix + JOINED, { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/css; charset=utf-8").header("cache-control", "no-cache").send(styles),
    );
    await app.register(fastifyStatic, {
      root: publicDir,
      prefix,
      decorateReply: false,
      allowedPath: (path) => !path.startsWith("/demo/") && !path.endsWith(".json"),
    });
  }
};

/** The page's style sheets as one: nothing is painted before the last of them is there, and each costs a round trip. */
async function joinStyles(publicDir: string): Promise<{ page: string; styles: string }> {
  const html = await readFile(join(publicDir, "index.html"), "utf8");
  const names = [...html.matchAll(STYLE_SHEET)].map(([, name]) => name ?? "");
  const sheets = await Promise.all(names.map((name) => readFile(join(publicDir, name), "utf8")));
  let isFirst = true;
  const page = html.replace(STYLE_SHEET, () => {
    const link = isFirst ? `    <link rel="stylesheet" href="console/${JOINED}">\n` : "";
    isFirst = false;
    return link;
  });
  return { page, styles: sheets.join("\n") };
}
