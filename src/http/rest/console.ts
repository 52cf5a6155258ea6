/**
 * The operator console: one page for any id, its modules joined into one file and its style sheets into another. Thirty
 * small files would cost an operator on a slow line five round trips before the first picture. Beside it the custom
 * element that shows it on other sites [R30].
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { negotiate } from "@fastify/accept-negotiator";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { type BundledFile, bundleConsoleOnce, ELEMENT } from "./console-bundle.ts";

export interface ConsoleOptions {
  readonly publicDir: string;
  /** The joined files, where a build has made them. Where it does not exist, they are made from publicDir. */
  readonly bundleDir: string;
  /** Where a checkout keeps what it has joined. */
  readonly cacheFile: string;
  /** AUTH=off: the page says so. */
  readonly isOpenToAll: boolean;
  /** The origins whose pages may frame the console: it posts messages to no other. */
  readonly allowedOrigins: readonly string[];
}

interface Asset {
  readonly name: string;
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

const ICON = "favicon.svg";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** The page names the version of each asset: what is kept under that name never changes. */
const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_AGAIN = "no-cache";
/** A release is there within the hour, and nobody waits for the question whether there is one. */
const SOON = "public, max-age=3600, stale-while-revalidate=604800";

/** What runs behind the first picture. */
const MAIN = "main.js";
const STATIC_IMPORT = /(?:from|import)"\.\/(chunk-[A-Z0-9]+\.js)"/g;

type Console = Awaited<ReturnType<typeof load>>;
/** By where its files are and how it is served: a process that runs many servers joins them once. */
const loaded = new Map<string, Promise<Console>>();

export const consoleRoutes: FastifyPluginAsync<ConsoleOptions> = async (app, options) => {
  const key = JSON.stringify([options.publicDir, options.bundleDir, options.isOpenToAll, options.allowedOrigins]);
  const loading = loaded.get(key) ?? load(options);
  loaded.set(key, loading);
  const { page, element, assets } = await loading;
  for (const path of ["/control", "/control/:id"]) {
    app.get(path, { schema: { hide: true }, config: { access: "public" } }, (request, reply) =>
      send(request, reply, page, ASK_AGAIN),
    );
  }
  app.get<{ Querystring: { v?: string } }>(
    `/${ELEMENT}`,
    { schema: { hide: true }, config: { access: "public" } },
    (request, reply) => sendElement(request, reply, element),
  );
  // The page names its assets relatively, so that it works below any prefix a proxy may add: from /control they are
  // found in the first place, from /control/{id} in the second.
  for (const prefix of ["/console/", "/control/console/"]) {
    for (const asset of assets) {
      app.get<{ Querystring: { v?: string } }>(
        prefix + asset.name,
        { schema: { hide: true }, config: { access: "public" } },
        (request, reply) => send(request, reply, asset, isKept(asset, request.query.v) ? FOR_EVER : ASK_AGAIN),
      );
    }
  }
};

/** Once, as the server starts: the page is the same for every request. */
async function load({
  publicDir,
  bundleDir,
  cacheFile,
  isOpenToAll,
  allowedOrigins,
}: ConsoleOptions): Promise<{ page: Asset; element: Asset; assets: readonly Asset[] }> {
  const [html, icon, joined] = await Promise.all([
    readFile(join(publicDir, "index.html"), "utf8"),
    readFile(join(publicDir, ICON)),
    existsSync(bundleDir) ? readBundle(bundleDir) : bundleConsoleOnce(publicDir, cacheFile),
  ]);
  const files = joined.map(({ name, contents }) => assetOf(name, Buffer.from(contents)));
  const element = files.find(({ name }) => name === ELEMENT);
  if (!element) throw new Error(`The console was built without ${ELEMENT}.`);
  const assets = [...files.filter((file) => file !== element), assetOf(ICON, icon)];
  // The browser asks for these at once, not only when it has read the file that names them.
  const main = joined.find(({ name }) => name === MAIN);
  const preloads = [
    ...Buffer.from(main?.contents ?? "")
      .toString()
      .matchAll(STATIC_IMPORT),
  ].map(([, name]) => `    <link rel="modulepreload" href="console/${name}">\n`);
  const named = assets.filter(({ name }) => !isPart(name));
  const page = named.reduce(
    (text, asset) => text.replaceAll(`"console/${asset.name}"`, `"console/${asset.name}?v=${versionOf(asset)}"`),
    html
      .replace('data-auth="on"', `data-auth="${isOpenToAll ? "off" : "on"}"`)
      .replace('data-parents=""', () => `data-parents="${asAttribute(allowedOrigins.join(" "))}"`)
      .replace("  </head>", `${preloads.join("")}  </head>`),
  );
  return { page: assetOf("index.html", Buffer.from(compact(page))), element, assets };
}

/** Without comments and indentation, which no browser needs. */
function compact(html: string): string {
  return html.replaceAll(/<!--.*?-->/gs, "").replaceAll(/\n\s+/g, "\n");
}

function asAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
}

/** A part's name has a hash of what it holds. */
function isPart(name: string): boolean {
  return name.startsWith("chunk-");
}

/** Whether this address always means these bytes: its version says so, or its name. */
function isKept(asset: Asset, version: string | undefined): boolean {
  return version === undefined ? isPart(asset.name) : version === versionOf(asset);
}

async function readBundle(folder: string): Promise<readonly BundledFile[]> {
  const names = await readdir(folder);
  return Promise.all(names.map(async (name) => ({ name, contents: await readFile(join(folder, name)) })));
}

function assetOf(name: string, plain: Buffer): Asset {
  const type = TYPES[name.slice(name.lastIndexOf("."))] ?? "application/octet-stream";
  return { name, type, plain, gzipped: gzipSync(plain, { level: 9 }) };
}

function versionOf({ plain }: Asset): string {
  return createHash("sha256").update(plain).digest("base64url").slice(0, 12);
}

/** [R30] Any page may load it: there is nothing in it that is not for everybody. */
function sendElement(
  request: FastifyRequest<{ Querystring: { v?: string } }>,
  reply: FastifyReply,
  element: Asset,
): FastifyReply {
  const tag = `"${versionOf(element)}"`;
  const caching = isKept(element, request.query.v) ? FOR_EVER : SOON;
  reply.header("cross-origin-resource-policy", "cross-origin").header("access-control-allow-origin", "*");
  reply.header("etag", tag);
  if (!request.headers["if-none-match"]?.includes(tag)) return send(request, reply, element, caching);
  return reply.code(304).header("cache-control", caching).header("vary", "accept-encoding").send();
}

function send(request: FastifyRequest, reply: FastifyReply, asset: Asset, caching: string): FastifyReply {
  const encoding = negotiate(request.headers["accept-encoding"] ?? "", ["gzip", "identity"]);
  reply.type(asset.type).header("cache-control", caching).header("vary", "accept-encoding");
  if (encoding !== "gzip") return reply.send(asset.plain);
  return reply.header("content-encoding", "gzip").send(asset.gzipped);
}
